"""A sparse factor of the inverse of X^T X plus a diagonal, in memory that grows with the factor's non-zeros.

The inverse is M^T M with M = D^-1/2 L^-1, where L D L^T is the LDL^T factorisation. Row i of M is the regression of
item i on the items before it: with S the places that the row may fill, i among them, and A = X^T X + diag(penalty),

    m_S = A_SS^-1 e_i / sqrt((A_SS^-1)_ii),

which is exact where S holds all items before i, and otherwise the best that these places allow (it minimises
Kaporin's condition number, and cannot break down as an incomplete factorisation can).

Source: Kolotilina, Yeremin (1993): Factorized sparse approximate inverse preconditionings I: theory. SIAM Journal on
Matrix Analysis and Applications 14(1).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import torch
from scipy import sparse

from recae.models.linear.gram import BLOCK_ITEMS
from recae.models.linear.small_systems import solve_alone, solve_together
from recae.workers import workers

_UNION = 4096
"""Rows share one matrix while all their places are at most so many different items, and a matrix of those is no
greater than those of the rows one by one."""
_FEWEST = 16
"""Rows for which a shared matrix is tried, unless fewer are left."""
_SEARCH = 64
"""After rows that share nothing so many are passed over at most before others are looked at."""
_BLOCK_ENTRIES = 1 << 25
"""Entries of all blocks of rows of X^T X that are held at a time, unless one is a single row."""


def sparse_factor(
    matrix: sparse.csr_array,
    penalty: np.ndarray,
    budget: int,
    spare: float,
    *,
    done: Callable[[int], None] = lambda rows: None,
) -> sparse.csr_array:
    """M with at most `budget` non-zeros below the diagonal, such that M^T M is near (X^T X + diag(penalty))^-1.

    Places are first given to the `spare` x `budget` strongest pairs of items by cosine; once those are solved, the
    `budget` strongest weights keep theirs and are solved again. Items come in the order of the columns of X.

    Args:
        matrix: X, (n_users, n_items) float32.
        penalty: (n_items,) positive.
        done: hears how many rows were solved, 2 n_items in all.

    Returns:
        (n_items, n_items) float32 lower triangular, the diagonal stored.

    Raises:
        ValueError: the matrix is not positive definite to the precision of float64.
    """
    by_item = matrix.T.tocsr()
    squares = np.square(by_item.data, dtype=np.float64)
    filled = np.repeat(np.arange(by_item.shape[0]), np.diff(by_item.indptr))
    roots = np.sqrt(np.bincount(filled, weights=squares, minlength=by_item.shape[0]) + penalty)
    candidates = strongest_pairs(matrix, by_item, roots, round(spare * budget))
    factor = solve_rows(by_item, penalty, candidates, done)
    if candidates.nnz <= budget:
        done(by_item.shape[0])
        return factor
    below = sparse.tril(factor, -1, format="csr")
    below.data *= roots[below.indices].astype(np.float32)
    return solve_rows(by_item, penalty, _strongest(below, budget), done)


def strongest_pairs(
    matrix: sparse.csr_array, by_item: sparse.csr_array, roots: np.ndarray, count: int
) -> sparse.csr_array:
    """The `count` pairs of greatest co-occurrence / (root x root), each in the row of its later item.

    Pairs that never occur together are only among them where all pairs are. Never more than twice `count` are kept,
    and of each block of X^T X that is looked at beside them no more than `count`.
    """
    n_items = by_item.shape[0]
    if count >= n_items * (n_items - 1) // 2:
        return sparse.csr_array(np.tri(n_items, k=-1, dtype=np.float32))
    scale = (1 / roots).astype(np.float32)
    kept: sparse.csr_array = sparse.csr_array(np.empty((0, n_items), dtype=np.float32))
    least = np.float32(0)

    def pairs(rows: slice) -> sparse.csr_array:
        block = by_item[rows] @ matrix
        row = np.repeat(np.arange(rows.start, rows.stop, dtype=np.int32), np.diff(block.indptr))
        block.data *= scale[row]
        block.data *= scale[block.indices]
        found = _chosen(block, (block.indices < row) & (block.data >= least))
        found.sort_indices()
        return _strongest(found, count)

    with workers(torch.get_num_threads()) as pool:
        for found in pool.in_order(pairs, _gram_blocks(matrix, by_item, _BLOCK_ENTRIES // (1 + pool.ahead))):
            # `least` may have risen since: what is kept must not depend on when.
            kept = sparse.vstack([kept, _chosen(found, found.data >= least)], format="csr")
            if kept.nnz > 2 * count:
                kept = _strongest(kept, count)
                least = kept.data.min(initial=np.inf)
    return _strongest(kept, count)


def _gram_blocks(matrix: sparse.csr_array, by_item: sparse.csr_array, most: int) -> Iterator[slice]:
    """Rows of X^T X that are computed together: BLOCK_ITEMS, or fewer where they could be more than `most` entries."""
    lengths = np.diff(matrix.indptr)
    at_most = np.minimum(np.add.reduceat(np.append(lengths[by_item.indices], 0), by_item.indptr[:-1]), by_item.shape[0])
    at_most[np.diff(by_item.indptr) == 0] = 0
    ends = np.cumsum(at_most)
    start = 0
    while start < by_item.shape[0]:
        before = ends[start - 1] if start else 0
        stop = int(np.searchsorted(ends, before + most, side="right"))
        stop = min(max(stop, start + 1), start + BLOCK_ITEMS)
        yield slice(start, min(stop, by_item.shape[0]))
        start = stop


def _strongest(matrix: sparse.csr_array, count: int) -> sparse.csr_array:
    """The `count` entries of greatest magnitude; of those that are alike, the first."""
    if matrix.nnz <= count:
        return matrix
    if count == 0:
        return _chosen(matrix, np.zeros(matrix.nnz, dtype=bool))
    strengths = np.abs(matrix.data)
    least = np.partition(strengths, len(strengths) - count)[len(strengths) - count]
    entries = strengths > least
    entries[np.flatnonzero(strengths == least)[: count - np.count_nonzero(entries)]] = True
    return _chosen(matrix, entries)


def _chosen(matrix: sparse.csr_array, entries: np.ndarray) -> sparse.csr_array:
    """Those of the stored entries that `entries` (nnz,) bool says."""
    starts = np.concatenate([[0], np.cumsum(entries)])[matrix.indptr]
    return sparse.csr_array((matrix.data[entries], matrix.indices[entries], starts), shape=matrix.shape)


def solve_rows(
    by_item: sparse.csr_array, penalty: np.ndarray, places: sparse.csr_array, done: Callable[[int], None]
) -> sparse.csr_array:
    """M on the given places: `places` is strictly lower triangular, its values are ignored."""
    n_items = by_item.shape[0]
    starts = places.indptr.astype(np.int64) + np.arange(n_items + 1)
    own_places = np.zeros(starts[-1], dtype=bool)
    own_places[starts[1:] - 1] = True
    columns, values = np.empty(starts[-1], dtype=np.int32), np.empty(starts[-1], dtype=np.float32)
    columns[own_places], columns[~own_places] = np.arange(n_items), places.indices
    alone = np.ones(n_items, dtype=bool)
    for rows, union in _shared(places):
        alone[rows] = False
        for some, found in solve_together(by_item, penalty, (columns, starts), rows, union):
            values[starts[some.start] : starts[some.stop]] = found
            done(some.stop - some.start)
    for at, found in solve_alone(by_item, penalty, (columns, starts), np.flatnonzero(alone)):
        values[at] = found
        done(len(at))
    return sparse.csr_array((values, columns, starts), shape=places.shape)


def _shared(places: sparse.csr_array) -> Iterator[tuple[slice, np.ndarray]]:
    """Rows that are solved together, and the sorted items that they need; rows in between are better off alone."""
    n_items, start, size, passed = places.shape[0], 0, BLOCK_ITEMS, 1
    while start < n_items:
        stop = min(start + size, n_items)
        filled = places.indices[places.indptr[start] : places.indptr[stop]]
        sizes = np.diff(places.indptr[start : stop + 1]) + 1
        squares = np.square(sizes, dtype=np.float64).sum()
        if (stop - start) ** 2 <= squares:  # the rows themselves are among the items
            union = np.union1d(filled, np.arange(start, stop))
            if len(union) <= _UNION and len(union) ** 2 <= squares:
                yield slice(start, stop), union
                start, size, passed = stop, min(2 * (stop - start), _UNION), 1
                continue
        if size > _FEWEST:
            size = max(size // 2, _FEWEST)
        else:
            start, passed = start + passed, min(2 * passed, _SEARCH)
