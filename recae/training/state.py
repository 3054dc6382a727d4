"""Everything on which the rest of a training depends: where it is, the weights, Adam's moments, the random streams."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from recae.training.curve import CurvePoint


class Means:
    """The mean of every named part of the losses over an epoch."""

    def __init__(self) -> None:
        self.sums: dict[str, Tensor] = {}
        self.counts: dict[str, int] = {}

    def add(self, parts: Mapping[str, Tensor]) -> None:
        """Count what one step showed."""
        for name, part in parts.items():
            self.sums[name] = self.sums.get(name, 0) + part.detach()
            self.counts[name] = self.counts.get(name, 0) + 1

    def close(self) -> dict[str, float]:
        """The means; one look at the device for all of them."""
        totals = torch.stack([total.float() for total in self.sums.values()]).tolist()
        return {name: total / self.counts[name] for name, total in zip(self.sums, totals, strict=True)}


@dataclass
class Best:
    """The best weights so far by a value that should be high, and their epoch; none before the first."""

    epoch: int = 0
    value: float = -math.inf
    kept: dict[str, Tensor] | None = None

    def offer(self, network: nn.Module, epoch: int, value: float) -> None:
        """Keep the network's weights if the value is better than all before."""
        if value > self.value or self.kept is None:
            self.epoch, self.value = epoch, value
            state = network.state_dict()
            if self.kept is None:
                self.kept = {name: tensor.clone() for name, tensor in state.items()}
            else:
                for name, tensor in state.items():
                    self.kept[name].copy_(tensor)


@dataclass
class TrainingState:
    """The state of a training between two batches."""

    network: nn.Module
    memory: Sequence[nn.Module]
    """Modules beside the network that later losses look at."""
    optimizers: Sequence[torch.optim.Optimizer]
    generator: torch.Generator
    order: np.random.Generator
    """Of the order of the rows."""
    best: Best = field(default_factory=Best)
    points: list[CurvePoint] = field(default_factory=list)
    epoch: int = 1
    """The current one, from 1."""
    turn: int = 0
    """Passes of the epoch that are done."""
    batches: int = 0
    """Batches of the pass that are done."""
    steps: int = 0
    """Batches since the beginning."""
    means: Means = field(default_factory=Means)
    """Of the epoch so far."""
    order_of_pass: Any = None
    """The state of `order` when the pass began."""
    seconds_before: float = 0.0
    started: float = field(default_factory=time.perf_counter)

    def seconds(self) -> float:
        """Since the beginning, interruptions left out."""
        return self.seconds_before + time.perf_counter() - self.started

    def begin_pass(self) -> None:
        """Remember the order of its rows."""
        self.order_of_pass = self.order.bit_generator.state

    def end_batch(self) -> None:
        """Go on with the next."""
        self.batches, self.steps = self.batches + 1, self.steps + 1

    def end_pass(self) -> None:
        """Go on with the next."""
        self.turn, self.batches = self.turn + 1, 0

    def end_epoch(self, point: CurvePoint) -> None:
        """Go on with the next."""
        self.points.append(point)
        self.epoch, self.turn, self.means = self.epoch + 1, 0, Means()

    def put_away(self) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
        tensors = {"generator": self.generator.get_state()}
        for number, module in enumerate((self.network, *self.memory)):
            tensors |= {f"module/{number}/{name}": tensor for name, tensor in _tensors_of(module).items()}
        tensors |= {f"best/{name}": tensor for name, tensor in (self.best.kept or {}).items()}
        tensors |= {f"sum/{name}": total.reshape(1) for name, total in self.means.sums.items()}
        numbers: dict[str, tuple[float, bool]] = {}
        for name, value in _moments_of(self.optimizers):
            if isinstance(value, Tensor) and value.ndim:
                tensors[name] = value
            else:
                numbers[name] = float(value), isinstance(value, Tensor)
        told = {
            "at": {name: getattr(self, name) for name in _PLACE},
            "order": self.order_of_pass if self.batches else self.order.bit_generator.state,
            "seconds": self.seconds(),
            "points": [asdict(point) for point in self.points],
            "best": {"epoch": self.best.epoch, "value": self.best.value},
            "counts": self.means.counts,
            "moments": numbers,
        }
        return told, {name: tensor.detach().cpu().numpy() for name, tensor in tensors.items()}

    def take_up(self, told: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
        self.network.eval()  # as it is left, where no epoch is left to do
        for number, module in enumerate((self.network, *self.memory)):
            _fill(module, _under(f"module/{number}/", arrays))
        self.best.epoch, value = int(told["best"]["epoch"]), told["best"]["value"]
        if best := _under("best/", arrays):
            expected = self.network.state_dict()
            self.best.value = math.nan if value is None else float(value)
            self.best.kept = {name: _as(like, best[name], name) for name, like in expected.items()}
        _restore_moments(self.optimizers, told["moments"], arrays)
        self.generator.set_state(torch.from_numpy(arrays["generator"]).clone())
        self.order.bit_generator.state = self.order_of_pass = told["order"]
        device = next(self.network.parameters()).device
        sums = _under("sum/", arrays)
        self.means.sums = {name: torch.from_numpy(total).to(device).reshape(()) for name, total in sums.items()}
        self.means.counts = dict(told["counts"])
        self.points = [CurvePoint(**point) for point in told["points"]]
        self.seconds_before, self.started = float(told["seconds"]), time.perf_counter()
        for name in _PLACE:
            setattr(self, name, int(told["at"][name]))


_PLACE = ("epoch", "turn", "batches", "steps")


def _under(prefix: str, arrays: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}


def _tensors_of(module: nn.Module) -> dict[str, Tensor]:
    """Parameters and buffers, also those that are no part of the model that is kept."""
    return dict(module.named_parameters()) | dict(module.named_buffers())


@torch.no_grad()
def _fill(module: nn.Module, arrays: Mapping[str, np.ndarray]) -> None:
    present = _tensors_of(module)
    if missing := present.keys() - arrays.keys():
        raise KeyError(min(missing))
    device = next(iter(present.values())).device
    for name, array in arrays.items():
        if name in present:
            present[name].copy_(_as(present[name], array, name))
        else:  # a buffer that is empty at first
            owner, _, leaf = name.rpartition(".")
            setattr(module.get_submodule(owner), leaf, torch.from_numpy(array).clone().to(device))


def _moments_of(optimizers: Sequence[torch.optim.Optimizer]) -> Iterator[tuple[str, Any]]:
    for number, optimizer in enumerate(optimizers):
        for place, parameter in enumerate(_moved_by(optimizer)):
            for key, value in optimizer.state.get(parameter, {}).items():
                yield f"adam/{number}/{place}/{key}", value


def _restore_moments(
    optimizers: Sequence[torch.optim.Optimizer], numbers: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> None:
    for number, optimizer in enumerate(optimizers):
        for place, parameter in enumerate(_moved_by(optimizer)):
            prefix = f"adam/{number}/{place}/"
            state: dict[str, Any] = {
                key: torch.from_numpy(array).clone().to(parameter.device)
                for key, array in _under(prefix, arrays).items()
            }
            for name, (value, is_tensor) in numbers.items():
                if name.startswith(prefix):
                    key = name.removeprefix(prefix)
                    state[key] = torch.tensor(value, device=parameter.device) if is_tensor else int(value)
            if state:
                optimizer.state[parameter] = state


def _moved_by(optimizer: torch.optim.Optimizer) -> list[Tensor]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


def _as(like: Tensor, array: np.ndarray, name: str) -> Tensor:
    """A copy of the array, provided that it has the shape and type of `like`."""
    found = torch.from_numpy(array)
    if found.shape != like.shape or found.dtype != like.dtype:
        raise ValueError(f"{name} should be {tuple(like.shape)} {like.dtype} and is {tuple(found.shape)} {found.dtype}")
    return found.to(like.device, copy=True)
