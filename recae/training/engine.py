"""The training loop, written once: batches from CSR, Adam, early stopping, best weights, learning curve."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from recae.allocator import keep_freed_memory
from recae.errors import ConfigError
from recae.options import RunOptions
from recae.training.adam import BlockAdam
from recae.training.checkpoint import keeping
from recae.training.curve import CurvePoint, LearningCurve
from recae.training.gradients import expect_no_more
from recae.training.precision import choose_device, choose_dtype
from recae.training.sparse import SparseRows
from recae.training.state import TrainingState
from recae.training.validation import Validation


class TrainingDivergedError(ConfigError):
    """The loss became infinite or undefined: these hyper-parameters do not suit the data."""


@dataclass(frozen=True)
class Machine:
    """Where a network computes, in which type, and the random stream of its noise."""

    device: torch.device
    dtype: torch.dtype
    generator: torch.Generator

    @classmethod
    def of(cls, options: RunOptions) -> Machine:
        """The machine that the options ask for; its generator starts at their seed."""
        device = choose_device(options.device)
        generator = torch.Generator(device=device).manual_seed(options.seed)
        return cls(device, choose_dtype(options.precision, device), generator)


@dataclass(frozen=True)
class Loss:
    """What one batch gives: the scalar to minimise, and named parts of it to show."""

    total: Tensor
    parts: Mapping[str, Tensor]


class LossOf(Protocol):
    """What is minimised: usually a method of the network."""

    def __call__(self, batch: SparseRows, step: int, machine: Machine) -> Loss:
        """The loss of a batch of rows, the `step`-th of all (from 0), mean over the rows."""


@dataclass(frozen=True, eq=False)
class Step:
    """One gradient step on a batch: a loss and the parameters that it moves; all others stand still.

    Each Step has one Adam of its own for the whole training, however many passes it takes part in.
    """

    loss: LossOf
    parameters: Sequence[nn.Parameter]
    learning_rate: float | None = None
    """None: that of the schedule."""
    l2: float | None = None
    """None: that of the schedule."""
    unpenalised: Sequence[nn.Parameter] = ()
    """Which of the parameters are spared the schedule's l2: what they pay, if anything, is in the loss."""
    tables: Sequence[nn.Parameter] = ()
    """Moved as well: tables with sparse gradients, of which a batch reads a few rows and moves no others.

    The schedule's l2 is not added for them: what each row should pay belongs in the loss.
    """


@dataclass(frozen=True, eq=False)
class Pass:
    """One pass over the training rows, in which every batch gets all the steps in turn.

    An epoch is one or several passes. Models that alternate between losses (RecVAE's encoder and decoder, a
    generator and its discriminator) declare their passes; for all others it is one pass of one step.
    """

    steps: Sequence[Step]
    before: Callable[[int], None] | None = None
    """Called before the pass with the number of the epoch (from 1). What it changes is in the network, in parameters
    or buffers, or in `memory`."""
    memory: Sequence[nn.Module] = ()
    """Modules beside the network that are neither moved nor part of the model, but that the losses look at."""


@dataclass(frozen=True)
class Schedule:
    """How long and how fast to train."""

    epochs: int
    batch_rows: int
    learning_rate: float
    l2: float = 0.0
    """The loss is increased by l2 / 2 x the sum of squared weights (biases are left alone)."""
    patience: int = 0
    """Stop after this many epochs without a better validation metric; 0 never stops early."""
    decay: bool = False
    """Let the learning rates fall to zero along half a cosine over the epochs."""

    def rate_share(self, epoch: int) -> float:
        """The share of the learning rates that is left in an epoch (from 1)."""
        return (1 + math.cos(math.pi * (epoch - 1) / self.epochs)) / 2 if self.decay else 1.0


def train(
    network: nn.Module,
    passes: Sequence[Pass],
    rows: sparse.csr_array,
    schedule: Schedule,
    machine: Machine,
    options: RunOptions,
    validation: Validation | None = None,
    identity: Mapping[str, Any] | None = None,
) -> LearningCurve:
    """Minimise the losses over the rows of a sparse matrix, in place.

    With a validation the weights of its best epoch are kept, without one those of the last epoch. Rows without
    entries are left out. The same seed on the same machine gives the same weights.

    Args:
        network: the module that is trained; it is left in evaluation mode.
        passes: what an epoch is made of; for one loss, `one_pass(network, network.loss)`.
        rows: (n_rows, n_columns) training matrix.
        identity: what the training is made from, by which a checkpoint is known to belong to it.

    Raises:
        TrainingDivergedError: the loss became infinite or undefined.
        ConfigError, DamagedFileError: the checkpoint to go on from is another training's, or damaged.
    """
    keep_freed_memory()
    optimizers = {id(step): _optimizers(step, schedule) for each in passes for step in each.steps}
    kept = np.flatnonzero(np.diff(rows.indptr))
    at = TrainingState(
        network,
        list({id(module): module for each in passes for module in each.memory}.values()),
        [optimizer for each in optimizers.values() for optimizer in each],
        machine.generator,
        np.random.default_rng([options.seed, 1]),
    )
    with (
        keeping(at, identity or {}, options) as keeper,
        options.progress.task("training", schedule.epochs, "epoch") as task,
    ):
        task.advance(at.epoch - 1)
        while at.epoch <= schedule.epochs and not _waited_in_vain(at, schedule):
            network.train()
            _set_rates(optimizers, schedule, at.epoch)
            for each in passes[at.turn :]:
                if at.batches == 0:
                    if each.before is not None:
                        each.before(at.epoch)
                    at.begin_pass()
                for batch in _batches(rows, kept, schedule.batch_rows, at.order, machine.device, at.batches):
                    for step in each.steps:
                        at.means.add(_move(network, step, optimizers[id(step)], batch, at.steps, machine))
                    at.end_batch()
                    keeper.offer()
                at.end_pass()
            losses = at.means.close()
            _check_finite(losses, at.epoch)
            network.eval()
            metric = _validated(at, validation)
            at.end_epoch(CurvePoint(at.epoch, losses, metric, at.seconds()))
            task.advance(1, _note(losses, validation, metric))
            keeper.offer()
    for parameter in network.requires_grad_(True).parameters():
        expect_no_more(parameter)
        parameter.grad = None
    if at.best.kept is not None:
        network.load_state_dict(at.best.kept)
    return LearningCurve(
        validation.metric if validation else None,
        tuple(at.points),
        at.best.epoch,
        stopped_early=len(at.points) < schedule.epochs,
    )


def one_pass(network: nn.Module, loss: LossOf) -> tuple[Pass, ...]:
    """An epoch in which one loss moves all the parameters of the network."""
    return (Pass((Step(loss, tuple(network.parameters())),)),)


def _move(
    network: nn.Module,
    step: Step,
    optimizers: Sequence[torch.optim.Optimizer],
    batch: SparseRows,
    n_steps: int,
    machine: Machine,
) -> Mapping[str, Tensor]:
    moved = {id(parameter) for parameter in (*step.parameters, *step.tables)}
    for parameter in network.parameters():
        parameter.requires_grad_(id(parameter) in moved)
    loss = step.loss(batch, n_steps, machine)
    loss.total.backward()
    for optimizer in optimizers:
        optimizer.step()
        # Zeroed in place: dense gradients keep their memory from step to step.
        optimizer.zero_grad(set_to_none=isinstance(optimizer, torch.optim.SparseAdam))
    return loss.parts


def _waited_in_vain(at: TrainingState, schedule: Schedule) -> bool:
    return bool(schedule.patience) and at.epoch - 1 - at.best.epoch >= schedule.patience


@torch.no_grad()
def _validated(at: TrainingState, validation: Validation | None) -> float | None:
    """Keep the weights of the best epoch by the metric; without one, those of the latest."""
    if validation is None:
        at.best.epoch = at.epoch
        return None
    metric = validation.measure()
    at.best.offer(at.network, at.epoch, metric if validation.higher_is_better else -metric)
    return metric


def _optimizers(step: Step, schedule: Schedule) -> list[torch.optim.Optimizer]:
    # Adam's weight_decay adds l2 x weight to the gradient: exactly the gradient of l2 / 2 x weight squared.
    l2 = schedule.l2 if step.l2 is None else step.l2
    spared = {id(parameter) for parameter in step.unpenalised}
    paying = [p for p in step.parameters if p.ndim > 1 and id(p) not in spared]
    others = [p for p in step.parameters if p.ndim <= 1 or id(p) in spared]
    groups = [{"params": paying, "weight_decay": l2}, {"params": others, "weight_decay": 0.0}]
    rate = schedule.learning_rate if step.learning_rate is None else step.learning_rate
    dense = BlockAdam(groups, lr=rate)
    return [dense, torch.optim.SparseAdam(list(step.tables), lr=rate)] if step.tables else [dense]


def _set_rates(optimizers: Mapping[int, Sequence[torch.optim.Optimizer]], schedule: Schedule, epoch: int) -> None:
    for group in (group for each in optimizers.values() for one in each for group in one.param_groups):
        group["lr"] = group.setdefault("first_lr", group["lr"]) * schedule.rate_share(epoch)


def _batches(
    rows: sparse.csr_array,
    kept: np.ndarray,
    size: int,
    order: np.random.Generator,
    device: torch.device,
    done: int = 0,
) -> Iterator[SparseRows]:
    """The batches of one pass after the first `done`, each put together while the one before it is computed with."""
    permutation = kept[order.permutation(len(kept))][done * size :]
    if done and not len(permutation):
        return

    def batch(start: int) -> SparseRows:
        positions = permutation[start : start + size]
        return SparseRows.of(rows[positions], device, positions)

    with ThreadPoolExecutor(1, "batches") as thread:
        following = thread.submit(batch, 0)
        for start in range(size, len(permutation), size):
            ready, following = following.result(), thread.submit(batch, start)
            yield ready
        yield following.result()


def _check_finite(losses: dict[str, float], epoch: int) -> None:
    for name, value in losses.items():
        if not math.isfinite(value):
            raise TrainingDivergedError(
                f"Training diverged: {name} became {value} in epoch {epoch}. Lower learning_rate, or raise l2 "
                "where the model has it."
            )


def _note(losses: dict[str, float], validation: Validation | None, metric: float | None) -> str:
    shown = [f"{name} {value:.4g}" for name, value in losses.items()]
    if validation is not None and metric is not None:
        shown.append(f"{validation.metric} {metric:.4f}")
    return ", ".join(shown)
