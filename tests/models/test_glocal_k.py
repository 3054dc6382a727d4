"""GLocal-K's second stage: the convolution, its gradients, and when it begins."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse
from test_sparse_fc import rated_log
from torch.nn import functional

from recae.models.autoencoders import glocal_k
from recae.models.autoencoders.glocal_k import GlocalK, GlocalKConfig, GlocalKNetwork, convolved
from recae.models.autoencoders.sparse_fc import SparseFc
from recae.options import RunOptions
from recae.training.engine import Machine
from recae.training.sparse import SparseRows

CPU = torch.device("cpu")
FP32 = RunOptions(seed=5, device="cpu", precision="fp32")


def matrix(n_items: int = 7, n_users: int = 9) -> sparse.csr_array:
    rng = np.random.default_rng(3)
    ratings = rng.integers(1, 6, (n_items, n_users)) * (rng.random((n_items, n_users)) < 0.4)
    ratings[4] = 0
    return sparse.csr_array(ratings.astype(np.float32))


def network_of(rows: sparse.csr_array, **settings: float) -> GlocalKNetwork:
    config = GlocalKConfig(latent=5, epochs=6, tuning_epochs=2, **settings)
    network = GlocalKNetwork(rows.shape[1], rows.shape[0], config, torch.Generator().manual_seed(1))
    network.start_at(rows)
    return network


def batch_of(rows: sparse.csr_array, positions: np.ndarray) -> SparseRows:
    return SparseRows.of(rows[positions], CPU, positions)


def test_the_global_kernel_is_a_convolution_of_the_whole_matrix_with_zeros_around_it() -> None:
    rows, kernel = matrix(), torch.randn(9, generator=torch.Generator().manual_seed(0))
    network, positions = network_of(rows), torch.tensor([6, 0, 3, 4])
    values = torch.from_numpy(rows[positions.numpy()].data)
    ours = convolved(network._neighbours(positions, values), kernel)
    dense = torch.from_numpy(rows.toarray())[None, None]
    theirs = functional.conv2d(dense, kernel.reshape(1, 1, 3, 3), padding=1)[0, 0]
    torch.testing.assert_close(ours, theirs[positions])


def test_gradients_are_those_of_the_dense_form_block_by_block(monkeypatch) -> None:
    monkeypatch.setattr(glocal_k, "_BLOCK_FLOATS", 2 * 9)
    rows = matrix()
    network = network_of(rows, dropout=0)
    with torch.no_grad():
        network.mixing.normal_(0, 0.3, generator=torch.Generator().manual_seed(4))
    network.before(5)
    positions = np.array([5, 1, 0, 6, 2])
    network.loss(batch_of(rows, positions), 0, Machine.of(FP32)).total.backward()
    ours = {name: parameter.grad.clone() for name, parameter in network.named_parameters()}
    network.zero_grad()

    x = torch.from_numpy(rows.toarray())
    there = (x != 0).float()
    mean = x[x != 0].mean()
    kernel = torch.eye(9)[4] + network.pooled @ network.mixing / 7
    spread = functional.conv2d(x[None, None], kernel.reshape(1, 1, 3, 3), padding=1)[0, 0].relu()
    layers = network.layers()
    hidden = torch.sigmoid((spread - mean * there) @ layers.first + network.encoder_bias + there @ network.known) - 0.5
    ((weight, bias),) = layers.between
    hidden = torch.sigmoid(hidden @ weight + bias) - 0.5
    errors = ((hidden @ layers.output.T + layers.bias + mean - x) * there)[positions]
    (errors.square().sum() / 5 + layers.penalty / 6).backward()
    assert ours["mixing"].abs().max() > 0
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(ours[name], parameter.grad, rtol=1e-3, atol=1e-4, msg=lambda m, n=name: f"{n}: {m}")


def test_the_items_are_pooled_by_their_mean_predictions() -> None:
    rows = matrix()
    network = network_of(rows)
    predicted = network.scores(batch_of(rows, np.arange(7))).mean(dim=1)
    network.before(4)
    assert network.pooled is None  # the first stage
    network.before(5)
    torch.testing.assert_close(network.pooled, predicted)


def test_the_second_stage_begins_with_a_kernel_that_changes_nothing() -> None:
    rows = matrix()
    network, batch = network_of(rows), batch_of(rows, np.arange(7))
    before = network.scores(batch)
    network.before(5)
    torch.testing.assert_close(network.scores(batch), before)


def test_without_a_second_stage_it_is_sparse_fc_and_with_one_the_kernel_moves() -> None:
    log, settings = rated_log(), {"latent": 8, "epochs": 6, "l2": 1.0, "kernel_l2": 0.01, "batch_users": 10}
    plain = SparseFc(**settings).fit(log, options=FP32).score(log.matrix, log.users)
    local = GlocalK(tuning_epochs=0, **settings).fit(log, options=FP32).score(log.matrix, log.users)
    tuned = GlocalK(tuning_epochs=3, **settings).fit(log, options=FP32).score(log.matrix, log.users)
    np.testing.assert_array_equal(local, plain)
    assert np.abs(tuned - plain).max() > 1e-3
