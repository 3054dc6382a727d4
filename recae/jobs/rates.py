"""How fast this machine is, measured in less than a second, and how long an amount of work takes at that."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
from scipy import sparse
from torch.nn import functional

from recae.models.cost import Cost, Work
from recae.options import Precision
from recae.training.precision import choose_device, choose_dtype

SIDE = 1024
TABLE_ROWS, TABLE_WIDTH, ENTRIES = 32_768, 256, 65_536
SPARSE_SIDE, SPARSE_ROW = 2_000, 40
REPEATS = 4
STEP_SECONDS = 1.5e-3
"""What a gradient step takes beside its operations."""
FASTER, SLOWER = 0.6, 1.8
"""A foretold time is a range from so many times the sum of its operations: caches, other programs, early stops."""


@dataclass(frozen=True)
class Rates:
    """Per second."""

    products: float
    """Multiply-adds of float32 matrix products."""
    narrow: float
    """Multiply-adds of matrix products in the type that training takes for large ones."""
    moved: float
    """Bytes, where rows of a table are gathered and added."""
    sparse: float
    """Multiply-adds of a sparse product."""

    def seconds(self, work: Work) -> float:
        """How long the work takes, one kind of operation after the other."""
        return (
            work.products / self.products
            + work.narrow / self.narrow
            + work.moved / self.moved
            + work.sparse / self.sparse
            + work.steps * STEP_SECONDS
        )

    def range(self, work: Work) -> tuple[float, float]:
        """From and to how many seconds the work takes."""
        seconds = self.seconds(work)
        return FASTER * seconds, SLOWER * seconds

    def fit_range(self, cost: Cost) -> tuple[float, float]:
        """From and to how many seconds a fit takes; the lower end is that of a training that stops early."""
        least, most = self.range(cost.fit)
        return cost.least * least, most


@cache
def measured_rates(device: str = "auto", precision: Precision = "auto") -> Rates:
    """The rates of this machine, with the threads that torch uses now; measured once for a process.

    Raises:
        ConfigError: there is no such device here.
    """
    where = choose_device(device)
    dtype = choose_dtype(precision, where)
    square = torch.ones(SIDE, SIDE, device=where)
    slim = square.to(dtype)
    products = SIDE**3 / _shortest(lambda: square @ square, where)
    narrow = SIDE**3 / _shortest(lambda: slim @ slim, where)
    table = torch.ones(TABLE_ROWS, TABLE_WIDTH, device=where)
    rows = torch.arange(ENTRIES, device=where) * 7919 % TABLE_ROWS
    starts = torch.arange(0, ENTRIES, 64, device=where)
    moved = 4 * ENTRIES * TABLE_WIDTH / _shortest(lambda: functional.embedding_bag(rows, table, starts), where)
    return Rates(products, max(narrow, products), moved, _sparse_rate())


def _sparse_rate() -> float:
    columns = np.arange(SPARSE_SIDE * SPARSE_ROW) * 7919 % SPARSE_SIDE
    starts = np.arange(SPARSE_SIDE + 1) * SPARSE_ROW
    matrix = sparse.csr_array((np.ones(len(columns), np.float32), columns, starts), shape=(SPARSE_SIDE, SPARSE_SIDE))
    return SPARSE_SIDE * SPARSE_ROW**2 / _shortest(lambda: matrix @ matrix, torch.device("cpu"))


def _shortest(work: Callable[[], object], device: torch.device) -> float:
    """Seconds of the quickest of some runs: what other programs take away only ever makes a run longer."""
    seconds = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        work()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds.append(time.perf_counter() - started)
    return max(min(seconds), 1e-7)


UNITS = ((86_400.0, "day"), (3_600.0, "hour"), (60.0, "minute"), (1.0, "second"))


def in_words(least: float, most: float) -> str:
    """A range of seconds: "4 to 8 minutes", "20 seconds to 3 minutes", "under a second".

    >>> in_words(0.2, 0.7), in_words(233, 470), in_words(50, 100), in_words(20, 180)
    ('under a second', '3.9 to 7.8 minutes', '50 to 100 seconds', '20 seconds to 3 minutes')
    """
    if most < 1:
        return "under a second"
    size, unit = _unit(most)
    high = f"{_rounded(most / size)} {unit}"
    if least >= size:
        low = _rounded(least / size)
        return high if low == _rounded(most / size) else f"{low} to {high}"
    if least < 1:
        return f"up to {high}"
    size, unit = _unit(least)
    return f"{_rounded(least / size)} {unit} to {high}"


def _unit(seconds: float) -> tuple[float, str]:
    """The largest unit of which there are two, or the second."""
    size, unit = next((size, unit) for size, unit in UNITS if seconds >= 2 * size or size == 1.0)
    return size, f"{unit}s"


def _rounded(value: float) -> str:
    """Two digits are as many as are known."""
    return f"{float(f'{value:.2g}'):,.3g}" if value < 100 else f"{float(f'{value:.2g}'):,.0f}"
