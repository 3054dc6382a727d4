"""Many small systems cut from one Gram matrix, for the sparse factor of its inverse.

Popular items share most of their places, and a dense matrix of these serves them all. The other rows of a large
catalogue share few, and a product of its own for each would go through the histories of popular items again and again:
X^T X is computed once, a block of rows at a time, and every system takes from a block what it needs.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import pairwise

import numpy as np
import torch
from scipy import sparse

from recae.models.linear.gram import gram
from recae.workers import workers

MOST_ENTRIES = 1 << 27
"""Entries of all triangles that are cut together: 512 MiB."""
BLOCK_ENTRIES = 1 << 20
"""Entries of a dense block of rows of X^T X, of which every thread has one: it stays in the processor's cache."""
FEWEST_ROWS = 4
"""Rows of such a block, however long they are."""
STEP_ENTRIES = 1 << 18
"""Entries that are gathered or solved at a time: these, too, are still in the cache when they are needed again."""

SOLVING_BYTES = 1 << 28
"""What the threads may take together for systems that are larger than a step."""
BYTES_PER_ENTRY = 24
"""Of a system while it is solved: where its entries are, itself, and its factor."""
ROWS_AT_ONCE = 16
"""Rows of a shared matrix that a thread solves before it takes others."""

Places = tuple[np.ndarray, np.ndarray]
"""Columns of all rows, (nnz,) int32, and where each row starts among them, (n_items + 1,) int64."""


def solve_together(
    by_item: sparse.csr_array, penalty: np.ndarray, places: Places, rows: slice, union: np.ndarray
) -> Iterator[tuple[slice, np.ndarray]]:
    """As `solve_alone`, for `rows` whose places are among the sorted items `union`: some of the rows and the values for
    all their places, again and again."""
    columns, starts = places
    shared = gram(by_item[union].T.tocsr())

    def solve(some: slice) -> tuple[slice, np.ndarray]:
        found = []
        for row in range(some.start, some.stop):
            at = np.searchsorted(union, columns[starts[row] : starts[row + 1]])
            square = shared[np.ix_(at, at)].astype(np.float64)
            square[np.diag_indices_from(square)] += penalty[union[at]]
            found.append(last_columns(square[None], np.array([row]))[0])
        return some, np.concatenate(found)

    largest = int(np.diff(starts[rows.start : rows.stop + 1]).max())
    edges = [*range(rows.start, rows.stop, ROWS_AT_ONCE), rows.stop]
    with workers(_threads(largest)) as pool:
        yield from pool.in_order(solve, (slice(start, stop) for start, stop in pairwise(edges)))


def solve_alone(
    by_item: sparse.csr_array, penalty: np.ndarray, places: Places, rows: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """For systems A_SS over the places S of each of `rows`: the last column of A_SS^-1 over the root of its last entry.

    Args:
        by_item: X^T, (n_items, n_users) float32.
        penalty: (n_items,) what A has on its diagonal beside X^T X.
        places: of all rows; those of a row ascend, and it is its own last place.
        rows: (n,) int64, ascending.

    Yields:
        (m, size) int64 positions among the places, those of a row in each line, and (m, size) values for them.

    Raises:
        ValueError: a system is not positive definite to the precision of float64.
    """
    starts = places[1]
    sizes = np.diff(starts)[rows]
    single, rows, sizes = rows[sizes == 1], rows[sizes > 1], sizes[sizes > 1]
    if len(single):
        own = by_item[single]
        squares = own.multiply(own).sum(axis=1, dtype=np.float64) + penalty[single]
        _refuse(~((squares > 0) & (squares < np.inf)), single)
        yield starts[single][:, None], 1 / np.sqrt(squares)[:, None]
    part_of = (np.cumsum(_below(sizes)) - 1) // MOST_ENTRIES
    for chosen in np.split(rows, np.flatnonzero(np.diff(part_of)) + 1) if len(rows) else []:
        part = _Part(by_item, places, chosen)
        with workers(torch.get_num_threads()) as pool:
            for _ in pool.in_order(part.cut_block, part.blocks()):
                pass
        with workers(_threads(int(part.sizes.max()))) as pool:
            yield from pool.in_order(partial(_solve_alike, part, penalty), part.of_one_size())


def _threads(largest: int) -> int:
    """How many threads may solve at a time, where the largest system has so many places."""
    return max(1, min(torch.get_num_threads(), SOLVING_BYTES // (BYTES_PER_ENTRY * largest**2)))


def _solve_alike(part: _Part, penalty: np.ndarray, alike: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    at = part.starts[part.first_line[alike]][:, None] + np.arange(part.sizes[alike[0]])
    squares = part.squares(alike)
    diagonal = np.arange(squares.shape[1])
    squares[:, diagonal, diagonal] += penalty[part.needed[part.columns[at]]]
    return at, last_columns(squares, part.rows[alike])


def last_columns(squares: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """(n, k): the last column of the inverse of each of the (n, k, k) float64 matrices, over the root of its last
    entry; `rows` says in errors which they are. Of the matrices the lower triangles are read.

    With A = L L^T that is L^-T e, e being the last unit vector, as L^-1 e is e over the last entry of L.

    Raises:
        ValueError: a matrix is not positive definite to the precision of float64.
    """
    unit = torch.zeros(len(squares), squares.shape[1], 1, dtype=torch.float64)
    unit[:, -1] = 1
    factors, failed = torch.linalg.cholesky_ex(torch.from_numpy(squares))
    solved: np.ndarray = torch.linalg.solve_triangular(factors.mT, unit, upper=True)[:, :, 0].numpy()
    _refuse((failed.numpy() != 0) | ~np.isfinite(solved).all(axis=1), rows)
    return solved


def _refuse(bad: np.ndarray, rows: np.ndarray) -> None:
    if bad.any():
        raise ValueError(f"the matrix is not positive definite in float64 (near row {rows[np.argmax(bad)]})")


class _Part:
    """The lower triangles of X^T X at the places of some rows, cut out line by line, block by block of X^T X."""

    def __init__(self, by_item: sparse.csr_array, places: Places, rows: np.ndarray) -> None:
        self.by_item, self.rows = by_item, rows
        columns, starts = places
        self.sizes = np.diff(starts)[rows]
        self.first_line = np.cumsum(self.sizes) - self.sizes
        owner = np.repeat(np.arange(len(rows)), self.sizes)
        within = np.arange(len(owner)) - self.first_line[owner]
        # Line `within` of the triangle of `owner` is a piece of row `items` of X^T X, and as long as it has columns.
        self.starts, lengths = starts[rows][owner], within + 1
        items = columns[self.starts + within]
        self.by_row = np.argsort(items, kind="stable")
        self.ordered, self.lengths = items[self.by_row], lengths[self.by_row]
        self.ends = np.cumsum(self.lengths)
        self.line_at = np.empty_like(self.ends)
        self.line_at[self.by_row] = self.ends - self.lengths
        self.cut = np.empty(int(self.ends[-1]), dtype=np.float32)
        self.needed = self.ordered[np.append(True, self.ordered[1:] != self.ordered[:-1])]
        self.matrix = by_item[self.needed].T.tocsr()
        number = np.zeros(by_item.shape[0], dtype=np.int32)
        number[self.needed] = np.arange(len(self.needed))
        self.columns = number[columns]

    def blocks(self) -> Iterator[np.ndarray]:
        """The items whose rows of X^T X are needed, some at a time."""
        step = max(FEWEST_ROWS, BLOCK_ENTRIES // len(self.needed))
        for start in range(0, len(self.needed), step):
            yield self.needed[start : start + step]

    def cut_block(self, items: np.ndarray) -> None:
        """Fill the lines that are pieces of the rows of `items`."""
        block = (self.by_item[items] @ self.matrix).toarray()
        low, high = np.searchsorted(self.ordered, [items[0], items[-1] + 1])
        row = np.searchsorted(items, self.ordered[low:high]) * block.shape[1]
        lengths = self.lengths[low:high]
        starts = self.starts[self.by_row[low:high]]
        for lines in _pieces(lengths):
            wanted = self.columns[_ranges(starts[lines], lengths[lines])]
            end = self.ends[low + lines.stop - 1]
            np.take(block, wanted + np.repeat(row[lines], lengths[lines]), out=self.cut[end - len(wanted) : end])

    def of_one_size(self) -> Iterator[np.ndarray]:
        """Numbers of rows with equally many places, some at a time."""
        for size in np.flatnonzero(np.bincount(self.sizes)):
            alike = np.flatnonzero(self.sizes == size)
            yield from np.split(alike, np.arange(0, len(alike), max(1, STEP_ENTRIES // int(size) ** 2))[1:])

    def squares(self, alike: np.ndarray) -> np.ndarray:
        """(n, size, size) float64: the lower triangles of rows of one size, with zeros above."""
        size = int(self.sizes[alike[0]])
        down, across = np.tril_indices(size)
        lines = self.line_at[self.first_line[alike][:, None] + np.arange(size)]
        squares = np.zeros((len(alike), size, size))
        squares[:, down, across] = self.cut[lines[:, down] + across]
        return squares


def _below(sizes: np.ndarray) -> np.ndarray:
    """How many entries lower triangles have."""
    return sizes * (sizes + 1) // 2


def _ranges(starts: np.ndarray, lengths: np.ndarray) -> np.ndarray:
    """(sum of the lengths,) int64: start, start + 1, ... for each of the positive lengths."""
    steps = np.ones(int(lengths.sum()), dtype=np.int64)
    steps[0] = starts[0]
    steps[np.cumsum(lengths)[:-1]] = starts[1:] - starts[:-1] - lengths[:-1] + 1
    return np.cumsum(steps, out=steps)


def _pieces(lengths: np.ndarray) -> Iterator[slice]:
    """Slices over lines whose lengths add up to about STEP_ENTRIES."""
    edges = np.searchsorted(np.cumsum(lengths), np.arange(STEP_ENTRIES, int(lengths.sum()), STEP_ENTRIES))
    for start, stop in pairwise(np.unique([0, *edges, len(lengths)]).tolist()):
        yield slice(start, stop)
