"""Gradients of the large tables that are never made whole: handed to the optimizer, which asks for some rows at a time.

A fresh array of a table's size, page by page, costs more than the products that fill it; and beside a table and
Adam's two moments a fourth array of its size would be a quarter of all memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

import torch
from torch import Tensor

from recae.training.sparse import SparseRows, column_sums_of

_CACHE_ELEMENTS, _GPU_ELEMENTS = 1 << 20, 1 << 25
_WAITING = "waiting_gradients"


class RowGradient(Protocol):
    """The gradient of a table, of which any rows can be asked for."""

    def of_rows(self, rows: slice) -> Tensor:
        """(rows, width) float32: the gradient's `rows`, in memory of their own."""


class ColumnSums:
    """x.T @ dense, the gradient of a table of which x read the rows: zero but for the columns in use."""

    def __init__(self, x: SparseRows, dense: Tensor) -> None:
        self.x, self.dense = x, dense

    def of_rows(self, rows: slice) -> Tensor:
        return column_sums_of(self.x, self.dense, rows)


def gradient_of(parameter: Tensor) -> Tensor:
    """The parameter's gradient, made of zeros where there is none yet."""
    if parameter.grad is None:
        parameter.grad = torch.zeros_like(parameter)
    return parameter.grad


def hand_over(parameter: Tensor, gradient: RowGradient) -> None:
    """Leave a gradient for the optimizer, or add it to `parameter.grad` where none waits for it."""
    if hasattr(parameter, _WAITING):
        getattr(parameter, _WAITING).append(gradient)
    else:
        gradient_of(parameter).add_(gradient.of_rows(slice(0, len(parameter))))


def expect(parameter: Tensor) -> None:
    """From now on an optimizer takes what is handed over for the parameter."""
    if not hasattr(parameter, _WAITING):
        setattr(parameter, _WAITING, [])


def expect_no_more(parameter: Tensor) -> None:
    """Undo `expect`."""
    if hasattr(parameter, _WAITING):
        delattr(parameter, _WAITING)


def waiting(parameter: Tensor) -> list[RowGradient]:
    """What was handed over and not yet taken; the optimizer clears it."""
    found: list[RowGradient] = getattr(parameter, _WAITING, [])
    return found


def row_blocks(n_rows: int, width: int, device: torch.device) -> Iterator[slice]:
    """Slices over rows of `width` numbers each, so few that they stay in a processor's cache."""
    size = power_of_two((_GPU_ELEMENTS if device.type == "cuda" else _CACHE_ELEMENTS) // max(1, width))
    for start in range(0, n_rows, size):
        yield slice(start, min(start + size, n_rows))


def power_of_two(most: int) -> int:
    """The largest power of two up to `most`, at least 1: blocks of two sizes then begin and end together."""
    return 1 << max(0, most.bit_length() - 1)
