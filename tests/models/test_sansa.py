"""SANSA: EASE in the limit, and a factor that is the best on its places."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse

from recae.errors import CapacityError, ConfigError
from recae.models.linear.small_systems import _threads, solve_alone
from recae.models.linear.sparse_inverse import _strongest, solve_rows, sparse_factor, strongest_pairs
from recae.models.registry import create
from recae.options import RunOptions

L2 = 5.0


def likes(n_users: int = 300, n_items: int = 60) -> np.ndarray:
    """Correlated columns of unequal popularity; one item twice, one without users."""
    rng = np.random.default_rng(0)
    appeal = rng.random((n_users, 4)) @ rng.random((4, n_items)) * rng.uniform(0.1, 1, n_items)
    dense = (rng.random((n_users, n_items)) < 0.5 * appeal / appeal.max()).astype(np.float32)
    dense[:, 7], dense[:, 9] = dense[:, 8], 0
    return dense


def system(dense: np.ndarray) -> np.ndarray:
    exact = dense.astype(np.float64)
    return exact.T @ exact + L2 * np.eye(dense.shape[1])


def factor_of(dense: np.ndarray, budget: int, spare: float = 3.0) -> np.ndarray:
    penalty = np.full(dense.shape[1], L2)
    found: np.ndarray = sparse_factor(sparse.csr_array(dense), penalty, budget, spare).toarray()
    return found


def test_a_complete_factor_is_that_of_cholesky():
    dense = likes()
    expected = np.linalg.inv(np.linalg.cholesky(system(dense)))
    np.testing.assert_allclose(factor_of(dense, 60 * 59 // 2), expected, atol=1e-6)


def test_the_inverse_is_approached_as_the_factor_grows():
    dense = likes()
    inverse = np.linalg.inv(system(dense))
    factors = [factor_of(dense, budget) for budget in (60, 180, 500, 1100, 1770)]
    errors = [np.linalg.norm(factor.T @ factor - inverse) for factor in factors]
    assert (np.diff(errors) < 0).all()
    assert errors[-1] < 1e-5 < errors[-2]


def test_a_row_is_the_best_on_its_places():
    """M A M^T has a unit diagonal, and the gradient m A vanishes at every place below the diagonal."""
    dense = likes()
    factor = factor_of(dense, 300)
    found = factor @ system(dense)
    np.testing.assert_allclose(np.diag(found @ factor.T), 1, rtol=1e-5)
    below = np.tril(factor, -1) != 0
    assert np.abs(found[below]).max() < 1e-4
    assert np.abs(np.tril(found, -1)[~below]).max() > 0.1


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize(("most", "block", "step"), [(1 << 28, 1 << 20, 1 << 18), (100, 130, 40), (1, 1, 1)])
def test_systems_cut_from_one_gram_matrix_are_those_solved_one_by_one(monkeypatch, most, block, step, threads):
    sizes = {"MOST_ENTRIES": most, "BLOCK_ENTRIES": block, "FEWEST_ROWS": 1, "STEP_ENTRIES": step}
    for name, value in sizes.items():
        monkeypatch.setattr(f"recae.models.linear.small_systems.{name}", value)
    dense, random = likes(), np.random.default_rng(1)
    places = [np.append(np.sort(random.choice(row, min(row, size), replace=False)), row)
              for row, size in enumerate(random.integers(0, 9, 60))]  # fmt: skip
    starts = np.concatenate(([0], np.cumsum([len(place) for place in places])))
    rows = np.array([0, 3, 4, 20, 41, 42, 59])
    found = np.full(starts[-1], np.nan, dtype=np.float32)
    by_item = sparse.csr_array(dense).T.tocsr()
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        for at, values in solve_alone(
            by_item, np.full(60, L2), (np.concatenate(places).astype(np.int32), starts), rows
        ):
            found[at] = values
    finally:
        torch.set_num_threads(before)

    for row, place in enumerate(places):
        inverse = np.linalg.inv(system(dense)[np.ix_(place, place)])
        expected = inverse[:, -1] / np.sqrt(inverse[-1, -1]) if row in rows else np.full(len(place), np.nan)
        np.testing.assert_allclose(found[starts[row] : starts[row + 1]], expected, rtol=1e-5, atol=1e-7)


def test_the_factor_does_not_depend_on_which_rows_are_solved_together(monkeypatch):
    dense = likes()
    together = factor_of(dense, 300)
    monkeypatch.setattr("recae.models.linear.sparse_inverse._UNION", 1)
    np.testing.assert_allclose(factor_of(dense, 300), together, rtol=1e-6, atol=1e-9)


def test_places_that_are_all_kept_are_solved_once():
    dense, heard = likes(), []
    penalty = np.full(dense.shape[1], L2)
    sparse_factor(sparse.csr_array(dense), penalty, 300, 1.0, done=heard.append)
    assert sum(heard) == 2 * dense.shape[1]
    assert heard[-1] == dense.shape[1]


def test_the_budget_holds_and_the_rest_is_zero():
    dense = likes()
    for budget in (0, 1, 250):
        factor = factor_of(dense, budget)
        assert np.count_nonzero(np.tril(factor, -1)) == budget
        assert np.count_nonzero(np.triu(factor, 1)) == 0
        assert (np.diag(factor) > 0).all()


def test_the_strongest_pairs_are_those_of_the_cosine_whatever_the_blocks(monkeypatch):
    dense = likes()
    roots = np.sqrt(np.diag(system(dense)))
    matrix = sparse.csr_array(dense)
    cosine = np.tril((dense.T @ dense) / roots / roots[:, None], -1)
    least = np.sort(cosine, axis=None)[-200]
    for block in (1024, 7):
        monkeypatch.setattr("recae.models.linear.sparse_inverse.BLOCK_ITEMS", block)
        found = strongest_pairs(matrix, matrix.T.tocsr(), roots, 200).toarray()
        np.testing.assert_allclose(found, np.where(found != 0, cosine, 0), rtol=1e-5)
        assert np.count_nonzero(found) == 200
        assert found[found != 0].min() >= least - 1e-6


@pytest.fixture
def threads_of_torch():
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


def test_factors_are_the_same_whatever_the_threads_also_where_pairs_are_equally_strong(monkeypatch, threads_of_torch):
    monkeypatch.setattr("recae.models.linear.sparse_inverse.BLOCK_ITEMS", 5)
    dense = np.tile(likes()[:, :30], 4)  # every pair is there several times
    matrix, penalty = sparse.csr_array(dense), np.full(120, L2)
    roots = np.sqrt(np.diag(system(dense)))
    pairs, factors = [], []
    for threads in (1, 2, 5):
        threads_of_torch(threads)
        pairs.append(strongest_pairs(matrix, matrix.T.tocsr(), roots, 40))
        factors.append(sparse_factor(matrix, penalty, 300, 2.0))
    for found in (pairs, factors):
        for other in found[1:]:
            assert np.array_equal(other.indices, found[0].indices)
            assert np.array_equal(other.indptr, found[0].indptr)
            np.testing.assert_allclose(other.data, found[0].data, rtol=1e-6)


def test_few_threads_solve_large_systems(threads_of_torch):
    threads_of_torch(7)
    assert [_threads(size) for size in (1, 300, 2000, 3000, 50_000)] == [7, 7, 2, 1, 1]


def test_a_row_without_places_needs_a_positive_diagonal():
    alone = np.zeros(0, dtype=np.int32), np.zeros(1, dtype=np.int64)
    places = np.arange(3, dtype=np.int32), np.arange(4)
    nobody = sparse.csr_array((3, 4), dtype=np.float32)
    assert list(solve_alone(nobody, np.ones(3), alone, np.zeros(0, dtype=np.int64))) == []
    with pytest.raises(ValueError, match="near row 1"):
        list(solve_alone(nobody, np.array([1.0, 0, 1]), places, np.arange(3)))


def test_rows_do_not_depend_on_those_that_are_solved_with_them(monkeypatch):
    dense = likes()
    by_item = sparse.csr_array(dense.T)
    places = sparse.tril(sparse.random_array((60, 60), density=0.5, rng=np.random.default_rng(2)), -1, format="csr")
    heard: list[int] = []
    whole = solve_rows(by_item, np.full(60, L2), places, heard.append).toarray()
    monkeypatch.setattr("recae.models.linear.sparse_inverse._UNION", 9)
    parts = solve_rows(by_item, np.full(60, L2), places, heard.append).toarray()
    np.testing.assert_allclose(parts, whole, rtol=1e-6)
    assert heard[:4] == [16, 16, 16, 12]
    assert len(heard) > 10
    assert sum(heard) == 120


def test_the_strongest_are_counted_exactly_where_all_are_alike():
    alike = sparse.csr_array(np.ones((6, 7), dtype=np.float32))
    assert [_strongest(alike, count).nnz for count in (0, 1, 17, 42, 50)] == [0, 1, 17, 42, 42]


def scores(name: str, log, **settings) -> np.ndarray:
    return create(name, l2=L2, **settings).fit(log).score(log.matrix)


@pytest.mark.parametrize("powers", [{}, {"user_power": 0.5, "item_power": 0.3}])
def test_a_complete_factor_scores_like_ease(tastes, powers):
    """Also at the items of the history, where EASE has its zero diagonal."""
    found = scores("sansa", tastes, density=1.0, **powers)
    np.testing.assert_allclose(found, scores("ease", tastes, **powers), atol=2e-5)


def test_scores_approach_ease_as_density_grows(tastes):
    ease = scores("ease", tastes)
    errors = [np.linalg.norm(scores("sansa", tastes, density=density) - ease) for density in (0.02, 0.1, 0.25, 0.6)]
    assert (np.diff(errors) < 0).all()
    assert errors[-1] < 1e-3 * errors[0]


def test_the_model_keeps_no_more_than_its_density(tastes):
    kept = create("sansa", l2=L2, density=0.1).fit(tastes).weights()["values"]
    assert len(kept) == 40 + int(0.1 * 40 * 40)


def test_it_refuses_before_it_takes_memory_that_is_not_there(tastes):
    with pytest.raises(CapacityError, match=r"sansa on 40 items with density 0\.1 would take .* a smaller density"):
        create("sansa", density=0.1).fit(tastes, options=RunOptions(max_memory=1000))


def test_a_vanishing_penalty_is_told_as_such(make_log):
    log = make_log([(user, item) for user in range(4) for item in "ab"])
    with pytest.raises(ConfigError, match=r"l2=1e-20.*choose a greater l2"):
        create("sansa", l2=1e-20, density=1.0).fit(log)


@pytest.mark.parametrize("bad", [{"density": 0}, {"density": 1.5}, {"spare": 0.5}, {"l2": 0}])
def test_impossible_settings_are_refused(bad):
    with pytest.raises(ConfigError, match=next(iter(bad))):
        create("sansa", **bad)
