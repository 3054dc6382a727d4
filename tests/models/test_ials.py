from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from threadpoolctl import threadpool_limits

from recae.models.factorization import fold_in as fold_in_module
from recae.models.factorization.fold_in import FoldIn
from recae.models.registry import create
from recae.options import RunOptions


def closed_form(histories: np.ndarray, items: np.ndarray, l2: float, alpha: float) -> np.ndarray:
    items = items.astype(np.float64)
    solved = []
    for row in histories > 0:
        confidence = np.where(row, alpha, 1.0)
        system = items.T @ (confidence[:, None] * items) + l2 * np.eye(items.shape[1])
        solved.append(np.linalg.solve(system, items.T @ (confidence * row)))
    return np.array(solved)


@pytest.fixture(scope="module")
def factors() -> np.ndarray:
    return np.random.default_rng(3).normal(0, 0.3, (40, 8)).astype(np.float32)


@pytest.mark.parametrize("alpha", [1.0, 4.0, 40.0])
def test_fold_in_is_the_closed_form(tastes, factors, alpha):
    solved = FoldIn(factors, l2=0.5, confidence=alpha)(tastes.binary())
    expected = closed_form(tastes.binary().toarray(), factors, 0.5, alpha)
    np.testing.assert_allclose(solved, expected, atol=1e-5)


@pytest.mark.parametrize("alpha", [1.0, 4.0])
def test_fold_in_does_not_depend_on_batches(tastes, factors, alpha, monkeypatch):
    solve = FoldIn(factors, 0.5, alpha)
    whole = solve(tastes.matrix)
    monkeypatch.setattr(fold_in_module, "BATCH_ROWS", 3)
    np.testing.assert_array_equal(solve(tastes.matrix), whole)
    np.testing.assert_array_equal(solve(tastes.matrix[4:5]), whole[4:5])


@pytest.mark.parametrize("alpha", [1.0, 4.0])
def test_nobody_and_nothing_are_folded_in_too(factors, alpha):
    solve = FoldIn(factors, 0.5, alpha)
    assert solve(sparse.csr_array((0, 40), dtype=np.float32)).shape == (0, 8)
    np.testing.assert_array_equal(solve(sparse.csr_array((2, 40), dtype=np.float32)), 0)


@pytest.mark.parametrize("alpha", [1.0, 6.0])
def test_a_training_user_is_folded_in_as_implicit_recalculates_it(tastes, alpha):
    from implicit.cpu.als import AlternatingLeastSquares

    model = create("ials", factors=8, l2=2.0, alpha=alpha, epochs=5).fit(tastes, options=RunOptions(seed=11))
    binary = sparse.csr_matrix(tastes.binary())
    with threadpool_limits(1, "blas"):
        reference = AlternatingLeastSquares(
            factors=8, regularization=2.0, alpha=alpha, iterations=5, random_state=11, dtype=np.float32
        )
        reference.fit(binary, show_progress=False)
        expected = reference.recalculate_user(np.arange(20), binary[:20])
    np.testing.assert_allclose(model.weights()["item_factors"], reference.item_factors, atol=1e-6)
    np.testing.assert_allclose(model.user_vectors(tastes.matrix[:20]), expected, atol=1e-4)


def test_the_outcome_does_not_depend_on_threads(tastes):
    def fitted() -> np.ndarray:
        return create("ials", factors=8, epochs=3).fit(tastes).weights()["item_factors"]

    first = fitted()
    with threadpool_limits(1):
        np.testing.assert_array_equal(fitted(), first)


def test_threads_that_rank_share_one_table(tastes, monkeypatch):
    model = create("ials", factors=4, epochs=2).fit(tastes)
    ready = model.as_product()
    monkeypatch.setattr("recae.models.factorization.ials.FoldIn", lambda *_: pytest.fail("one more table"))
    np.testing.assert_array_equal(ready.queries(tastes.matrix, None), model.user_vectors(tastes.matrix))


def test_no_penalty_and_more_factors_than_items_still_solves(make_log):
    model = create("ials", factors=16, l2=0.0, epochs=2).fit(make_log([(1, "a"), (1, "b"), (2, "b")]))
    assert np.isfinite(model.score(sparse.csr_array(np.eye(2, dtype=np.float32)))).all()


def test_why_the_lists_of_implicit_are_not_used(tastes):
    """Where fewer than N items remain, `recommend` fills up with seen items at the lowest float; recae lists less."""
    from implicit.cpu.als import AlternatingLeastSquares

    binary = sparse.csr_matrix(tastes.binary())
    with threadpool_limits(1, "blas"):
        reference = AlternatingLeastSquares(factors=4, random_state=0, iterations=1)
        reference.fit(binary, show_progress=False)
        ids, scores = reference.recommend(0, binary[0], N=40, filter_already_liked_items=True)
    filler = scores < -3e38
    assert filler.any()
    assert set(ids[filler]) <= set(binary[0].indices)
