"""SparseFC and the joint AutoRec against their equations written densely."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse

from recae.data.ids import IdIndex
from recae.data.interactions import Columns, Interactions
from recae.data.split import HeldOut
from recae.data.validation import validation_cut
from recae.evaluation.evaluate import evaluate
from recae.models.autoencoders.autorec_both import AutoRecBoth, AutoRecBothConfig, AutoRecBothNetwork
from recae.models.autoencoders.autorec_user import AutoRecUser
from recae.models.autoencoders.sparse_fc import KERNEL_STEP, KernelWeight, SparseFc, SparseFcConfig, SparseFcNetwork
from recae.options import RunOptions
from recae.training.engine import Machine
from recae.training.sparse import SparseRows

CPU = torch.device("cpu")
FP32 = RunOptions(seed=5, device="cpu", precision="fp32")
RATINGS = np.array([[5, 0, 3, 1], [0, 2, 0, 4], [1, 0, 0, 0]], dtype=np.float32)


def rows_of(matrix: np.ndarray) -> SparseRows:
    return SparseRows.of(sparse.csr_array(matrix), CPU, np.arange(len(matrix)))


def rated_log(n_users: int = 60, n_items: int = 30, seed: int = 0) -> Interactions:
    """Ratings of rank one plus a little noise, about half of them known."""
    rng = np.random.default_rng(seed)
    taste, quality = rng.uniform(0.5, 1.5, n_users), rng.uniform(1, 3, n_items)
    ratings = np.clip(np.outer(taste, quality) + rng.normal(0, 0.05, (n_users, n_items)), 0.5, 5)
    matrix = sparse.csr_array((ratings * (rng.random((n_users, n_items)) < 0.5)).astype(np.float32))
    return Interactions(
        matrix, IdIndex.range(n_users), IdIndex.range(n_items), columns=Columns(value="rating", value_kind="rating")
    )


def spread(layer: torch.nn.Module) -> None:
    """Move the kernel's vectors apart, so that some pairs are near, some far and some without a connection."""
    with torch.no_grad():
        for vectors in (layer.inputs, layer.outputs):
            vectors.normal_(0, 0.3 / KERNEL_STEP, generator=torch.Generator().manual_seed(len(vectors)))


def test_the_kernel_falls_with_the_squared_distance_to_zero() -> None:
    layer = KernelWeight(6, 4, 5, torch.Generator().manual_seed(0))
    assert layer.kernel().min() > 0.99  # all connections begin whole
    spread(layer)
    u, v = layer.inputs * KERNEL_STEP, layer.outputs * KERNEL_STEP
    expected = torch.clamp(1 - (u[:, None] - v[None]).square().sum(dim=2), min=0)
    assert 0 < (expected == 0).sum() < expected.numel()
    torch.testing.assert_close(layer.kernel(), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("known", [False, True])
def test_the_loss_and_its_gradients_are_the_papers_written_densely(known: bool) -> None:
    config = SparseFcConfig(latent=6, dropout=0, l2=0.3, hidden_l2=0.7, kernel_l2=0.2, known=known)
    network = SparseFcNetwork(4, config, torch.Generator().manual_seed(1))
    network.start_at(sparse.csr_array(RATINGS))
    for layer in network.kernelised:
        spread(layer)
    network.loss(rows_of(RATINGS), 0, Machine.of(FP32)).total.backward()
    ours = {name: parameter.grad.clone() for name, parameter in network.named_parameters()}
    network.zero_grad()

    x, there = torch.from_numpy(RATINGS), torch.from_numpy((RATINGS != 0).astype(np.float32))
    centred = (x - x[x != 0].mean()) * there
    kernels = [layer.kernel() for layer in network.kernelised]
    first, second, last = (layer.weight * kernel for layer, kernel in zip(network.kernelised, kernels, strict=True))
    before = centred @ first + network.encoder_bias + (there @ network.known if known else 0)
    hidden = torch.sigmoid((torch.sigmoid(before) - 0.5) @ second + network.between_biases[0]) - 0.5
    errors = (hidden @ last.T + network.output_bias - centred) * there
    outer = [network.kernelised[0].weight, network.kernelised[2].weight] + ([network.known] if known else [])
    penalty = 0.3 * sum(w.square().sum() for w in outer) + 0.7 * network.kernelised[1].weight.square().sum()
    penalty = penalty + 0.2 * sum(k.square().sum() for k in kernels)
    ((errors.square().sum() + penalty) / 3).backward()
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(ours[name], parameter.grad, rtol=1e-4, atol=1e-5, msg=lambda m, n=name: f"{n}: {m}")


def test_centred_hidden_layers_are_sigmoid_layers_with_other_biases() -> None:
    """sigmoid(x) - 1/2 times W plus b is sigmoid(x) times W plus (b - half the column sums of W)."""
    network = SparseFcNetwork(4, SparseFcConfig(latent=6, known=False), torch.Generator().manual_seed(1))
    rows = rows_of(RATINGS)
    first, second, last = (layer.weight * layer.kernel() for layer in network.kernelised)
    plain = torch.sigmoid(torch.from_numpy(RATINGS) @ first + network.encoder_bias)
    plain = torch.sigmoid(plain @ second + network.between_biases[0] - 0.5 * second.sum(dim=0))
    expected = plain @ last.T + network.output_bias - 0.5 * last.sum(dim=1)
    torch.testing.assert_close(network.scores(rows), expected)


def test_hidden_ratings_are_predicted_all_the_same() -> None:
    """With nearly everything hidden the input says nothing, and the loss is still that of all ratings."""
    config = SparseFcConfig(latent=6, dropout=0.999999, l2=0, kernel_l2=0)
    network = SparseFcNetwork(4, config, torch.Generator().manual_seed(1))
    network.start_at(sparse.csr_array(RATINGS))
    empty = sparse.csr_array(RATINGS.shape, dtype=np.float32)
    predicted = network.scores(SparseRows.of(empty, CPU)).detach().numpy()
    expected = np.mean((predicted - RATINGS)[RATINGS != 0] ** 2)
    shown = network.loss(rows_of(RATINGS), 0, Machine.of(FP32)).parts["mse"].detach()
    assert float(shown) == pytest.approx(expected, rel=1e-4)


def test_the_error_that_stops_training_is_that_of_the_evaluation() -> None:
    train, valid = validation_cut(rated_log(), kind="entries")
    for model in (SparseFc(latent=8, epochs=5), AutoRecBoth(latent=8, epochs=5), AutoRecUser(latent=8, epochs=5)):
        curve = model.fit(train, valid, FP32).curve
        assert curve is not None
        assert isinstance(valid, HeldOut)
        best = curve.points[curve.best_epoch - 1].metric
        assert best == min(point.metric for point in curve.points if point.metric is not None)
        assert best == pytest.approx(evaluate(model, valid, ["rmse"]).means()["rmse"], rel=1e-5)


@pytest.mark.parametrize(
    "model",
    [
        SparseFc(latent=16, l2=0.01, dropout=0, epochs=100, batch_users=15, learning_rate=0.02, starts=1),
        AutoRecBoth(latent=16, l2=0.01, dropout=0, epochs=200, learning_rate=0.02, starts=1),
    ],
)
def test_it_recovers_ratings_of_low_rank(model: SparseFc | AutoRecBoth) -> None:
    log = rated_log()
    predicted, known = model.fit(log, options=FP32).score(log.matrix, log.users), log.matrix.toarray() != 0
    error = np.sqrt(np.mean((predicted - log.matrix.toarray())[known] ** 2))
    assert error < 0.3 * log.matrix.data.std()


def test_the_joint_network_is_the_sum_of_both_reconstructions() -> None:
    network = AutoRecBothNetwork(
        4, 3, AutoRecBothConfig(latent=5, dropout=0, hidden_layers=2, hidden_l2=0.4), torch.Generator().manual_seed(2)
    )
    network.start_at(sparse.csr_array(RATINGS))
    order = np.array([2, 0, 1])  # a batch has its rows in any order
    batch = SparseRows.of(sparse.csr_array(RATINGS[order]), CPU, order)
    network.loss(batch, 0, Machine.of(FP32)).total.backward()
    ours = {name: parameter.grad.clone() for name, parameter in network.named_parameters()}
    network.zero_grad()

    x, there = torch.from_numpy(RATINGS), torch.from_numpy((RATINGS != 0).astype(np.float32))
    centred = (x - x[x != 0].mean()) * there
    item, user = network.item_code, network.user_code
    of_items = torch.sigmoid(centred @ item.rating + there @ item.known + item.bias) - 0.5
    of_users = torch.sigmoid(centred.T @ user.rating + there.T @ user.known + user.bias) - 0.5
    of_items = torch.sigmoid(of_items @ item.between[0].weight.T + item.between[0].bias) - 0.5
    of_users = torch.sigmoid(of_users @ user.between[0].weight.T + user.between[0].bias) - 0.5
    predicted = of_items @ network.user_weight.T + network.item_weight @ of_users.T
    predicted = predicted + network.user_bias + network.item_bias[:, None]
    penalty = item.between[0].weight.square().sum() + user.between[0].weight.square().sum()
    ((((predicted - centred) * there).square().sum() + 0.4 * penalty) / 3).backward()
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(ours[name], parameter.grad, rtol=1e-4, atol=1e-5, msg=lambda m, n=name: f"{n}: {m}")
    with torch.no_grad():
        weights, biases = network.decoder()
        kept = network.code(rows_of(RATINGS)) @ weights.T + biases
    torch.testing.assert_close(kept, (predicted + x[x != 0].mean()).detach())


def test_hidden_weights_pay_their_own_penalty_and_all_others_the_schedules() -> None:
    model = AutoRecBoth(latent=5, hidden_layers=3, starts=2)
    model.network = model._build(4, 3, torch.Generator().manual_seed(2))
    (each,) = model._passes(sparse.csr_array(RATINGS))
    (step,) = each.steps
    assert len(step.parameters) == len(list(model.network.parameters()))
    assert [tuple(weight.shape) for weight in step.unpenalised] == [(5, 5)] * 8
