"""Sparse rows on the device: what a batch of histories or ratings is to a network."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor
from torch.nn import functional

from recae.bags import bag_sums

_CROWDED = 16
"""Columns are added as a whole where more than one in so many is in use."""


@dataclass(frozen=True, eq=False)
class ByColumn:
    """Entries sorted by column and within it by row."""

    order: Tensor
    """(nnz,) int64: which entry stands at each place."""
    rows: Tensor
    """(nnz,) int64: the row of the entry at each place."""
    columns: Tensor
    """(n,) int64: the columns that have entries."""
    indptr: Tensor
    """(n_columns + 1,) int64: the place of each column's first entry, and the number of entries."""
    host_columns: np.ndarray
    """`columns` where the processor can read them without waiting for a GPU."""
    host_indptr: np.ndarray
    """`indptr` likewise."""

    @classmethod
    def of(cls, matrix: sparse.csr_array, send: Callable[[np.ndarray], Tensor]) -> ByColumn:
        """The order of a scipy matrix's entries; `send` makes tensors of arrays."""
        numbered = sparse.csr_array((np.arange(matrix.nnz), matrix.indices, matrix.indptr), shape=matrix.shape).tocsc()
        columns = np.flatnonzero(np.diff(numbered.indptr))
        indptr, rows = (array.astype(np.int64, copy=False) for array in (numbered.indptr, numbered.indices))
        return cls(send(numbered.data), send(rows), send(columns), send(indptr), columns, indptr)

    def kept(self, which: Tensor, ends: Tensor) -> ByColumn:
        """The order of those entries that `which` (nnz,) bool says; `ends` (nnz + 1,) counts them up to each entry."""
        sorted_which = which.index_select(0, self.order)
        left = _true(sorted_which)
        indptr = _counts_before(sorted_which).index_select(0, self.indptr)
        host_indptr = indptr.cpu().numpy()
        columns = np.flatnonzero(np.diff(host_indptr))
        return ByColumn(
            ends.index_select(0, self.order.index_select(0, left)),
            self.rows.index_select(0, left),
            torch.from_numpy(columns).to(indptr.device),
            indptr,
            columns,
            host_indptr,
        )

    def places(self, block: slice) -> slice:
        """The places of the entries in a block of columns."""
        return slice(int(self.host_indptr[block.start]), int(self.host_indptr[block.stop]))

    def in_use(self, block: slice) -> slice:
        """Which of `columns` are in a block of columns."""
        return slice(*np.searchsorted(self.host_columns, (block.start, block.stop)).tolist())


@dataclass(frozen=True, eq=False)
class SparseRows:
    """Some rows of a sparse matrix as tensors on one device (CSR)."""

    indptr: Tensor  # (n_rows + 1,) int64
    indices: Tensor  # (nnz,) int64
    values: Tensor  # (nnz,) float32
    n_columns: int
    positions: Tensor | None = None
    """(n_rows,) int64: which rows of the training matrix these are, for models that learn something of each."""
    found: dict[str, Any] = field(default_factory=dict, repr=False)
    """What was worked out of the entries' places, shared by all copies with other values: sorting is slow."""

    @classmethod
    def of(
        cls,
        matrix: sparse.csr_array,
        device: torch.device,
        positions: np.ndarray | None = None,
        *,
        sort_by_column: bool = True,
    ) -> SparseRows:
        """The rows of a scipy matrix, which stand at `positions` of the training matrix.

        Their order by column is found right away, or with `sort_by_column` False when it is asked for.
        """

        def send(array: np.ndarray) -> Tensor:
            tensor = torch.from_numpy(array)
            # From pinned memory a copy runs beside the GPU's work; from other memory the processor waits for it.
            return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor

        counts = np.diff(matrix.indptr)
        found: dict[str, Any] = {"rows": send(np.repeat(np.arange(len(counts)), counts))}
        if sort_by_column:
            found["by_column"] = ByColumn.of(matrix, send)
        return cls(
            send(matrix.indptr.astype(np.int64)),
            send(matrix.indices.astype(np.int64)),
            send(matrix.data.astype(np.float32)),
            matrix.shape[1],
            None if positions is None else send(positions.astype(np.int64)),
            found,
        )

    @property
    def n_rows(self) -> int:
        return len(self.indptr) - 1

    @cached_property
    def counts(self) -> Tensor:
        """(n_rows,) int64: entries in each row."""
        return self.indptr.diff()

    @cached_property
    def values_by_column(self) -> Tensor:
        """(nnz,) the values in the order of `by_column`."""
        return self.values.index_select(0, self.by_column.order)

    @property
    def rows(self) -> Tensor:
        """(nnz,) int64: the row of each entry."""
        if "rows" not in self.found:
            every = torch.arange(self.n_rows, device=self.indptr.device)
            self.found["rows"] = torch.repeat_interleave(every, self.counts, output_size=len(self.indices))
        rows: Tensor = self.found["rows"]
        return rows

    @property
    def by_column(self) -> ByColumn:
        """The entries sorted by column."""
        if "by_column" not in self.found:
            order = torch.argsort(self.indices, stable=True)
            counts = torch.bincount(self.indices, minlength=self.n_columns)
            indptr = functional.pad(counts.cumsum(0), (1, 0))
            columns = counts.nonzero().squeeze(1)
            self.found["by_column"] = ByColumn(
                order, self.rows[order], columns, indptr, columns.cpu().numpy(), indptr.cpu().numpy()
            )
        by_column: ByColumn = self.found["by_column"]
        return by_column

    def within_columns_in_use(self, n_columns: int | None = None) -> SparseRows:
        """The same entries where column k is the k-th of `by_column.columns`; of `n_columns`, if more should follow."""
        by, n = self.by_column, len(self.by_column.columns)
        n_columns = n if n_columns is None else n_columns
        starts = functional.pad(by.indptr[by.columns], (0, n_columns + 1 - n), value=len(self.indices))
        host_starts = np.full(n_columns + 1, len(self.indices))
        host_starts[:n] = by.host_indptr[by.host_columns]
        every = torch.arange(n, device=by.columns.device)
        numbered = ByColumn(by.order, by.rows, every, starts, np.arange(n), host_starts)
        indices = torch.searchsorted(by.columns, self.indices)
        found = {"rows": self.rows, "by_column": numbered}
        return SparseRows(self.indptr, indices, self.values, n_columns, None, found)

    def with_values(self, values: Tensor) -> SparseRows:
        """The same entries with other values."""
        return replace(self, values=values)

    def without_zeros(self) -> SparseRows:
        """The same rows without the entries whose value is zero."""
        kept = self.values != 0
        if bool(kept.all()):
            return self
        which, ends = _true(kept), _counts_before(kept)
        found: dict[str, Any] = {"rows": self.rows.index_select(0, which)}
        if "by_column" in self.found:
            found["by_column"] = self.by_column.kept(kept, ends)
        return SparseRows(
            ends.index_select(0, self.indptr),
            self.indices.index_select(0, which),
            self.values.index_select(0, which),
            self.n_columns,
            self.positions,
            found,
        )

    def row_sums(self, values: Tensor) -> Tensor:
        """(n_rows,) sums of `values` (nnz,) over each row."""
        return torch.segment_reduce(values, "sum", offsets=self.indptr, unsafe=True)

    def normalized(self) -> SparseRows:
        """Each row divided by its L2 norm; empty rows stay empty."""
        norms = self.row_sums(self.values.square()).sqrt_()
        return self.with_values(self.values / norms.clamp_(min=1e-12).index_select(0, self.rows))

    def dropped(self, rate: float, generator: torch.Generator) -> SparseRows:
        """Each entry set to zero with probability `rate`, the others scaled by 1 / (1 - rate)."""
        if rate == 0:
            return self
        kept = torch.rand(len(self.values), generator=generator, device=self.values.device) >= rate
        return self.with_values(self.values * kept / (1 - rate))


def row_sums_of(x: SparseRows, dense: Tensor) -> Tensor:
    """(n_rows, latent) = x @ dense, for dense (n_columns, latent)."""
    return bag_sums(x.indices, dense, x.indptr[:-1], x.values)


def column_sums_of(x: SparseRows, dense: Tensor, block: slice) -> Tensor:
    """(block, latent) a block of the rows of x.T @ dense, for dense (n_rows, latent)."""
    columns, sums = _column_bags(x, dense, block)
    if columns is None:
        return sums
    return dense.new_zeros(block.stop - block.start, dense.shape[1]).index_copy_(0, columns, sums)


def add_column_sums(x: SparseRows, dense: Tensor, total: Tensor, block: slice | None = None) -> None:
    """total += x.T @ dense, for dense (n_rows, latent), total (n_columns, latent); or a block of its rows.

    Where few columns are in use, no others are touched.
    """
    columns, sums = _column_bags(x, dense, slice(0, x.n_columns) if block is None else block)
    if columns is None:
        total.add_(sums)
    else:
        total.index_add_(0, columns, sums)


def _column_bags(x: SparseRows, dense: Tensor, block: slice) -> tuple[Tensor | None, Tensor]:
    """The sums of those columns of a block that are in use, and which; None where it is all of them."""
    by = x.by_column
    places, in_use = by.places(block), by.in_use(block)
    rows, values = by.rows[places], x.values_by_column[places]
    if (in_use.stop - in_use.start) * _CROWDED > block.stop - block.start:
        # Sums for all columns, most of them zero, are made faster than rows that lie apart are put in their places.
        return None, bag_sums(rows, dense, by.indptr[block] - places.start, values)
    columns = by.columns[in_use]
    return columns - block.start, bag_sums(rows, dense, by.indptr[columns] - places.start, values)


# Both are several times faster by NumPy on a processor.
def _true(mask: Tensor) -> Tensor:
    """(n,) int64: where a mask (m,) is true."""
    return torch.from_numpy(np.flatnonzero(mask.numpy())) if mask.device.type == "cpu" else mask.nonzero().squeeze(1)


def _counts_before(mask: Tensor) -> Tensor:
    """(m + 1,) int64: how many of a mask (m,) are true before each place, and in all."""
    if mask.device.type != "cpu":
        return functional.pad(mask.cumsum(0), (1, 0))
    counts = np.zeros(len(mask) + 1, dtype=np.int64)
    np.cumsum(mask.numpy(), out=counts[1:])
    return torch.from_numpy(counts)
