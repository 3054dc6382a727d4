"""The cosine-DAE: its loss and gradient against the dense form, and what it hides."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse
from torch.nn import functional

from recae.models.autoencoders import cosine_dae
from recae.models.autoencoders.cosine_dae import CosineDaeConfig, CosineDaeNetwork, hidden_cosine_loss
from recae.options import RunOptions
from recae.training.engine import Machine
from recae.training.sparse import SparseRows

CPU = torch.device("cpu")


def histories(n_rows: int, n_items: int = 30) -> tuple[torch.Tensor, SparseRows]:
    dense = (np.random.default_rng(0).random((n_rows, n_items)) < 0.4).astype(np.float32)
    return torch.from_numpy(dense), SparseRows.of(sparse.csr_array(dense), CPU)


def dense_loss(code: torch.Tensor, weight: torch.Tensor, kept: torch.Tensor, hidden: torch.Tensor) -> torch.Tensor:
    scores = (code @ weight.T) * (1 - kept)
    return (1 - functional.cosine_similarity(scores, hidden)).mean()


@pytest.mark.parametrize("n_rows", [5, 40])
def test_loss_and_gradients_equal_the_dense_form(n_rows):
    """5 rows go by way of the items, 40 by way of the 8 columns."""
    generator = torch.Generator().manual_seed(1)
    dense, rows = histories(n_rows)
    hide = (torch.rand(len(rows.values), generator=generator) < 0.5).float()
    hidden = torch.zeros_like(dense).index_put((rows.rows, rows.indices), hide)
    code = torch.randn(n_rows, 8, generator=generator)
    weight = torch.randn(30, 8, generator=generator)

    ours = [code.clone().requires_grad_(), weight.clone().requires_grad_()]
    target, kept = rows.with_values(hide), rows.with_values(1 - hide)
    found = hidden_cosine_loss(ours[0], ours[1], target, kept, torch.float32)
    found.backward()
    theirs = [code.clone().requires_grad_(), weight.clone().requires_grad_()]
    expected = dense_loss(theirs[0], theirs[1], dense - hidden, hidden)
    expected.backward()

    torch.testing.assert_close(found, expected)
    for left, right in zip(ours, theirs, strict=True):
        torch.testing.assert_close(left.grad, right.grad, atol=1e-6, rtol=1e-4)


def test_no_cosine_exceeds_one_where_rounding_eats_the_rest_of_the_scores():
    """Nearly all of the squared scores stands at kept items and is subtracted again; 7.265 is less in bf16."""
    dense = torch.zeros(40, 200)
    for row in range(40):
        dense[row, 10 * (row % 20) : 10 * (row % 20) + 10] = 1
    rows = SparseRows.of(sparse.csr_array(dense.numpy()), CPU)
    hide = (torch.arange(len(rows.values)) % 10 == 3).float()
    weight = torch.eye(20).repeat_interleave(10, dim=0) + 0.001 * torch.randn(
        200, 20, generator=torch.Generator().manual_seed(0)
    )
    weight[3::10] *= 0.01
    code, weight = 7.265 * torch.eye(20).repeat(2, 1), weight.requires_grad_()
    loss = hidden_cosine_loss(code, weight, rows.with_values(hide), rows.with_values(1 - hide), torch.bfloat16)
    loss.backward()
    assert 0 <= float(loss.detach()) <= 2
    assert torch.isfinite(weight.grad).all()


def test_a_row_of_which_nothing_was_hidden_says_nothing():
    _, rows = histories(3)
    weight = torch.randn(30, 4, generator=torch.Generator().manual_seed(0)).requires_grad_()
    nothing = rows.with_values(torch.zeros_like(rows.values))
    loss = hidden_cosine_loss(torch.ones(3, 4), weight, nothing, rows, torch.float32)
    loss.backward()
    assert float(loss.detach()) == 1
    assert float(weight.grad.abs().max()) == 0


def test_scores_are_the_decoded_code_of_the_whole_history():
    dense, rows = histories(6)
    network = CosineDaeNetwork(30, CosineDaeConfig(latent=5), torch.Generator().manual_seed(2))
    expected = functional.silu(dense @ network.weight + network.bias) @ network.weight.T
    torch.testing.assert_close(network.scores(rows), expected)


@pytest.mark.parametrize("dropout", [0.2, 0.7])
def test_the_encoder_sees_what_is_not_hidden_and_the_loss_asks_for_the_rest(dropout, monkeypatch):
    _, rows = histories(400)
    network = CosineDaeNetwork(30, CosineDaeConfig(latent=5, dropout=dropout), torch.Generator().manual_seed(2))
    seen = []

    def note(code, weight, target, kept, dtype):
        seen.extend([code, target, kept])
        return hidden_cosine_loss(code, weight, target, kept, dtype)

    monkeypatch.setattr(cosine_dae, "hidden_cosine_loss", note)
    network.loss(rows, 0, Machine.of(RunOptions(seed=4, device="cpu", precision="fp32")))
    code, target, kept = seen
    torch.testing.assert_close(target.values + kept.values, rows.values)
    torch.testing.assert_close(code, network.code(kept))
    assert float(target.values.mean()) == pytest.approx(dropout, abs=0.05)


def test_what_is_hidden_changes_from_step_to_step_and_repeats_with_the_seed():
    _, rows = histories(6)
    network = CosineDaeNetwork(30, CosineDaeConfig(latent=5), torch.Generator().manual_seed(2))

    def two_losses() -> list[float]:
        machine = Machine.of(RunOptions(seed=4, device="cpu", precision="fp32"))
        return [float(network.loss(rows, 0, machine).total.detach()) for _ in range(2)]

    first, second = two_losses()
    assert first != second
    assert two_losses() == [first, second]
