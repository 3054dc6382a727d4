from __future__ import annotations

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from recae.data.ids import IdIndex
from recae.data.interactions import Interactions
from recae.data.split import HeldOut
from recae.errors import CapacityError, ConfigError
from recae.evaluation.evaluate import evaluate
from recae.models.linear import inverse
from recae.models.linear.gram import BLOCK_ITEMS, gram, sum_of_rows
from recae.models.linear.inverse import by_users, memory_needed, penalised_inverse
from recae.models.registry import create
from recae.options import RunOptions


def closed_form(binary: np.ndarray, l2: float) -> np.ndarray:
    inverse = np.linalg.inv(binary.T @ binary + l2 * np.eye(binary.shape[1]))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    return weights


def test_weights_are_the_closed_form_of_the_binary_matrix(tastes):
    model = create("ease", l2=3.0).fit(tastes)
    weights = closed_form(tastes.binary().toarray().astype(np.float64), 3.0)
    np.testing.assert_allclose(model.weights()["weights"], weights, atol=2e-6)
    assert (np.diag(model.weights()["weights"]) == 0).all()


def test_scores_are_history_times_weights_and_not_the_transpose(tastes):
    model = create("ease", l2=3.0).fit(tastes)
    weights = model.weights()["weights"]
    histories = tastes.binary()[:7]
    np.testing.assert_allclose(model.score(histories), histories.toarray() @ weights, atol=1e-5)
    assert np.abs(weights - weights.T).max() > 1e-3


def test_weights_minimise_the_penalised_error_under_a_zero_diagonal(tastes):
    """The gradient of |X - X B|^2 + l2 |B|^2 vanishes everywhere but on the diagonal."""
    weights = create("ease", l2=3.0).fit(tastes).weights()["weights"].astype(np.float64)
    binary = tastes.binary().toarray().astype(np.float64)
    gradient = -binary.T @ (binary - binary @ weights) + 3.0 * weights
    np.fill_diagonal(gradient, 0)
    assert np.abs(gradient).max() < 1e-3


def test_weights_are_the_constrained_least_squares_solution(tastes):
    """Column by column with the zero as an equation of its own, by Lagrange's method."""
    weights = create("ease", l2=3.0).fit(tastes).weights()["weights"]
    binary = tastes.binary().toarray().astype(np.float64)
    normal = binary.T @ binary + 3.0 * np.eye(40)
    for item in range(40):
        zero = np.eye(40)[[item]]
        system = np.block([[normal, zero.T], [zero, np.zeros((1, 1))]])
        column = np.linalg.solve(system, np.append(binary.T @ binary[:, item], 0))[:-1]
        np.testing.assert_allclose(weights[:, item], column, atol=2e-6)


def test_it_refuses_before_it_takes_memory_that_is_not_there(tastes):
    with pytest.raises(CapacityError, match=r"ease on 40 items would take about 67\.5 MB .*: drop rare items"):
        create("ease").fit(tastes, options=RunOptions(max_memory=1000))


def test_the_estimate_for_gowalla_leaves_room_in_24_gib():
    gowalla = sparse.csr_array((200_000, 40_981), dtype=np.float32)
    assert 4 * 40_981**2 < memory_needed(gowalla, np.ones(40_981)) < 1.3 * 4 * 40_981**2


def normalised(binary: np.ndarray, l2: float, user_power: float, item_power: float) -> np.ndarray:
    """EASE with DAN's powers, written out in float64."""
    lengths, counts = binary.sum(axis=1), binary.sum(axis=0)
    users = lengths**-user_power * (lengths.sum() / (lengths ** (1 - user_power)).sum())
    gram_matrix = (binary * users[:, None]).T @ binary
    assert np.trace(gram_matrix) == pytest.approx(binary.sum())
    inverse = np.linalg.inv(gram_matrix + l2 * np.eye(binary.shape[1]))
    weights = -inverse / np.diag(inverse) * (counts**item_power)[:, None] / counts**item_power
    np.fill_diagonal(weights, 0)
    return weights


def test_powers_weigh_users_and_items(tastes):
    model = create("ease", l2=3.0, user_power=0.5, item_power=0.2).fit(tastes)
    expected = normalised(tastes.binary().toarray().astype(np.float64), 3.0, 0.5, 0.2)
    np.testing.assert_allclose(model.weights()["weights"], expected, atol=1e-5)


@pytest.mark.parametrize("n_users", [30, 300])
def test_the_inverse_is_the_same_by_way_of_users_and_of_items(n_users):
    rng = np.random.default_rng(3)
    matrix = sparse.random_array((n_users, 90), density=0.1, rng=rng, format="csr", dtype=np.float32)
    penalty = rng.uniform(1, 9, 90).astype(np.float32)
    assert by_users(matrix, penalty) == (n_users == 30)
    heard = []
    found = penalised_inverse(matrix, penalty, done=heard.append)
    dense = matrix.toarray().astype(np.float64)
    np.testing.assert_allclose(found, np.linalg.inv(dense.T @ dense + np.diag(penalty)), atol=1e-6)
    assert sum(heard) == min(n_users, 90)


@settings(max_examples=40, deadline=None)
@given(n_items=st.integers(2, 40), share=st.floats(0.01, 0.84), block=st.integers(1, 45), seed=st.integers(0, 3))
def test_by_way_of_users_every_block_size_gives_the_inverse_in_one_memory(n_items, share, block, seed):
    rng = np.random.default_rng(seed)
    shape = (max(1, int(share * n_items)), n_items)
    matrix = sparse.random_array(shape, density=0.3, rng=rng, format="csr", dtype=np.float32)
    penalty = rng.uniform(1, 9, n_items).astype(np.float32)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(inverse, "BLOCK_ITEMS", block)
        found = penalised_inverse(matrix, penalty)
    dense = matrix.toarray().astype(np.float64)
    np.testing.assert_allclose(found, np.linalg.inv(dense.T @ dense + np.diag(penalty)), atol=1e-6)
    np.testing.assert_array_equal(found, found.T)


def test_the_estimate_by_way_of_users_is_under_one_and_a_third_matrices():
    for n_users in (1_000, 29_858, 34_800):
        few = sparse.csr_array((n_users, 40_981), dtype=np.float32)
        assert by_users(few, np.ones(40_981))
        assert 4 * 40_981**2 < memory_needed(few, np.ones(40_981)) < 1.34 * 4 * 40_981**2
    gowalla = sparse.csr_array((29_858, 40_981), dtype=np.float32)
    assert memory_needed(gowalla, np.ones(40_981)) < 1.15 * 4 * 40_981**2


def test_a_penalty_too_small_for_float32_goes_by_way_of_items():
    matrix = sparse.csr_array(np.ones((30, 90), dtype=np.float32))
    assert by_users(matrix, np.full(90, 1.0))
    assert not by_users(matrix, np.full(90, 0.01))


def test_a_vanishing_penalty_is_told_as_such(make_log):
    # Two items with the same users have no inverse Gram matrix.
    log = make_log([(user, item) for user in range(4) for item in "ab"])
    with pytest.raises(ConfigError, match=r"l2=1e-12.*choose a greater l2"):
        create("ease", l2=1e-12).fit(log)


@pytest.mark.parametrize("bad", [0, -1, "nan", "inf", "much"])
def test_impossible_penalties_are_refused(bad):
    with pytest.raises(ConfigError, match="l2"):
        create("ease", l2=bad)


def test_gram_is_exact_across_blocks():
    n_items = BLOCK_ITEMS + 3
    matrix = sparse.random_array((50, n_items), density=0.05, rng=np.random.default_rng(0), format="csr")
    matrix = sparse.csr_array((np.ones(matrix.nnz, np.float32), matrix.indices, matrix.indptr), shape=matrix.shape)
    result = gram(matrix)
    assert result.dtype == np.float32
    np.testing.assert_array_equal(result, matrix.toarray().T @ matrix.toarray())


def test_gram_of_an_item_without_users_is_zero():
    np.testing.assert_array_equal(gram(sparse.csr_array(np.array([[1, 0]], np.float32))), [[1, 0], [0, 0]])


@pytest.mark.parametrize("density", [0.01, 0.6])
@pytest.mark.parametrize("has_mkl", [True, False])
def test_gram_is_the_same_by_either_way_of_multiplying(monkeypatch, density: float, has_mkl: bool) -> None:
    if has_mkl and not torch.backends.mkl.is_available():
        pytest.skip("this build of PyTorch has no MKL")
    monkeypatch.setattr(torch.backends.mkl, "is_available", lambda: has_mkl)
    monkeypatch.setattr("recae.models.linear.gram.BLOCK_ITEMS", 7)
    rng = np.random.default_rng(3)
    dense = (rng.random((40, 30)) < density).astype(np.float32)
    np.testing.assert_array_equal(gram(sparse.csr_array(dense)), dense.T @ dense)
    weighted = dense * rng.random(dense.shape, dtype=np.float32)
    found = gram(sparse.csr_array(weighted))
    np.testing.assert_allclose(found, weighted.astype(np.float64).T @ weighted, rtol=1e-5)
    np.testing.assert_array_equal(found, found.T)


def test_sum_of_rows_ignores_values_and_takes_both_index_widths():
    histories = sparse.csr_array(np.array([[0, 5, 3], [0, 0, 0], [1, 0, 0]], np.float32))
    table = np.array([[1, 10], [2, 20], [4, 40]], np.float32)
    wide = histories.copy()
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    for rows in (histories, wide):
        np.testing.assert_array_equal(sum_of_rows(rows, table), [[6, 60], [0, 0], [1, 10]])


def test_explicit_zeros_are_interactions():
    log = sparse.csr_array((np.array([0, 1], np.float32), [0, 1], [0, 2]), shape=(1, 2))
    np.testing.assert_array_equal(sum_of_rows(log, np.array([[1.0], [2.0]], np.float32)), [[3.0]])


@pytest.mark.real_data
def test_movielens_1m_reaches_the_known_figures(real_data):
    tables = [pq.read_table(real_data(f"ml-1m/{part}.parquet")) for part in ("train", "valid", "test")]
    users = IdIndex(tables[0]["user_id"].combine_chunks().unique())
    items = IdIndex(tables[0]["item_id"].combine_chunks().unique())

    def matrix(table) -> tuple[sparse.csr_array, np.ndarray]:
        rows, columns = users.positions(table["user_id"]), items.positions(table["item_id"])
        known = columns >= 0
        entries = (np.ones(known.sum(), np.float32), (rows[known], columns[known]))
        unknown = np.bincount(rows[~known], minlength=len(users)).astype(np.int64)
        return sparse.csr_array(entries, shape=(len(users), len(items))), unknown

    (train, _), (valid, _), (test, unknown) = map(matrix, tables)
    held_out = HeldOut(sparse.csr_array(train + valid), test, users, unknown)
    for l2, expected in ((500, 0.3375), (1000, 0.3407)):
        model = create("ease", l2=l2).fit(Interactions(train, users, items))
        assert evaluate(model, held_out, ["ndcg@10"]).means()["ndcg@10"] == pytest.approx(expected, abs=5e-4)
