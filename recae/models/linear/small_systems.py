"""Many small systems cut from one Gram matrix too large to hold, for the sparse factor of its inverse.

The rows of a large catalogue share few of their places, and a product of its own for each would go through the
histories of popular items again and again. Here X^T X is computed once, a block of rows at a time, and every system
takes from a block what it needs.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import sparse

MOST_SQUARES = 1 << 28
"""Entries of all systems that are cut together: 1 GiB."""
BLOCK_ENTRIES = 1 << 25
"""Entries of a dense block of rows of X^T X."""
STEP_ENTRIES = 1 << 22
"""Entries that are gathered or solved at a time."""

Places = tuple[np.ndarray, np.ndarray]
"""Columns of all rows, (nnz,) int32, and where each row starts among them, (n_items + 1,) int64."""


def solve_alone(
    by_item: sparse.csr_array, penalty: np.ndarray, places: Places, rows: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For systems A_SS over the places S of each of `rows`: the last column of A_SS^-1 over the root of its last entry.

    Args:
        by_item: X^T, (n_items, n_users) float32.
        penalty: (n_items,) what A has on its diagonal beside X^T X.
        places: of all rows; a row itself is its last place.
        rows: (n,) int64, ascending.

    Yields:
        (m, size) int64 positions among the places, those of a row in each line, and (m, size) values for them.

    Raises:
        ValueError: a system is not positive definite to the precision of float64.
    """
    columns, starts = places
    matrix = by_item.T.tocsr()
    sizes = np.diff(starts)[rows]
    part_of = (np.cumsum(sizes**2) - 1) // MOST_SQUARES
    for chosen in np.split(np.arange(len(rows)), np.flatnonzero(np.diff(part_of)) + 1):
        cut, ends = _systems(by_item, matrix, places, rows[chosen]), np.cumsum(sizes[chosen] ** 2)
        for size in np.flatnonzero(np.bincount(sizes[chosen])):
            alike = chosen[sizes[chosen] == size]
            first = (ends - sizes[chosen] ** 2)[sizes[chosen] == size]
            step = max(1, STEP_ENTRIES // int(size) ** 2)
            for start in range(0, len(alike), step):
                own = rows[alike[start : start + step]]
                at = starts[own][:, None] + np.arange(size)
                squares = cut[first[start : start + step, None] + np.arange(size**2)].reshape(-1, size, size)
                squares = squares.astype(np.float64)
                squares[:, np.arange(size), np.arange(size)] += penalty[columns[at]]
                yield at, last_columns(squares, own)


def last_columns(squares: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(n, k): the last column of the inverse of each of the (n, k, k) float64 matrices, over the root of its last
    entry; `rows` says in errors which they are.

    Raises:
        ValueError: a matrix is not positive definite to the precision of float64.
    """
    unit = np.zeros((len(squares), squares.shape[1], 1))
    unit[:, -1] = 1
    try:
        solved: np.ndarray = np.linalg.solve(squares, unit)[:, :, 0]
    except np.linalg.LinAlgError:
        near = rows[0] if len(rows) == 1 else f"{rows[0]} to {rows[-1]}"
        raise ValueError(f"the matrix is not positive definite in float64 (near row {near})") from None
    bad = ~((solved[:, -1] > 0) & np.isfinite(solved).all(axis=1))
    if bad.any():
        raise ValueError(f"the matrix is not positive definite in float64 (near row {rows[np.argmax(bad)]})")
    return solved / np.sqrt(solved[:, -1:])


def _systems(by_item: sparse.csr_array, matrix: sparse.csr_array, places: Places, rows: np.ndarray) -> np.ndarray:
    """The squares of X^T X at the places of each of `rows`, one after the other: (sum of sizes^2,) float32."""
    columns, starts = places
    sizes = np.diff(starts)[rows]
    owner = np.repeat(np.arange(len(rows)), sizes)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    items = columns[starts[rows][owner] + within]
    # Line `within` of the square of `owner` is a piece of row `items` of the Gram matrix.
    line = np.repeat(np.cumsum(sizes**2) - sizes**2, sizes) + within * sizes[owner]
    by_row = np.argsort(items, kind="stable")
    ordered = items[by_row]
    needed = ordered[np.append(True, ordered[1:] != ordered[:-1])]
    cut = np.empty(int((sizes**2).sum()), dtype=np.float32)
    step = max(1, BLOCK_ENTRIES // by_item.shape[0])
    for start in range(0, len(needed), step):
        block_items = needed[start : start + step]
        block = (by_item[block_items] @ matrix).toarray()
        low, high = np.searchsorted(ordered, [block_items[0], block_items[-1] + 1])
        for lines in _pieces(by_row[low:high], sizes[owner[by_row[low:high]]]):
            lengths = sizes[owner[lines]]
            step_in = np.arange(int(lengths.sum())) - np.repeat(np.cumsum(lengths) - lengths, lengths)
            wanted = columns[np.repeat(starts[rows[owner[lines]]], lengths) + step_in]
            of_block = np.repeat(np.searchsorted(block_items, items[lines]), lengths)
            cut[np.repeat(line[lines], lengths) + step_in] = block[of_block, wanted]
    return cut


def _pieces(lines: np.ndarray, lengths: np.ndarray) -> Iterator[np.ndarray]:
    """`lines` in pieces whose lengths add up to about STEP_ENTRIES."""
    edges = np.searchsorted(np.cumsum(lengths), np.arange(STEP_ENTRIES, int(lengths.sum()), STEP_ENTRIES))
    yield from np.split(lines, edges)
