from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import optimize, sparse
from sklearn.decomposition import NMF

from recae.models.factorization.nmf import improve
from recae.models.registry import create


def fitted_parts(tastes, **settings) -> np.ndarray:
    return create("nmf", **settings).fit(tastes).weights()["parts"]


def distance(dense: np.ndarray, parts: np.ndarray, l2: float) -> float:
    """The objective with the best non-negative users for these items, each solved by Lawson and Hanson's method."""
    system = np.vstack([parts, np.sqrt(l2) * np.eye(parts.shape[1])])
    padding = np.zeros(parts.shape[1])
    errors = [optimize.nnls(system, np.concatenate([row, padding]))[1] ** 2 for row in dense]
    return float(sum(errors) + l2 * np.square(parts).sum())


@pytest.mark.parametrize("l2", [0.0, 2.0])
def test_the_objective_is_as_low_as_that_of_scikit_learn(tastes, l2):
    dense = tastes.binary().toarray().astype(np.float64)
    theirs = NMF(5, init="nndsvda", alpha_W=l2 / dense.shape[1], alpha_H=l2 / dense.shape[0], max_iter=2000, tol=1e-6)
    theirs.fit(dense)
    ours = fitted_parts(tastes, factors=5, l2=l2, epochs=200).astype(np.float64)
    assert (ours >= 0).all()
    assert distance(dense, ours, l2) < 1.02 * distance(dense, theirs.components_.T, l2)


def test_two_parts_are_the_two_tastes(tastes):
    parts = fitted_parts(tastes, factors=2)
    own = parts.argmax(axis=1)
    assert len(set(own[:20])) == len(set(own[20:])) == 1
    assert own[0] != own[20]


def test_every_sweep_lowers_the_objective():
    draw = np.random.default_rng(0)
    matrix = sparse.csr_array((draw.random((30, 20)) < 0.3).astype(np.float32))
    left, right = (torch.from_numpy(draw.random((4, n), dtype=np.float32)) for n in (30, 20))
    seen = []
    for _ in range(10):
        improve(left, matrix, right, l2=0.5)
        seen.append(np.square(matrix.toarray() - (left.T @ right).numpy()).sum() + 0.5 * float(left.square().sum()))
    assert (np.diff(seen) <= 1e-4).all()
    assert seen[0] > seen[-1]


def test_any_history_is_scored_by_non_negative_least_squares(tastes):
    model = create("nmf", factors=5, l2=1.0).fit(tastes)
    parts = model.weights()["parts"].astype(np.float64)
    system = np.vstack([parts, np.eye(5)])
    strange = sparse.csr_array((np.random.default_rng(1).random((6, 40)) < 0.2).astype(np.float32))
    for row, scores in zip(strange.toarray(), model.score(strange), strict=True):
        exact, _ = optimize.nnls(system, np.concatenate([row, np.zeros(5)]))
        np.testing.assert_allclose(scores, parts @ exact, atol=1e-3)


def test_an_empty_history_has_no_parts(tastes):
    scores = create("nmf", factors=5).fit(tastes).score(sparse.csr_array((1, 40), dtype=np.float32))
    np.testing.assert_array_equal(scores, 0)
