"""The loop: what it minimises, when it stops, what it keeps, and that it repeats itself."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from scipy import sparse
from torch import nn

from recae.errors import ConfigError
from recae.options import RunOptions
from recae.training.engine import Loss, Machine, Pass, Schedule, Step, TrainingDivergedError, one_pass, train
from recae.training.precision import choose_device, choose_dtype
from recae.training.sparse import SparseRows
from recae.training.validation import Validation

OPTIONS = RunOptions(seed=3, device="cpu", precision="fp32")


class Line(nn.Module):
    """One weight matrix that should become the mean row."""

    def __init__(self, n_columns: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1, n_columns))
        self.bias = nn.Parameter(torch.zeros(n_columns))
        self.steps: list[int] = []
        self.sizes: list[int] = []

    def loss(self, batch: SparseRows, step: int, machine: Machine) -> Loss:
        self.steps.append(step)
        self.sizes.append(batch.n_rows)
        dense = torch.zeros(batch.n_rows, batch.n_columns).index_put((batch.rows, batch.indices), batch.values)
        total = (dense - self.weight).square().sum(dim=1).mean() + self.bias.square().sum()
        return Loss(total, {"loss": total, "half": total / 2})


def matrix(n_rows: int = 40, n_columns: int = 6) -> sparse.csr_array:
    rng = np.random.default_rng(0)
    return sparse.random_array((n_rows, n_columns), density=0.7, format="csr", dtype=np.float32, rng=rng)


def fit(network: Line, schedule: Schedule, validation: Validation | None = None, options: RunOptions = OPTIONS):
    return train(network, one_pass(network, network.loss), matrix(), schedule, Machine.of(options), options, validation)


def scripted(values: list[float], metric: str = "ndcg@10") -> Validation:
    left: Iterator[float] = iter(values)
    return Validation(metric, lambda: next(left), higher_is_better=metric != "rmse")


def test_it_reaches_the_minimum() -> None:
    network = Line(6)
    curve = fit(network, Schedule(epochs=300, batch_rows=40, learning_rate=0.02))
    np.testing.assert_allclose(network.weight.detach().numpy()[0], matrix().toarray().mean(axis=0), atol=1e-3)
    assert curve.points[-1].losses["half"] == pytest.approx(curve.points[-1].losses["loss"] / 2)
    assert curve.metric_name is None
    assert not curve.stopped_early


def test_l2_pulls_weights_to_the_ridge_solution_and_leaves_biases_alone() -> None:
    network = Line(6)
    with torch.no_grad():
        network.bias.fill_(1.0)
    fit(network, Schedule(epochs=600, batch_rows=40, learning_rate=0.02, l2=4.0))
    # minimum of mean((x - w)^2) + 4 / 2 w^2: w = 2 mean / (2 + 4)
    np.testing.assert_allclose(network.weight.detach().numpy()[0], matrix().toarray().mean(axis=0) / 3, atol=1e-3)
    assert network.bias.abs().max() < 1e-2


def test_l2_spares_the_parameters_that_a_step_names() -> None:
    network = Line(6)
    passes = (Pass((Step(network.loss, tuple(network.parameters()), unpenalised=(network.weight,)),)),)
    schedule = Schedule(epochs=600, batch_rows=40, learning_rate=0.02, l2=4.0)
    train(network, passes, matrix(), schedule, Machine.of(OPTIONS), OPTIONS)
    np.testing.assert_allclose(network.weight.detach().numpy()[0], matrix().toarray().mean(axis=0), atol=1e-3)


def test_with_decay_the_steps_become_smaller_along_half_a_cosine() -> None:
    """Adam's first steps have the length of the learning rate while the gradient keeps its sign."""
    schedule = Schedule(epochs=4, batch_rows=40, learning_rate=1e-4, decay=True)
    moved = [0.0]

    class Watched(Line):
        def eval(self) -> Watched:
            moved.append(float(self.weight.detach()[0, 0]))
            return super().eval()

    fit(Watched(6), schedule)
    shares = np.diff(moved) / 1e-4
    np.testing.assert_allclose(np.abs(shares), [(1 + np.cos(np.pi * k / 4)) / 2 for k in range(4)], rtol=0.01)
    assert [Schedule(4, 1, 0.1).rate_share(epoch) for epoch in (1, 4)] == [1, 1]


def test_every_row_is_seen_once_an_epoch_and_steps_count_on() -> None:
    network = Line(6)
    fit(network, Schedule(epochs=2, batch_rows=16, learning_rate=0.01))
    assert network.sizes == [16, 16, 8] * 2
    assert network.steps == list(range(6))


def test_the_best_epoch_is_kept_and_training_stops_in_time() -> None:
    kept, curve = Line(6), None
    curve = fit(kept, Schedule(50, 16, 0.01, patience=3), scripted([0.1, 0.3, 0.2, 0.3, 0.25, 0.9]))
    assert curve.best_epoch == 2
    assert len(curve.points) == 5
    assert curve.stopped_early
    two_epochs = Line(6)
    fit(two_epochs, Schedule(2, 16, 0.01))
    assert torch.equal(kept.weight, two_epochs.weight)


def test_lower_is_better_for_errors() -> None:
    curve = fit(Line(6), Schedule(4, 16, 0.01, patience=4), scripted([0.9, 0.7, 0.8, 0.75], "rmse"))
    assert curve.best_epoch == 2


def test_patience_zero_trains_every_epoch() -> None:
    curve = fit(Line(6), Schedule(5, 16, 0.01), scripted([0.5, 0.4, 0.3, 0.2, 0.1]))
    assert (len(curve.points), curve.best_epoch) == (5, 1)


def test_same_seed_same_weights_and_another_seed_other_weights() -> None:
    weights = []
    for seed in (3, 3, 4):
        network = Line(6)
        fit(network, Schedule(3, 16, 0.01), options=RunOptions(seed=seed, device="cpu"))
        weights.append(network.weight.detach())
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


def test_training_leaves_global_random_states_alone() -> None:
    torch.manual_seed(11)
    before = torch.rand(1)
    torch.manual_seed(11)
    fit(Line(6), Schedule(2, 16, 0.01))
    assert torch.equal(torch.rand(1), before)


class Table(nn.Module):
    """A row of numbers for each training row, which should become the row itself."""

    def __init__(self, n_rows: int, n_columns: int) -> None:
        super().__init__()
        self.shift = nn.Parameter(torch.zeros(n_columns))
        self.rows = nn.Parameter(torch.zeros(n_rows, n_columns))

    def loss(self, batch: SparseRows, step: int, machine: Machine) -> Loss:
        dense = torch.zeros(batch.n_rows, batch.n_columns).index_put((batch.rows, batch.indices), batch.values)
        own = nn.functional.embedding(batch.positions, self.rows, sparse=True)
        total = (dense - own - self.shift).square().sum(dim=1).mean()
        return Loss(total, {"loss": total})


def test_of_a_table_only_the_rows_of_the_batch_move() -> None:
    network, data = Table(41, 6), sparse.csr_array(sparse.vstack([matrix(), sparse.csr_array((1, 6))]))
    passes = [Pass([Step(network.loss, [], tables=[network.rows])])]
    train(network, passes, data, Schedule(400, 7, 0.05), Machine.of(OPTIONS), OPTIONS)
    np.testing.assert_allclose(network.rows.detach().numpy(), data.toarray(), atol=0.02)
    assert not network.shift.detach().any(), "not among the step's parameters"

    once = Table(41, 6)
    step = Step(once.loss, [once.shift], tables=[once.rows])
    train(once, [Pass([step])], data[:1], Schedule(1, 1, 0.05), Machine.of(OPTIONS), OPTIONS)
    assert once.shift.detach().any()
    assert once.rows.detach()[0].any()
    assert not once.rows.detach()[1:].any()


def test_a_loss_that_is_not_a_number_is_told_in_words() -> None:
    network = Line(6)
    with torch.no_grad():
        network.weight.fill_(torch.inf)
    with pytest.raises(TrainingDivergedError, match=r"diverged.*epoch 1.*learning_rate") as caught:
        fit(network, Schedule(3, 16, 0.01))
    assert caught.value.exit_code == 2


def test_devices_and_precisions() -> None:
    assert choose_device("cpu").type == "cpu"
    with pytest.raises(ConfigError, match="not a device"):
        choose_device("warp")
    with pytest.raises(ConfigError, match="not supported"):
        choose_device("meta")
    if not torch.cuda.is_available():
        with pytest.raises(ConfigError, match="torch sees 0 GPUs"):
            choose_device("cuda")
    cpu = choose_device("cpu")
    assert choose_dtype("bf16", cpu) == torch.bfloat16
    assert choose_dtype("fp32", cpu) == torch.float32
    assert choose_dtype("auto", cpu) in (torch.bfloat16, torch.float32)
