"""SVD-AE and GF-CF against their formulas, written out densely in float64."""

from __future__ import annotations

import tracemalloc

import numpy as np
import pytest
from conftest import log_of
from scipy import sparse

from recae.errors import CapacityError, ConfigError
from recae.models.linear import gf_cf, svd_ae
from recae.models.linear.normalised import degree_normalised, inverse_roots
from recae.models.pattern import pattern_weights, restore_pattern
from recae.models.registry import create
from recae.options import RunOptions


def roots_of(dense: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """D_U^-1/2 and D_I^-1/2, 0 where nobody is."""
    with np.errstate(divide="ignore"):
        users, items = dense.sum(axis=1) ** -0.5, dense.sum(axis=0) ** -0.5
    return np.where(np.isfinite(users), users, 0), np.where(np.isfinite(items), items, 0)


def decomposed(dense: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    users, items = roots_of(dense)
    return np.linalg.svd(users[:, None] * dense * items, full_matrices=False)


def strangers(n_items: int, rows: int = 9) -> sparse.csr_array:
    """Histories that nobody had in training, the first of them empty."""
    rng = np.random.default_rng(8)
    dense = (rng.random((rows, n_items)) < 0.2).astype(np.float32)
    dense[0] = 0
    return sparse.csr_array(dense)


def test_rows_and_columns_are_divided_by_the_roots_of_their_sums(tastes):
    dense = tastes.binary().toarray().astype(np.float64)
    users, items = roots_of(dense)
    found = degree_normalised(tastes.binary(), inverse_roots(tastes.item_counts()))
    np.testing.assert_allclose(found.toarray(), users[:, None] * dense * items, rtol=1e-6)


def test_nobody_and_nothing_have_no_weight():
    np.testing.assert_array_equal(inverse_roots(np.array([0, 1, 4])), np.array([0, 1, 0.5], dtype=np.float32))


def svd_ae_scores(dense: np.ndarray, histories: np.ndarray, factors: int, l2: float = 0.0) -> np.ndarray:
    """r~ V S (S^2 + l2)^-1 U^T R, where l2 = 0 is the paper's r~ V S^-1 U^T R."""
    left, values, right = decomposed(dense)
    left, values, right = left[:, :factors], values[:factors], right[:factors]
    lengths = np.maximum(histories.sum(axis=1), 1)
    normalised = histories * roots_of(dense)[1] / np.sqrt(lengths)[:, None]
    return normalised @ right.T @ np.diag(values / (values**2 + l2)) @ left.T @ dense


@pytest.mark.parametrize("l2", [0.0, 0.05])
def test_svd_ae_is_the_truncated_pseudo_inverse_applied_to_the_plain_matrix(tastes, l2, monkeypatch):
    monkeypatch.setattr(svd_ae, "BLOCK_USERS", 50)
    dense, histories = tastes.binary().toarray().astype(np.float64), strangers(tastes.n_items)
    model = create("svd-ae", rank_share=0.2, l2=l2).fit(tastes)
    assert model.weights()["encoder"].shape == (40, 8)
    expected = svd_ae_scores(dense, histories.toarray().astype(np.float64), 8, l2)
    np.testing.assert_allclose(model.score(histories), expected, atol=2e-5)


def test_svd_ae_with_every_direction_gives_the_training_rows_back(tastes):
    """Least squares over all directions reconstructs R wherever R~ has full column rank: the identity is learned."""
    model = create("svd-ae", rank_share=1).fit(tastes)
    lengths = np.sqrt(np.diff(tastes.matrix.indptr))[:, None]
    users = tastes.binary().toarray()
    left, values, _ = decomposed(users.astype(np.float64))
    assert values[-1] > 1e-3
    projected = left @ left.T @ users
    np.testing.assert_allclose(model.score(tastes.binary()), projected, atol=1e-4)
    assert np.abs(projected - users / lengths).max() > 0.1


@pytest.mark.parametrize(
    ("users", "items", "share", "factors"), [(6040, 3706, 0.04, 148), (29858, 40981, 0.04, 1194), (50, 100, 0.06, 3)]
)
def test_a_share_of_the_shorter_side_is_rounded_down_as_in_the_paper(users, items, share, factors, monkeypatch):
    asked = []

    def heard(matrix, wanted, seed):
        asked.append(wanted)
        return np.ones(1), np.zeros((items, 1))

    monkeypatch.setattr(svd_ae, "leading_directions", heard)
    rows = sparse.csr_array((np.ones(users), (np.arange(users), np.arange(users) % items)), shape=(users, items))
    create("svd-ae", rank_share=share).fit(log_of(rows))
    assert asked == [factors]


def test_directions_of_no_strength_are_not_divided_by(make_log):
    """Two pairs of items that always occur together: half of the directions have strength 0."""
    log = make_log([(user, item) for user in range(6) for item in ("ab" if user % 2 else "cd")])
    model = create("svd-ae", rank_share=1).fit(log)
    assert model.weights()["encoder"].shape[1] == 2
    np.testing.assert_allclose(model.score(log.matrix), log.matrix.toarray(), atol=1e-5)


def gf_cf_scores(dense: np.ndarray, histories: np.ndarray, factors: int, weight: float) -> np.ndarray:
    users, items = roots_of(dense)
    normalised = users[:, None] * dense * items
    right = decomposed(dense)[2][:factors]
    low = (histories * items) @ right.T @ right * np.sqrt(dense.sum(axis=0))
    return histories @ normalised.T @ normalised + weight * low


@pytest.mark.parametrize(("factors", "weight"), [(3, 0.3), (7, 2.0), (5, 0.0)])
def test_gf_cf_is_a_linear_and_an_ideal_filter_of_the_plain_history(tastes, factors, weight, monkeypatch):
    monkeypatch.setattr(gf_cf, "BLOCK_BYTES", 12 * 120 * 4)
    dense, histories = tastes.binary().toarray().astype(np.float64), strangers(tastes.n_items)
    model = create("gf-cf", factors=factors, ideal_weight=weight).fit(tastes)
    expected = gf_cf_scores(dense, histories.toarray().astype(np.float64), factors, weight)
    np.testing.assert_allclose(model.score(histories), expected, rtol=1e-4, atol=1e-5)


def test_gf_cf_does_not_scale_users_down_by_their_activity(tastes):
    """Only D_U of the training users counts: two histories without a common item add up."""
    model = create("gf-cf", factors=4).fit(tastes)
    first, second = sparse.csr_array(np.eye(2, 40, dtype=np.float32)).toarray()
    one, two, both = model.score(sparse.csr_array(np.stack([first, second, first + second])))
    np.testing.assert_allclose(both, one + two, atol=1e-6)


@pytest.mark.parametrize("name", ["svd-ae", "gf-cf"])
def test_items_and_users_without_interactions_are_no_hindrance(name, tastes):
    holes = tastes.keep((tastes.matrix.indices != 4) & (np.repeat(np.arange(120), np.diff(tastes.matrix.indptr)) != 9))
    model = create(name).fit(holes)
    found = model.score(tastes.matrix)
    assert np.isfinite(found).all()
    assert (found[:, 4] == 0).all()


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("svd-ae", {"rank_share": 0}),
        ("svd-ae", {"rank_share": 1.1}),
        ("svd-ae", {"l2": -1}),
        ("gf-cf", {"factors": 0}),
        ("gf-cf", {"ideal_weight": -0.1}),
    ],
)
def test_impossible_settings_are_refused(name, settings):
    with pytest.raises(ConfigError, match=next(iter(settings))):
        create(name, **settings)


def test_a_decomposition_that_would_not_fit_is_refused_before_it_is_begun(tastes):
    with pytest.raises(CapacityError, match=r"svd-ae on 120 users and 40 items would take .* a smaller rank_share"):
        create("svd-ae").fit(tastes, options=RunOptions(max_memory=1000))


def test_the_estimate_of_the_decomposition_holds_its_peak():
    binary = sparse.random_array((4000, 900), density=0.02, format="csr", rng=np.random.default_rng(0)).astype("f4")
    tracemalloc.start()
    svd_ae.low_pass(binary, 0.1, 0.0, 0)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert 0.7 * peak < svd_ae.memory_needed(binary, 0.1) < 2 * peak


def test_a_pattern_comes_back_and_a_damaged_one_is_refused(tastes):
    kept = pattern_weights(tastes.matrix)
    assert (restore_pattern(kept, 40) != tastes.binary()).nnz == 0
    with pytest.raises(KeyError):
        restore_pattern({}, 40)
    with pytest.raises(ValueError, match="an item that the model does not have"):
        restore_pattern(kept, 39)
    for spoilt in (kept["row_starts"][::-1].copy(), kept["row_starts"][1:], np.zeros(0, dtype=np.int64)):
        with pytest.raises(ValueError, match="does not divide"):
            restore_pattern(kept | {"row_starts": spoilt}, 40)


@pytest.mark.parametrize("crowded", [0.0, 2.0])
def test_gf_cf_is_the_same_by_way_of_few_neighbours_and_of_all(tastes, monkeypatch, crowded):
    model = create("gf-cf", factors=4).fit(tastes)
    expected = model.score(tastes.matrix)
    monkeypatch.setattr("recae.models.linear.gf_cf.CROWDED", crowded)
    np.testing.assert_allclose(model.score(tastes.matrix), expected, atol=1e-6)
