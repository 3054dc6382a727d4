"""ELSA: the loss and its gradient without a dense output, against autograd on the dense form."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse
from torch.nn import functional

from recae.models.autoencoders.elsa import Elsa, ElsaConfig, ElsaNetwork
from recae.options import RunOptions
from recae.training.cosine import cosine_loss
from recae.training.engine import Machine
from recae.training.sparse import SparseRows

OPTIONS = RunOptions(seed=5, device="cpu", precision="fp32")
LATENT = 10


def rows_of(dense: np.ndarray) -> SparseRows:
    return SparseRows.of(sparse.csr_array(dense.astype(np.float32)), torch.device("cpu"))


def histories(n_rows: int, n_items: int = 30) -> np.ndarray:
    dense = np.random.default_rng(0).random((n_rows, n_items)) < 0.3
    dense[0] = np.arange(n_items) == 3
    return dense.astype(np.float64)


def network(n_items: int = 30) -> ElsaNetwork:
    return ElsaNetwork(n_items, ElsaConfig(latent=LATENT), torch.Generator().manual_seed(1))


def dense_loss(weight: torch.Tensor, dense: np.ndarray) -> torch.Tensor:
    """The normalised squared error of the paper: |y / |y| - x / |x||^2, written with the whole output."""
    x = torch.from_numpy(dense)
    vectors = functional.normalize(weight, dim=1)
    predicted = x @ vectors @ vectors.T - x
    errors = functional.normalize(predicted, dim=1) - functional.normalize(x, dim=1)
    return errors.square().sum(dim=1).mean()


@pytest.mark.parametrize("n_rows", [LATENT - 4, LATENT, LATENT + 30])
def test_loss_and_gradient_are_those_of_the_dense_form(n_rows):
    """Fewer rows than columns of A go one way, more the other."""
    dense, net = histories(n_rows), network()
    ours = net.loss(rows_of(dense), 0, Machine.of(OPTIONS)).total
    ours.backward()
    weight = net.weight.detach().double().requires_grad_()
    expected = dense_loss(weight, dense)
    expected.backward()
    assert ours.item() == pytest.approx(expected.item(), rel=1e-5)
    torch.testing.assert_close(net.weight.grad.double(), weight.grad, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("n_rows", [6, 40])
def test_narrow_products_change_the_loss_and_its_gradient_only_by_their_rounding(n_rows):
    gradients = []
    for dtype in (torch.float32, torch.bfloat16):
        net = network()
        cosine_loss(net.weight, rows_of(histories(n_rows)), dtype).backward()
        gradients.append(net.weight.grad.flatten())
    assert functional.cosine_similarity(*gradients, dim=0) > 0.999


def test_gradients_are_added_and_scaled_by_what_comes_from_above():
    dense, net = histories(12), network()
    (3 * cosine_loss(net.weight, rows_of(dense), torch.float32)).backward()
    once = net.weight.grad.clone()
    cosine_loss(net.weight, rows_of(dense), torch.float32).backward()
    torch.testing.assert_close(net.weight.grad, once * 4 / 3, rtol=1e-4, atol=1e-6)


def test_the_length_of_a_vector_has_no_gradient_and_no_effect():
    dense, net = histories(12), network()
    loss = cosine_loss(net.weight, rows_of(dense), torch.float32)
    loss.backward()
    along = torch.linalg.vecdot(net.weight.detach(), net.weight.grad)
    assert along.abs().max() < 1e-6 < net.weight.grad.abs().max()
    with torch.no_grad():
        net.weight *= torch.linspace(0.1, 7, 30)[:, None]
    torch.testing.assert_close(cosine_loss(net.weight, rows_of(dense), torch.float32), loss, rtol=1e-4, atol=1e-5)


def test_an_empty_row_has_no_gradient():
    dense, net = histories(12), network()
    dense[4:] = 0
    cosine_loss(net.weight, rows_of(dense), torch.float32).backward()
    found = net.weight.grad.clone()
    assert torch.isfinite(found).all()
    other = network()
    cosine_loss(other.weight, rows_of(dense[:4]), torch.float32).backward()
    torch.testing.assert_close(found, other.weight.grad / 3, rtol=1e-4, atol=1e-6)


def test_scores_are_those_of_unit_vectors_without_the_diagonal(tastes):
    model = Elsa(latent=6, epochs=2, patience=0).fit(tastes, options=OPTIONS)
    vectors = model.item_vectors().astype(np.float64)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    weights = vectors @ vectors.T
    np.fill_diagonal(weights, 0)
    np.testing.assert_allclose(model.score(tastes.matrix), tastes.binary().toarray() @ weights, atol=1e-4)


def test_training_reaches_a_loss_below_that_of_popularity(tastes):
    model = Elsa(latent=8, epochs=60, batch_users=20, learning_rate=0.05, patience=0).fit(tastes, options=OPTIONS)
    losses = [point.losses["loss"] for point in model.curve.points]
    x = torch.from_numpy(tastes.binary().toarray())
    popular = 2 - 2 * functional.cosine_similarity(x.sum(dim=0).expand_as(x), x, dim=1).mean()
    assert losses[-1] < popular - 0.1
    assert losses[-1] < 0.5 * losses[0]
