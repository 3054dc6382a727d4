"""Lists as sparse matrices, so that sums over what is listed are one product and nothing is done user by user."""

from __future__ import annotations

import numpy as np
from scipy import sparse


def listed_counts(items: np.ndarray, k: int) -> np.ndarray:
    """(n_users,) int64: how many items stand among the first `k` places, unknown ones included."""
    return (items[:, :k] >= 0).sum(axis=1)


def listed_matrix(items: np.ndarray, k: int, n_items: int, weights: np.ndarray | None = None) -> sparse.csr_array:
    """(n_users, n_items) float64: 1, or the weight of the place, at the known items among the first `k` places.

    Args:
        items: (n_users, width) item positions; -1, and n_items and above, are left out.
        k: the cut-off.
        n_items: size of the catalogue.
        weights: (n_users, width) what to put instead of 1; places with 0 are left out.
    """
    head = items[:, :k]
    chosen = (head >= 0) & (head < n_items)
    if weights is not None:
        chosen &= weights[:, :k] != 0
    data = np.ones(int(chosen.sum())) if weights is None else weights[:, :k][chosen].astype(np.float64)
    indptr = np.concatenate(([0], np.cumsum(chosen.sum(axis=1))))
    return sparse.csr_array((data, head[chosen], indptr), shape=(len(items), n_items))


def pattern(matrix: sparse.csr_array) -> sparse.csr_array:
    """1.0 where `matrix` stores anything, a 0 included."""
    return sparse.csr_array((np.ones(matrix.nnz), matrix.indices, matrix.indptr), shape=matrix.shape)


def mean_of_listed(items: np.ndarray, k: int, values: np.ndarray) -> np.ndarray:
    """(n_users,) float64: mean of `values` (n_items,) over the items among the first `k` places; 0 for an empty list.

    Unknown items count with the value 0.
    """
    total = listed_matrix(items, k, len(values)) @ values
    return total / np.maximum(listed_counts(items, k), 1)


def dots(left: np.ndarray | sparse.csr_array, right: np.ndarray | sparse.csr_array) -> np.ndarray:
    """(n,) float64: the inner product of each row of `left` with the same row of `right`."""
    if isinstance(left, np.ndarray):
        return row_sums(left * np.asarray(right))
    return np.asarray((left * right) @ np.ones(left.shape[1]))


def row_sums(values: np.ndarray) -> np.ndarray:
    """(n,) float64: the sum of each row of (n, width), from left to right.

    BLAS and `sum` add in an order that depends on how many rows there are, so that the last bits of a user's value
    would depend on the block that the user is in.
    """
    return np.cumsum(values, axis=1, dtype=np.float64)[:, -1] if values.shape[1] else np.zeros(len(values))


def largest(matrix: sparse.csr_array, k: int) -> np.ndarray:
    """(n_users, min(k, most entries of a row)) float64: the largest stored values of each row, best first, then 0."""
    counts = np.diff(matrix.indptr)
    owner = np.repeat(np.arange(matrix.shape[0]), counts)
    order = np.lexsort((-matrix.data, owner))
    place = np.arange(len(order)) - np.repeat(matrix.indptr[:-1], counts)
    best = np.zeros((matrix.shape[0], min(k, int(counts.max(initial=0)))))
    kept = place < best.shape[1]
    best[owner[kept], place[kept]] = matrix.data[order][kept]
    return best


def repeated(counts: np.ndarray, values: np.ndarray) -> sparse.csr_array:
    """(n_users, largest count): `counts[u]` entries of `values[u]` in row u."""
    owner = np.repeat(np.arange(len(counts)), counts)
    starts = np.concatenate(([0], np.cumsum(counts)))
    place = np.arange(len(owner)) - starts[:-1][owner]
    data = np.asarray(values, dtype=np.float64)[owner]
    return sparse.csr_array((data, place, starts), shape=(len(counts), int(counts.max(initial=0))))
