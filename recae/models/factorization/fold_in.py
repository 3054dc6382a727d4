"""Users found for given items: the least-squares step of ALS for any histories, many at a time.

For a row with items I, equation 4 of Hu, Koren and Volinsky (2008) is

    (B + (confidence - 1) Y_I^T Y_I) x = confidence * sum of Y_I        with B = Y^T Y + l2 E = L L^T

which, with Z = Y L^-T and x = L^-T x', is

    (E + (confidence - 1) Z_I^T Z_I) x' = confidence * sum of Z_I.

No eigenvalue of Z^T Z is above 1, so those of the new system lie between 1 and `confidence`, whatever the items: it is
solved by conjugate gradients in a few steps (some sixteen at a confidence of 4). Each of them reads the rows Z_I twice,
and no user's matrix is ever made.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from recae.bags import bag_sums
from recae.errors import UnsoundModelError
from recae.models.affine import affine
from recae.ranking.pairs import say_once_that_csr_is_in_beta

BATCH_ROWS = 1024
"""Users whose vectors stay in the processor's cache."""
ITEM_ROWS = 8192
PRECISION = 1e-7
"""How far from its right side, relatively, a row's system may end: what fp32 can tell."""


class FoldIn:
    """The factors that ALS would give users while the items stay as they are.

    Args:
        item_factors: (n_items, factors) float32: Y.
        l2: the L2 penalty on a user's factors, above 0.
        confidence: weight of an interaction, where an absent one weighs 1; at least 1.

    Raises:
        UnsoundModelError: the factors are not finite, or so large that their squares are not.
    """

    def __init__(self, item_factors: np.ndarray, l2: float, confidence: float) -> None:
        self.item_factors, self._confidence = item_factors, confidence
        items = torch.from_numpy(item_factors)
        base = l2 * torch.eye(items.shape[1], dtype=torch.float64)
        for block in items.split(ITEM_ROWS):
            base += block.T.double() @ block.double()
        lower, failed = torch.linalg.cholesky_ex(base)
        if failed:
            raise UnsoundModelError(
                "The model's item factors are no numbers by which users can be found; its training has probably "
                "diverged: train it again with other settings."
            )
        inverse = torch.linalg.solve_triangular(lower, torch.eye(len(lower), dtype=torch.float64), upper=False)
        self._back = inverse.T.float()
        self._items = torch.empty_like(items)
        for rows, block in zip(self._items.split(ITEM_ROWS), items.split(ITEM_ROWS), strict=True):
            rows.copy_(block.double() @ inverse.T)
        self._most_steps = _most_steps(confidence)

    def __call__(self, histories: sparse.csr_array) -> np.ndarray:
        """(n_rows, factors) float32 for histories (n_rows, n_items), read as which items are there.

        Zeros for an empty history; a row does not depend on those beside it.
        """
        solved = torch.zeros(histories.shape[0], self._items.shape[1])
        for start in range(0, histories.shape[0], BATCH_ROWS):
            rows = slice(start, min(start + BATCH_ROWS, histories.shape[0]))
            starts = histories.indptr[rows.start : rows.stop + 1]
            entries = torch.from_numpy(histories.indices[starts[0] : starts[-1]].astype(np.int64))
            own = _OwnItems(entries, torch.from_numpy((starts - starts[0]).astype(np.int64)), self._items)
            solved[rows] = affine(self._solve(own), self._back, torch.zeros(len(self._back)))
        return solved.numpy()

    def _solve(self, own: _OwnItems) -> Tensor:
        """(n_rows, factors) x' of each row, by conjugate gradients; a row that is solved is left as it is."""
        residual = own.summed(None).mul_(self._confidence)
        if self._most_steps == 0:
            return residual
        found, direction = torch.zeros_like(residual), residual.clone()
        size = residual.square().sum(dim=1)
        enough = size * PRECISION**2
        for _ in range(self._most_steps):
            left = size > enough
            if not left.any():
                break
            moved = torch.add(direction, own.summed(own.products(direction)), alpha=self._confidence - 1)
            step = torch.where(left, size / torch.linalg.vecdot(direction, moved), 0.0)[:, None]
            found.addcmul_(step, direction)
            residual.addcmul_(step, moved, value=-1)
            before, size = size, residual.square().sum(dim=1)
            direction.mul_(torch.where(left, size / before, 0.0)[:, None]).add_(residual)
        return found


def _most_steps(confidence: float) -> int:
    """Twice as many as it takes without rounding, as the error shrinks by (sqrt c - 1) / (sqrt c + 1) in each."""
    root = confidence**0.5
    return 0 if root == 1 else int(2 * np.log(2 * root / PRECISION) / np.log((root + 1) / (root - 1)))


class _OwnItems:
    """The rows of a table (n_items, width) at the items of each of some histories (CSR)."""

    def __init__(self, entries: Tensor, starts: Tensor, table: Tensor) -> None:
        self._entries, self._starts, self._table = entries, starts, table

    @cached_property
    def _places(self) -> Tensor:
        say_once_that_csr_is_in_beta()
        size, nothing = (len(self._starts) - 1, len(self._table)), torch.zeros(len(self._entries))
        return torch.sparse_csr_tensor(self._starts, self._entries, nothing, size=size, check_invariants=False)

    def products(self, vectors: Tensor) -> Tensor:
        """(nnz,) the inner product of each of them with the vector of its history."""
        return torch.sparse.sampled_addmm(self._places, vectors, self._table.T, beta=0.0).values()

    def summed(self, weights: Tensor | None) -> Tensor:
        """(n_rows, width) their sums, by `weights` (nnz,)."""
        return bag_sums(self._entries, self._table, self._starts[:-1], weights)
