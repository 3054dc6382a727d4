"""Sparse rows on the device: what a batch of histories or ratings is to a network."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from scipy import sparse
from torch import Tensor
from torch.nn import functional


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
        return cls(
            torch.from_numpy(matrix.indptr.astype(np.int64)).to(device),
            torch.from_numpy(matrix.indices.astype(np.int64)).to(device),
            torch.from_numpy(matrix.data.astype(np.float32)).to(device),
            matrix.shape[1],
            None if positions is None else torch.from_numpy(positions.astype(np.int64)).to(device),
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
            self.found["rows"] = torch.repeat_interleave(every, self.counts)
        rows: Tensor = self.found["rows"]
        return rows

    @property
    def by_column(self) -> ByColumn:
        """The entries sorted by column."""
        if "by_column" not in self.found:
            order = torch.argsort(self.indices, stable=True)
            columns, counts = torch.unique_consecutive(self.indices[order], return_counts=True)
            self.found["by_column"] = ByColumn(order, self.rows[order], columns, counts.cumsum(0) - counts)
        by_column: ByColumn = self.found["by_column"]
        return by_column

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


def add_column_sums(x: SparseRows, dense: Tensor, total: Tensor) -> None:
    """total += x.T @ dense, for dense (n_rows, latent), total (n_columns, latent); touches only columns in use."""
    by = x.by_column
    if len(by.columns):
        values = x.values[by.order]
        sums = functional.embedding_bag(by.rows, dense, by.starts, mode="sum", per_sample_weights=values)
        total.index_add_(0, by.columns, sums)
