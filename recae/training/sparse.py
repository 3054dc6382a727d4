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
    starts: Tensor
    """(n,) int64: the place of each column's first entry."""
    host_columns: np.ndarray
    """`columns` where the processor can read them without waiting for a GPU."""
    host_starts: np.ndarray
    """(n + 1,) `starts` likewise, and the number of entries."""

    @classmethod
    def of(cls, matrix: sparse.csr_array, send: Callable[[np.ndarray], Tensor]) -> ByColumn:
        """The order of a scipy matrix's entries; `send` makes tensors of arrays."""
        numbered = sparse.csr_array((np.arange(matrix.nnz), matrix.indices, matrix.indptr), shape=matrix.shape).tocsc()
        columns = np.flatnonzero(np.diff(numbered.indptr))
        starts = np.append(numbered.indptr[columns], matrix.nnz).astype(np.int64)
        rows = numbered.indices.astype(np.int64)
        return cls(send(numbered.data), send(rows), send(columns), send(starts[:-1]), columns, starts)

    def between(self, block: slice) -> tuple[slice, slice]:
        """Which of `columns`, and which places, belong to a block of columns."""
        first, last = np.searchsorted(self.host_columns, (block.start, block.stop)).tolist()
        return slice(first, last), slice(int(self.host_starts[first]), int(self.host_starts[last]))


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
    def of(cls, matrix: sparse.csr_array, device: torch.device, positions: np.ndarray | None = None) -> SparseRows:
        """The rows of a scipy matrix, which stand at `positions` of the training matrix."""

        def send(array: np.ndarray) -> Tensor:
            tensor = torch.from_numpy(array)
            # From pinned memory a copy runs beside the GPU's work; from other memory the processor waits for it.
            return tensor.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else tensor

        counts = np.diff(matrix.indptr)
        found: dict[str, Any] = {
            "rows": send(np.repeat(np.arange(len(counts)), counts)),
            "by_column": ByColumn.of(matrix, send),
        }
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
            columns, counts = torch.unique_consecutive(self.indices[order], return_counts=True)
            ends = counts.cumsum(0)
            starts = functional.pad(ends, (1, 0)).cpu().numpy()
            self.found["by_column"] = ByColumn(
                order, self.rows[order], columns, ends - counts, columns.cpu().numpy(), starts
            )
        by_column: ByColumn = self.found["by_column"]
        return by_column

    def within_columns_in_use(self, n_columns: int | None = None) -> SparseRows:
        """The same entries where column k is the k-th of `by_column.columns`; of `n_columns`, if more should follow."""
        by, n = self.by_column, len(self.by_column.columns)
        numbered = replace(by, columns=torch.arange(n, device=by.columns.device), host_columns=np.arange(n))
        indices = torch.searchsorted(by.columns, self.indices)
        found = {"rows": self.rows, "by_column": numbered}
        return SparseRows(self.indptr, indices, self.values, n if n_columns is None else n_columns, None, found)

    def with_values(self, values: Tensor) -> SparseRows:
        """The same entries with other values."""
        return replace(self, values=values)

    def without_zeros(self) -> SparseRows:
        """The same rows without the entries whose value is zero."""
        kept = self.values != 0
        ends = functional.pad(kept.cumsum(0), (1, 0))[self.indptr]
        return SparseRows(ends, self.indices[kept], self.values[kept], self.n_columns, self.positions)

    def row_sums(self, values: Tensor) -> Tensor:
        """(n_rows,) sums of `values` (nnz,) over each row."""
        return torch.zeros(self.n_rows, dtype=values.dtype, device=values.device).index_add_(0, self.rows, values)

    def normalized(self) -> SparseRows:
        """Each row divided by its L2 norm; empty rows stay empty."""
        norms = self.row_sums(self.values.square()).sqrt_()
        return self.with_values(self.values / norms.clamp_(min=1e-12)[self.rows])

    def dropped(self, rate: float, generator: torch.Generator) -> SparseRows:
        """Each entry set to zero with probability `rate`, the others scaled by 1 / (1 - rate)."""
        if rate == 0:
            return self
        kept = torch.rand(len(self.values), generator=generator, device=self.values.device) >= rate
        return self.with_values(self.values * kept / (1 - rate))


def row_sums_of(x: SparseRows, dense: Tensor) -> Tensor:
    """(n_rows, latent) = x @ dense, for dense (n_columns, latent)."""
    return functional.embedding_bag(x.indices, dense, x.indptr[:-1], mode="sum", per_sample_weights=x.values)


def add_column_sums(
    x: SparseRows, dense: Tensor, total: Tensor, block: slice | None = None, *, first: bool = False
) -> None:
    """total += x.T @ dense, for dense (n_rows, latent), total (n_columns, latent); or total = that as the `first`.

    With a block of columns, total is (block, latent) and takes those columns alone. Where few columns are in use, no
    others are touched.
    """
    by = x.by_column
    block = slice(0, x.n_columns) if block is None else block
    columns, places = by.between(block)
    used, entries = by.columns[columns], by.order[places]
    many = len(used) * _CROWDED > len(total)
    if many:
        # Sums for all columns, most of them zero, are added faster than rows that lie apart.
        number = torch.searchsorted(used, torch.arange(block.start, block.stop, device=used.device))
        starts = functional.pad(by.starts[columns] - places.start, (0, 1), value=len(entries))[number]
    else:
        starts = by.starts[columns] - places.start
    if first and not many:
        total.zero_()
    if len(used):
        values = x.values[entries]
        sums = functional.embedding_bag(by.rows[places], dense, starts, mode="sum", per_sample_weights=values)
        if not many:
            total.index_add_(0, used - block.start, sums)
        elif first:
            total.copy_(sums)
        else:
            total.add_(sums)
