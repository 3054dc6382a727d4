"""The training loop, written once: batches from CSR, Adam, early stopping, best weights, learning curve."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from recae.errors import ConfigError
from recae.options import RunOptions
from recae.training.curve import CurvePoint, LearningCurve
from recae.training.precision import choose_device, choose_dtype
from recae.training.sparse import SparseRows
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


class Network(Protocol):
    """What the loop needs from a torch module."""

    def loss(self, batch: SparseRows, step: int, machine: Machine) -> Loss:
        """The loss of a batch of rows at gradient step `step` (from 0), mean over the rows."""


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


def train(
    network: nn.Module,
    loss_of: Network,
    rows: sparse.csr_array,
    schedule: Schedule,
    machine: Machine,
    options: RunOptions,
    validation: Validation | None = None,
) -> LearningCurve:
    """Minimise the network's loss over the rows of a sparse matrix, in place.

    With a validation the weights of its best epoch are kept, without one those of the last epoch. Rows without
    entries are left out. The same seed on the same machine gives the same weights.

    Args:
        network: the module whose parameters are trained; it is left in evaluation mode.
        loss_of: gives the loss of a batch; usually the same object.
        rows: (n_rows, n_columns) training matrix.

    Raises:
        TrainingDivergedError: the loss became infinite or undefined.
    """
    optimizer = _adam(network, schedule)
    order = np.random.default_rng([options.seed, 1])
    rows = rows[np.flatnonzero(np.diff(rows.indptr))]
    best = _Best(network, validation)
    points: list[CurvePoint] = []
    started, step = time.perf_counter(), 0
    with options.progress.task("training", schedule.epochs, "epoch") as task:
        for epoch in range(1, schedule.epochs + 1):
            network.train()
            sums: dict[str, Tensor] = {}
            n_batches = 0
            for batch in _batches(rows, schedule.batch_rows, order, machine.device):
                loss = loss_of.loss(batch, step, machine)
                loss.total.backward()
                optimizer.step()
                # Zeroed in place: the large gradients keep their memory from step to step.
                optimizer.zero_grad(set_to_none=False)
                for name, part in loss.parts.items():
                    sums[name] = sums.get(name, 0) + part.detach()
                step, n_batches = step + 1, n_batches + 1
            losses = {name: float(total) / n_batches for name, total in sums.items()}
            _check_finite(losses, epoch)
            network.eval()
            metric = best.offer(epoch)
            points.append(CurvePoint(epoch, losses, metric, time.perf_counter() - started))
            task.advance(1, _note(losses, validation, metric))
            if schedule.patience and epoch - best.epoch >= schedule.patience:
                break
    best.restore()
    return LearningCurve(
        validation.metric if validation else None,
        tuple(points),
        best.epoch,
        stopped_early=len(points) < schedule.epochs,
    )


class _Best:
    """The best weights so far by the validation metric; without one, the latest."""

    def __init__(self, network: nn.Module, validation: Validation | None) -> None:
        self.network, self.validation = network, validation
        self.epoch, self.value = 0, -math.inf
        self.kept: dict[str, Tensor] | None = None

    @torch.no_grad()
    def offer(self, epoch: int) -> float | None:
        if self.validation is None:
            self.epoch = epoch
            return None
        metric = self.validation.measure()
        value = metric if self.validation.higher_is_better else -metric
        if value > self.value or self.kept is None:
            self.epoch, self.value = epoch, value
            state = self.network.state_dict()
            if self.kept is None:
                self.kept = {name: tensor.clone() for name, tensor in state.items()}
            else:
                for name, tensor in state.items():
                    self.kept[name].copy_(tensor)
        return metric

    def restore(self) -> None:
        if self.kept is not None:
            self.network.load_state_dict(self.kept)


def _adam(network: nn.Module, schedule: Schedule) -> torch.optim.Optimizer:
    # Adam's weight_decay adds l2 x weight to the gradient: exactly the gradient of l2 / 2 x weight squared.
    matrices = [p for p in network.parameters() if p.ndim > 1]
    vectors = [p for p in network.parameters() if p.ndim <= 1]
    groups = [{"params": matrices, "weight_decay": schedule.l2}, {"params": vectors, "weight_decay": 0.0}]
    return torch.optim.Adam(groups, lr=schedule.learning_rate, fused=True)


def _batches(
    rows: sparse.csr_array, size: int, order: np.random.Generator, device: torch.device
) -> Iterator[SparseRows]:
    permutation = order.permutation(rows.shape[0])
    for start in range(0, len(permutation), size):
        yield SparseRows.of(rows[permutation[start : start + size]], device)


def _check_finite(losses: dict[str, float], epoch: int) -> None:
    for name, value in losses.items():
        if not math.isfinite(value):
            raise TrainingDivergedError(
                f"Training diverged: {name} became {value} in epoch {epoch}. Lower learning_rate, or raise l2."
            )


def _note(losses: dict[str, float], validation: Validation | None, metric: float | None) -> str:
    shown = [f"{name} {value:.4g}" for name, value in losses.items()]
    if validation is not None and metric is not None:
        shown.append(f"{validation.metric} {metric:.4f}")
    return ", ".join(shown)
