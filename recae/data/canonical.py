"""From coded rows to the canonical matrix: sorted by user and item, every pair once by an explicit rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import sparse

Dedupe = Literal["last", "first", "max", "sum", "error"]


@dataclass(frozen=True, eq=False)
class Coded:
    """Rows of a log as arrays of equal length."""

    users: np.ndarray
    """int32 user codes."""
    items: np.ndarray
    """int32 item codes."""
    values: np.ndarray | None
    """float32 ratings or weights."""
    times: np.ndarray | None
    """int64."""

    def take(self, rows: np.ndarray) -> Coded:
        """Only these rows, in this order."""
        return Coded(
            self.users[rows],
            self.items[rows],
            None if self.values is None else self.values[rows],
            None if self.times is None else self.times[rows],
        )


def pair_order(users: np.ndarray, items: np.ndarray, n_users: int, n_items: int) -> np.ndarray:
    """Row numbers sorted by user, then item, then row: two stable counting sorts, linear in the rows."""
    by_item = _counting_order(items, n_items)
    return by_item[_counting_order(users[by_item], n_users)]


def first_repeat(coded: Coded, n_users: int, n_items: int) -> tuple[int, int] | None:
    """The first row whose user and item an earlier row has too, as (earlier row, row); None if there is none."""
    order = pair_order(coded.users, coded.items, n_users, n_items)
    repeats = np.flatnonzero(_same_as_before(coded.users[order], coded.items[order]))
    if len(repeats) == 0:
        return None
    at = repeats[np.argmin(order[repeats])]
    return int(order[at - 1]), int(order[at])


def canonical_matrix(
    coded: Coded, n_users: int, n_items: int, rule: Dedupe
) -> tuple[sparse.csr_array, np.ndarray | None, int]:
    """The (n_users, n_items) float32 matrix, the int64 times of its entries, and how many rows repeated a pair.

    Of rows with the same user and item, "last" keeps the one of the latest time ("first": earliest), by row order
    where times are equal or absent; "max" the one of the highest value, the latest of those; "sum" adds the
    values (counts the rows where there are none) and keeps the latest time. With "error" the
    caller has refused repeats before (`first_repeat`).
    """
    order = pair_order(coded.users, coded.items, n_users, n_items)
    rows = coded.take(order)
    del order
    repeats = _same_as_before(rows.users, rows.items)
    n_repeats = int(np.count_nonzero(repeats))
    if n_repeats:
        rows = _summed(rows, repeats) if rule == "sum" else rows.take(_chosen(rows, repeats, rule))
    values = np.ones(len(rows.users), dtype=np.float32) if rows.values is None else rows.values
    counts = np.bincount(rows.users, minlength=n_users)
    indptr = np.concatenate(([0], np.cumsum(counts)))
    if len(values) < 2**31:
        indptr = indptr.astype(np.int32)
    matrix = sparse.csr_array((values, rows.items, indptr), shape=(n_users, n_items))
    matrix.has_sorted_indices = True
    matrix.has_canonical_format = True
    return matrix, rows.times, n_repeats


def _counting_order(codes: np.ndarray, size: int) -> np.ndarray:
    # Turning a matrix with one entry per row from CSR to CSC is a stable counting sort of the columns.
    n = len(codes)
    index = np.int32 if n < 2**31 - 1 else np.int64
    one_each = sparse.csr_array(
        (np.ones(n, dtype=np.int8), codes.astype(index, copy=False), np.arange(n + 1, dtype=index)), shape=(n, size)
    )
    return one_each.tocsc().indices


def _same_as_before(users: np.ndarray, items: np.ndarray) -> np.ndarray:
    same = np.zeros(len(users), dtype=bool)
    same[1:] = (users[1:] == users[:-1]) & (items[1:] == items[:-1])
    return same


def _chosen(rows: Coded, repeats: np.ndarray, rule: Dedupe) -> np.ndarray:
    """The row to keep of each pair, in the order of the pairs."""
    keep = ~repeats
    repeated = repeats.copy()
    repeated[:-1] |= repeats[1:]
    numbers = np.flatnonzero(repeated)
    keep[numbers] = False
    some = rows.take(numbers)
    pair = np.cumsum(~repeats[numbers])
    keys = [key for key in (some.times, some.values if rule == "max" else None) if key is not None]
    order = np.lexsort([*keys, pair]) if keys else np.arange(len(pair))
    starts = np.flatnonzero(~repeats[numbers])
    ends = np.append(starts[1:], len(pair)) - 1
    keep[numbers[order[starts if rule == "first" else ends]]] = True
    return np.flatnonzero(keep)


def _summed(rows: Coded, repeats: np.ndarray) -> Coded:
    starts = np.flatnonzero(~repeats)
    ones = np.ones(len(rows.users), dtype=np.float32)
    values = np.add.reduceat(ones if rows.values is None else rows.values, starts, dtype=np.float64).astype(np.float32)
    times = None if rows.times is None else np.maximum.reduceat(rows.times, starts)
    return Coded(rows.users[starts], rows.items[starts], values, times)
