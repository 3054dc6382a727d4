from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import optimize, sparse
from torch.nn.functional import logsigmoid

from recae.models.factorization import lmf
from recae.models.registry import create


def log_likelihood(dense: torch.Tensor, users: torch.Tensor, items: torch.Tensor, alpha: float) -> torch.Tensor:
    """Of every cell: alpha r z - (1 + alpha r) log(1 + e^z), z = x y + both biases."""
    odds = users[:, :-1] @ items[:, :-1].T + users[:, -1:] + items[:, -1]
    return (alpha * dense * odds + (1 + alpha * dense) * logsigmoid(-odds)).sum()


@pytest.mark.parametrize("bytes_per_block", [1, 1000, 1 << 20])
def test_the_gradient_in_blocks_is_that_of_the_dense_likelihood(tastes, monkeypatch, bytes_per_block):
    monkeypatch.setattr(lmf, "BLOCK_BYTES", bytes_per_block)
    draw = torch.Generator().manual_seed(0)
    users, items = (torch.randn(n, 4, generator=draw, requires_grad=True) for n in (120, 40))
    binary = tastes.binary()
    log_likelihood(torch.from_numpy(binary.toarray()), users, items, 3.0).backward()
    model = create("lmf", alpha=3.0)
    of_users, of_items = torch.zeros(120, 4), torch.zeros(40, 4)
    for rows, errors in model._errors(binary, users.detach(), items.detach()):
        of_users[rows] = errors @ lmf.with_ones(items.detach())
        of_items += errors.T @ lmf.with_ones(users.detach()[rows])
    torch.testing.assert_close(of_users, users.grad, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(of_items, items.grad, rtol=1e-4, atol=1e-4)


def test_longer_training_raises_the_penalised_likelihood(tastes):
    dense = torch.from_numpy(tastes.binary().toarray())

    def reached(epochs: int) -> float:
        model = create("lmf", factors=4, epochs=epochs).fit(tastes)
        users, items = torch.from_numpy(model.user_vectors(tastes.matrix)), torch.from_numpy(model.weights()["items"])
        penalty = sum(float(vectors[:, :-1].square().sum()) for vectors in (users, items)) / 2
        return float(log_likelihood(dense, users, items, 1.0)) - penalty

    assert reached(2) < reached(10) < reached(60)


def test_any_history_is_scored_by_a_logistic_regression(tastes):
    """With enough steps the vector is the maximum that a general optimiser finds."""
    model = create("lmf", factors=3, epochs=400, l2=2.0, alpha=2.0).fit(tastes)
    items = torch.from_numpy(model.weights()["items"]).double()
    history = sparse.csr_array((np.arange(40) % 7 == 0).astype(np.float32)[None])
    dense = torch.from_numpy(history.toarray()).double()

    def loss(values: np.ndarray) -> float:
        user = torch.from_numpy(values)[None]
        return -float(log_likelihood(dense, user, items, 2.0)) + float(user[:, :-1].square().sum())

    best = optimize.minimize(loss, np.zeros(4), method="BFGS").x
    np.testing.assert_allclose(model.user_vectors(history)[0], best, atol=0.02)


def test_a_user_without_history_gets_the_popular_items(tastes):
    scores = create("lmf", factors=4).fit(tastes).score(sparse.csr_array((1, 40), dtype=np.float32))[0]
    assert np.corrcoef(scores, tastes.item_counts())[0, 1] > 0.8
