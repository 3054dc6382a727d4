"""The inverse of X^T X plus a diagonal penalty, by way of users or items, whichever are fewer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy import sparse
from torch.nn import functional

from recae.models.linear.gram import BLOCK_ITEMS, gram
from recae.models.linear.spd import PIVOT, TILE, inverse_in_place

FEWER = 0.85
"""By way of users only where they are fewer than this share of the items: products with X come on top."""
CANCELLATION = 1e3
"""By way of users only where no item is this much heavier than its penalty: float32 loses that factor there."""


def penalised_inverse(
    matrix: sparse.csr_array, penalty: np.ndarray, *, done: Callable[[int], None] = lambda rows: None
) -> np.ndarray:
    """(X^T X + diag(penalty))^-1 as one dense array, for X of (n_users, n_items) float32.

    With fewer users than items the identity of Woodbury,

        (X^T X + D)^-1 = D^-1 - D^-1 X^T (E + X D^-1 X^T)^-1 X D^-1,

    inverts a matrix of users instead; everything else are products with the sparse X.

    Args:
        penalty: (n_items,) positive.
        done: hears how many of `steps_of` steps were taken.

    Returns:
        (n_items, n_items) float32, symmetric.

    Raises:
        ValueError: the sum is not positive definite to the precision of float32.
    """
    penalty = penalty.astype(np.float32)
    if by_users(matrix, penalty):
        return _by_users(matrix, penalty, done)
    inverse = gram(matrix)
    inverse[np.diag_indices_from(inverse)] += penalty
    inverse_in_place(torch.from_numpy(inverse), done=done)
    return inverse


def by_users(matrix: sparse.csr_array, penalty: np.ndarray) -> bool:
    """Whether the inverse is found by way of users."""
    n_users, n_items = matrix.shape
    weight = np.bincount(matrix.indices, weights=np.square(matrix.data), minlength=n_items)
    return n_users < FEWER * n_items and bool((weight < CANCELLATION * penalty).all())


def steps_of(matrix: sparse.csr_array, penalty: np.ndarray) -> int:
    """How many rows are inverted."""
    return min(matrix.shape) if by_users(matrix, penalty) else matrix.shape[1]


def memory_needed(matrix: sparse.csr_array, penalty: np.ndarray) -> int:
    """Bytes that `penalised_inverse` takes at its peak: the matrices themselves and the panels of the inversion."""
    n_users, n_items = matrix.shape
    if by_users(matrix, penalty):
        return 4 * (n_items * n_items + n_users * n_users + 2 * n_items * BLOCK_ITEMS) + (64 << 20)
    return 4 * n_items * (n_items + 2 * PIVOT + TILE) + (64 << 20)


def _by_users(matrix: sparse.csr_array, penalty: np.ndarray, done: Callable[[int], None]) -> np.ndarray:
    n_items = matrix.shape[1]
    roots = np.sqrt(penalty)
    scaled = sparse.csr_array((matrix.data / roots[matrix.indices], matrix.indices, matrix.indptr), shape=matrix.shape)
    by_item = scaled.T.tocsr()
    middle = gram(by_item)
    middle[np.diag_indices_from(middle)] += 1
    inner = torch.from_numpy(middle)
    inverse_in_place(inner, done=done)
    inverse = np.empty((n_items, n_items), dtype=np.float32)
    for start in range(0, n_items, BLOCK_ITEMS):
        rows = slice(start, min(start + BLOCK_ITEMS, n_items))
        half = sparse_times_dense(by_item[rows], inner).T.contiguous()
        block = sparse_times_dense(by_item, half).T
        inverse[rows] = block.neg_().numpy()
        inverse[rows, rows][np.diag_indices(rows.stop - rows.start)] += 1
        inverse[rows] /= roots
        inverse[rows] /= roots[rows, None]
    return inverse


def sparse_times_dense(left: sparse.csr_array, right: torch.Tensor) -> torch.Tensor:
    """left @ right on all threads: (n, m) sparse float32 times (m, k) dense float32."""
    indices = torch.from_numpy(left.indices.astype(np.int64))
    starts = torch.from_numpy(left.indptr.astype(np.int64))
    values = torch.from_numpy(left.data.astype(np.float32))
    return functional.embedding_bag(
        indices, right, starts, mode="sum", per_sample_weights=values, include_last_offset=True
    )
