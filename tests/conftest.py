"""Shared fixtures: where the real data lies, and small logs with a known structure."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from recae.data.ids import IdIndex
from recae.data.interactions import Columns, Interactions

ROOT = Path(__file__).resolve().parent.parent
REAL_DATA = Path(os.environ.get("RECAE_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="session", autouse=True)
def interrupts_arrive() -> Iterator[None]:
    """Shells let jobs in the background ignore Ctrl-C, and all that these start; tests interrupt themselves."""
    ignored = signal.getsignal(signal.SIGINT) == signal.SIG_IGN
    if ignored:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    if ignored:
        signal.signal(signal.SIGINT, signal.SIG_IGN)


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Path]:
    """Give the path of a real data file, or skip the test where it is absent."""

    def find(name: str) -> Path:
        path = REAL_DATA / name
        if not path.exists():
            pytest.skip(f"{path} is absent; set RECAE_DATA to the folder with the real data sets")
        return path

    return find


class Recorder:
    """A `Progress` that remembers what it was told."""

    def __init__(self) -> None:
        self.tasks: list[tuple[str, int | None, str]] = []
        self.done: list[int] = []
        self.said: list[str] = []

    def task(self, label: str, total: int | None = None, unit: str = "") -> AbstractContextManager[Recorder]:
        self.tasks.append((label, total, unit))
        return nullcontext(self)

    def advance(self, amount: int = 1, note: str = "") -> None:
        self.done.append(amount)

    def say(self, message: str) -> None:
        self.said.append(message)


@pytest.fixture
def recorder() -> Recorder:
    """What work tells of its progress."""
    return Recorder()


@pytest.fixture(scope="session")
def make_log() -> Callable[..., Interactions]:
    """Build a log from (user, item[, value[, time in seconds]]) rows; ids in sorted order, distinct pairs."""

    def make(rows: list[tuple[Any, ...]], value_kind: Any = "rating", time_unit: Any = "s") -> Interactions:
        users, items = (sorted({row[k] for row in rows}) for k in (0, 1))
        width = len(rows[0])
        order = sorted(rows, key=lambda row: (users.index(row[0]), items.index(row[1])))
        where = ([users.index(row[0]) for row in order], [items.index(row[1]) for row in order])
        values = np.array([row[2] if width > 2 else 1 for row in order], dtype=np.float32)
        matrix = sparse.csr_array((values, where), shape=(len(users), len(items)), dtype=np.float32)
        ticks = 1 if time_unit == "number" else 1_000_000
        times = np.array([row[3] * ticks for row in order], dtype=np.int64) if width > 3 else None
        columns = Columns(
            value="rating" if width > 2 else None,
            value_kind=value_kind if width > 2 else None,
            time="timestamp" if width > 3 else None,
            time_unit=time_unit,
        )
        return Interactions(matrix, IdIndex.of(users), IdIndex.of(items), times, columns)

    return make
