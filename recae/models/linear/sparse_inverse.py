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
from scipy import sparse

from recae.models.linear.gram import BLOCK_ITEMS

_UNION = 4096
"""Rows are solved together while all their places are at most so many different items, and a matrix of those is no
greater than those of the rows one by one."""


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
    below = sparse.tril(factor, -1, format="csr")
    below.data *= roots[below.indices].astype(np.float32)
    return solve_rows(by_item, penalty, _strongest(below, budget), done)


def strongest_pairs(
    matrix: sparse.csr_array, by_item: sparse.csr_array, roots: np.ndarray, count: int
) -> sparse.csr_array:
    """The `count` pairs of greatest co-occurrence / (root x root), each in the row of its later item.

    Pairs that never occur together are only among them where all pairs are. Never more than twice `count` are held,
    and one block of rows of X^T X.
    """
    n_items = by_item.shape[0]
    if count >= n_items * (n_items - 1) // 2:
        return sparse.csr_array(np.tri(n_items, k=-1, dtype=np.float32))
    scale = (1 / roots).astype(np.float32)
    kept = sparse.tril(by_item[:0] @ matrix, format="csr")
    for start in range(0, n_items, BLOCK_ITEMS):
        block = sparse.tril(by_item[start : start + BLOCK_ITEMS] @ matrix, start - 1, format="csr")
        block.data *= np.repeat(scale[start : start + block.shape[0]], np.diff(block.indptr)) * scale[block.indices]
        kept = sparse.vstack([kept, _strongest(block, count)], format="csr")
        if kept.nnz > 2 * count:
            kept = _strongest(kept, count)
    return _strongest(kept, count)


def _strongest(matrix: sparse.csr_array, count: int) -> sparse.csr_array:
    """The `count` entries of greatest magnitude."""
    if matrix.nnz <= count:
        return matrix
    entries = np.zeros(matrix.nnz, dtype=bool)
    entries[np.argpartition(-np.abs(matrix.data), count - 1)[:count] if count else []] = True
    starts = np.concatenate([[0], np.cumsum(entries)])[matrix.indptr]
    return sparse.csr_array((matrix.data[entries], matrix.indices[entries], starts), shape=matrix.shape)


def solve_rows(
    by_item: sparse.csr_array, penalty: np.ndarray, places: sparse.csr_array, done: Callable[[int], None]
) -> sparse.csr_array:
    """M on the given places: `places` is strictly lower triangular, its values are ignored."""
    n_items = by_item.shape[0]
    columns, values = [], []
    for rows, union in _batches(places):
        own = by_item[union]
        gram = (own @ own.T).toarray().astype(np.float64)
        gram[np.diag_indices_from(gram)] += penalty[union]
        for row in range(rows.start, rows.stop):
            of_row = np.append(places.indices[places.indptr[row] : places.indptr[row + 1]], row)
            at = np.searchsorted(union, of_row)
            values.append(_solve_row(gram[np.ix_(at, at)], row))
            columns.append(of_row)
        done(rows.stop - rows.start)
    starts = places.indptr.astype(np.int64) + np.arange(n_items + 1)
    parts = (np.concatenate(values).astype(np.float32), np.concatenate(columns).astype(np.int32), starts)
    return sparse.csr_array(parts, shape=places.shape)


def _batches(places: sparse.csr_array) -> Iterator[tuple[slice, np.ndarray]]:
    """Rows that are solved together, and the sorted items that they need."""
    n_items, start, size = places.shape[0], 0, BLOCK_ITEMS
    while start < n_items:
        stop = min(start + size, n_items)
        filled = places.indices[places.indptr[start] : places.indptr[stop]]
        union = np.union1d(filled, np.arange(start, stop))
        sizes = np.diff(places.indptr[start : stop + 1]) + 1
        shared = len(union) <= _UNION and len(union) ** 2 <= np.square(sizes, dtype=np.float64).sum()
        if not shared and stop > start + 1:
            size = (stop - start) // 2
            continue
        yield slice(start, stop), union
        start, size = stop, min(2 * size, _UNION)


def _solve_row(squares: np.ndarray, row: int) -> np.ndarray:
    unit = np.zeros(len(squares))
    unit[-1] = 1
    try:
        solved: np.ndarray = np.linalg.solve(squares, unit)
    except np.linalg.LinAlgError:
        solved = np.full(len(squares), np.nan)
    if not solved[-1] > 0 or not np.isfinite(solved).all():
        raise ValueError(f"the matrix is not positive definite in float64 (near row {row})")
    return solved / np.sqrt(solved[-1])
