"""The inverse of X^T X plus a diagonal penalty, by way of users or items, whichever are fewer."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy import sparse

from recae.bags import bag_sums
from recae.models.linear.gram import BLOCK_ITEMS, gram
from recae.models.linear.spd import PIVOT, TILE, inverse_in_place, mirror_lower

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
    """Bytes that `penalised_inverse` takes at its peak, beside the data and the libraries.

    By way of items that is the one matrix, 4 * n_items^2, and the panels of the inversion. By way of users it is
    the greater of 4 * n_items^2 and 2 * n_items^2 + 4 * n_users^2 (at most 1.23 times the matrix, as users are
    fewer than `FEWER` of the items), and blocks of rows.
    """
    n_users, n_items = matrix.shape
    if by_users(matrix, penalty):
        held = max(n_items * n_items, _packed(n_items) + n_users * n_users)
        return 4 * (held + BLOCK_ITEMS * (n_items + 2 * n_users)) + (64 << 20)
    return 4 * n_items * (n_items + 2 * PIVOT + TILE) + (64 << 20)


def _by_users(matrix: sparse.csr_array, penalty: np.ndarray, done: Callable[[int], None]) -> np.ndarray:
    """The users' matrix lies at the end of the memory that the result will fill.

    The result is symmetric: while the users' matrix is needed, only the lower triangle of the result is written, block
    of rows after block of rows without the rest between them, before it.
    """
    n_users, n_items = matrix.shape
    roots = np.sqrt(penalty)
    scaled = sparse.csr_array((matrix.data / roots[matrix.indices], matrix.indices, matrix.indptr), shape=matrix.shape)
    by_item = scaled.T.tocsr()
    memory = np.empty(max(n_items * n_items, _packed(n_items) + n_users * n_users), dtype=np.float32)
    middle = gram(by_item, out=memory[len(memory) - n_users * n_users :].reshape(n_users, n_users))
    middle[np.diag_indices_from(middle)] += 1
    inner = torch.from_numpy(middle)
    inverse_in_place(inner, done=done)
    for rows, start in _triangle(n_items):
        half = sparse_times_dense(by_item[rows], inner).T.contiguous()
        product = sparse_times_dense(by_item[: rows.stop], half).numpy().T
        block = memory[start : start + product.size].reshape(product.shape)
        np.negative(product, out=block)
        block[np.arange(len(block)), np.arange(rows.start, rows.stop)] += 1
        block /= roots[: rows.stop]
        block /= roots[rows, None]
    del middle, inner, block
    return _unpacked(memory, n_items)


def _triangle(n_items: int) -> list[tuple[slice, int]]:
    """Blocks of rows of a lower triangle, each as long as its last row, and where each starts in packed memory."""
    blocks, start = [], 0
    for first in range(0, n_items, BLOCK_ITEMS):
        rows = slice(first, min(first + BLOCK_ITEMS, n_items))
        blocks.append((rows, start))
        start += (rows.stop - rows.start) * rows.stop
    return blocks


def _packed(n_items: int) -> int:
    """Numbers that the blocks of `_triangle` hold in all."""
    rows, start = _triangle(n_items)[-1]
    return start + (rows.stop - rows.start) * rows.stop


def _unpacked(memory: np.ndarray, n_items: int) -> np.ndarray:
    """The symmetric (n_items, n_items) array of a packed triangle, in the same memory; what it has beyond is freed."""
    # Every row moves backward, so that the last block goes first and none is overwritten before it was moved.
    for rows, start in reversed(_triangle(n_items)):
        shape = (rows.stop - rows.start, rows.stop)
        block = memory[start : start + shape[0] * shape[1]].reshape(shape).copy()
        memory[: n_items * n_items].reshape(n_items, n_items)[rows, : rows.stop] = block
    memory.resize(n_items * n_items, refcheck=False)
    whole = memory.reshape(n_items, n_items)
    mirror_lower(torch.from_numpy(whole))
    return whole


def sparse_times_dense(left: sparse.csr_array, right: torch.Tensor) -> torch.Tensor:
    """left @ right on all threads: (n, m) sparse float32 times (m, k) dense float32."""
    indices = torch.from_numpy(left.indices.astype(np.int64))
    starts = torch.from_numpy(left.indptr[:-1].astype(np.int64))
    values = torch.from_numpy(left.data.astype(np.float32))
    return bag_sums(indices, right, starts, values)
