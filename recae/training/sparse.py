"""Sparse rows on the device: what a batch of histories or ratings is to a network."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from scipy import sparse
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True, eq=False)
class SparseRows:
    """Some rows of a sparse matrix as tensors on one device (CSR)."""

    indptr: Tensor  # (n_rows + 1,) int64
    indices: Tensor  # (nnz,) int64
    values: Tensor  # (nnz,) float32
    n_columns: int
    positions: Tensor | None = None
    """(n_rows,) int64: which rows of the training matrix these are, for models that learn something of each."""

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

    @cached_property
    def rows(self) -> Tensor:
        """(nnz,) int64: the row of each entry."""
        return torch.repeat_interleave(torch.arange(self.n_rows, device=self.indptr.device), self.counts)

    def with_values(self, values: Tensor) -> SparseRows:
        """The same entries with other values."""
        return replace(self, values=values)

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
    order = torch.argsort(x.indices, stable=True)
    columns, counts = torch.unique_consecutive(x.indices[order], return_counts=True)
    if len(columns):
        starts = counts.cumsum(0) - counts
        sums = functional.embedding_bag(x.rows[order], dense, starts, mode="sum", per_sample_weights=x.values[order])
        total.index_add_(0, columns, sums)
