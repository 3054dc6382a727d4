"""A fit that can be interrupted: its whole state put away from time to time, and taken up again to the last bit."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from recae.errors import ConfigError, DamagedFileError, StorageError
from recae.options import Checkpoints, RunOptions
from recae.progress import Progress
from recae.store.checkpoint import read_checkpoint, write_checkpoint
from recae.store.manifest import library_versions, plain_json
from recae.training.interruption import Interruption, held_back

COST = 50
"""Writing checkpoints takes at most one part in so many of the time."""
SLOW_DISK = 100e6
"""Bytes a second, until a first checkpoint has shown how fast they are written."""

Arrays = dict[str, np.ndarray]


class State(Protocol):
    """Everything on which the rest of a fit depends, but for its data and settings."""

    def put_away(self) -> tuple[dict[str, Any], Arrays]:
        """What JSON can hold, and arrays by name."""

    def take_up(self, told: dict[str, Any], arrays: Arrays) -> None:
        """Become what `put_away` gave; KeyError, TypeError or ValueError where something is missing or does not fit."""


class Keeper:
    """Puts a state away when it is time to, and when the process is asked to end."""

    def __init__(
        self, state: State, identity: Mapping[str, Any], at: Checkpoints, held: Interruption, progress: Progress
    ) -> None:
        self.state, self.identity, self.at, self.held, self.progress = state, identity, at, held, progress
        self.began = time.monotonic()
        self.due, self.written = self.began + at.seconds, False

    def offer(self) -> None:
        """Say that the state is one to go on from. Raises what the signal that came meanwhile raises, if one came."""
        started, asked = time.monotonic(), self.held.number is not None
        if not asked and started < self.due:
            return
        told, arrays = self.state.put_away()
        if not asked and not self.written:
            earliest = self.began + COST * sum(array.nbytes for array in arrays.values()) / SLOW_DISK
            if started < earliest:
                self.due = earliest
                return
        try:
            write_checkpoint(self.at.folder, {"identity": self.identity, "machine": _machine(), "state": told}, arrays)
        except StorageError as error:  # no reason to lose what is in memory
            self.progress.say(f"Warning: no checkpoint could be written, so that an interruption costs more: {error}")
        now, self.written = time.monotonic(), True
        self.due = now + max(self.at.seconds, COST * (now - started))
        self.held.obey()


class _Nobody:
    def offer(self) -> None:
        pass


@contextmanager
def keeping(state: State, identity: Mapping[str, Any], options: RunOptions) -> Iterator[Keeper | _Nobody]:
    """Take up what was put away, where that is asked for, and put `state` away while the body runs.

    What was damaged since is told, and the fit starts anew.
    `identity` says by content what the fit is made from: what was put away by another one is refused. The checkpoint
    stays where it is when the body ends: whoever has made the fit safe discards it.

    Raises:
        ConfigError: the checkpoint belongs to other data or settings, or was written by other versions.
        DamagedFileError: it does not fit the model.
        StorageError: it could not be read or written.
    """
    at = options.checkpoints
    if at is None:
        yield _Nobody()
        return
    whole = plain_json({**identity, "versions": _versions()})
    if at.resume:
        _take_up(state, whole, at.folder, options.progress)
    with held_back() as held:
        keeper = Keeper(state, whole, at, held, options.progress)
        yield keeper
        if held.number is not None:
            keeper.offer()


def _take_up(state: State, identity: dict[str, Any], folder: Path, progress: Progress) -> None:
    try:
        found = read_checkpoint(folder)
    except DamagedFileError as error:  # nobody can go on from it, and a job that runs at night should not wait for that
        progress.say(f"Warning: {error} The fit starts anew.")
        return
    if found is None:
        return
    content, arrays = found
    try:
        different = [name for name in identity if content["identity"].get(name) != identity[name]]
        if not different:
            state.take_up(content["state"], arrays)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise DamagedFileError(
            f"The checkpoint in {folder} does not fit the model: {error}. Run without --resume."
        ) from error
    if different:
        raise ConfigError(
            f"The checkpoint in {folder} was begun with other terms ({', '.join(different)}): run without "
            "--resume to start anew."
        )
    if content.get("machine") != _machine():
        progress.say(
            f"The checkpoint in {folder} was made on another machine or with another number of threads, so the weights "
            "may differ in their last digits from those of an uninterrupted run."
        )


def _versions() -> dict[str, str]:
    """Of what decides the bits of a weight."""
    versions = library_versions()
    return {name: versions[name] for name in ("recae", "torch", "numpy", "scipy", "implicit") if name in versions}


def _machine() -> dict[str, Any]:
    return {"processor": torch.backends.cpu.get_cpu_capability(), "threads": torch.get_num_threads()}


class Rounds:
    """The state of a fit by rounds, each of which changes some arrays in place."""

    def __init__(self, **arrays: np.ndarray) -> None:
        self.arrays = arrays
        self.count = 0
        """How many rounds are done."""

    def put_away(self) -> tuple[dict[str, Any], Arrays]:
        return {"rounds": self.count}, self.arrays

    def take_up(self, told: dict[str, Any], arrays: Arrays) -> None:
        for name, array in self.arrays.items():
            if arrays[name].shape != array.shape or arrays[name].dtype != array.dtype:
                raise ValueError(f"{name} is {arrays[name].shape} and should be {array.shape}")
            array[...] = arrays[name]
        self.count = int(told["rounds"])
