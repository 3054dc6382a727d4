"""From coded rows to the canonical matrix: sorted by user and item, every pair once by an explicit rule."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import sparse

from recae.errors import DataError

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


def pair_order(users: np.ndarray, items: np.ndarray, n_users: int, n_items: int) -> np.ndarray:
    """Row numbers sorted by user, then item, then row: two stable counting sorts, linear in the rows."""
    by_item = _counting_order(items, n_items)
    return by_item[_counting_order(users[by_item], n_users)]


def first_repeat(coded: Coded, n_users: int, n_items: int) -> tuple[int, int] | None:
    """The first row whose user and item an earlier row has too, as (earlier row, row); None if there is none."""
    order = pair_order(coded.users, coded.items, n_users, n_items)
    indptr = np.concatenate(([0], np.cumsum(np.bincount(coded.users, minlength=n_users))))
    repeats = np.flatnonzero(_same_as_before(coded.items[order], indptr))
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

    Raises:
        DataError: a sum is too large for float32.
    """
    rows = pair_order(coded.users, coded.items, n_users, n_items)
    indptr = np.concatenate(([0], np.cumsum(np.bincount(coded.users, minlength=n_users)))).astype(rows.dtype)
    indices = coded.items[rows]
    repeats = _same_as_before(indices, indptr)
    n_repeats = int(np.count_nonzero(repeats))
    values, times = coded.values, coded.times
    if n_repeats:
        kept = ~repeats if rule == "sum" else _chosen(coded, rows, repeats, rule)
        # One row of each pair is kept, and a pair is one user's, wherever in its rows the kept one stands.
        indptr = np.searchsorted(np.flatnonzero(kept), indptr).astype(rows.dtype)
        indices = indices[kept]
    if n_repeats and rule == "sum":
        values, times = _summed(coded, rows, repeats)
    else:
        rows = rows[kept] if n_repeats else rows
        values = None if values is None else values[rows]
        times = None if times is None else times[rows]
    if values is None:
        values = np.ones(len(indices), dtype=np.float32)
    matrix = sparse.csr_array((values, indices, indptr), shape=(n_users, n_items))
    matrix.has_sorted_indices = True
    matrix.has_canonical_format = True
    return matrix, times, n_repeats


def _counting_order(codes: np.ndarray, size: int) -> np.ndarray:
    # Turning a matrix with one entry per row from CSR to CSC is a stable counting sort of the columns.
    n = len(codes)
    index = np.int32 if n < 2**31 - 1 else np.int64
    one_each = sparse.csr_array(
        (np.ones(n, dtype=np.int8), codes.astype(index, copy=False), np.arange(n + 1, dtype=index)), shape=(n, size)
    )
    return one_each.tocsc().indices


def _same_as_before(items: np.ndarray, indptr: np.ndarray) -> np.ndarray:
    """Bool mask over rows in pair order, whose items are given and where each user's begin: the pair is repeated."""
    same = np.zeros(len(items), dtype=bool)
    same[1:] = items[1:] == items[:-1]
    same[indptr[indptr < len(items)]] = False
    return same


def _chosen(coded: Coded, rows: np.ndarray, repeats: np.ndarray, rule: Dedupe) -> np.ndarray:
    """Bool mask over `rows`: the one to keep of each pair."""
    keep = ~repeats
    repeated = repeats.copy()
    repeated[:-1] |= repeats[1:]
    places = np.flatnonzero(repeated)
    starts = np.flatnonzero(~repeats[places])
    pair = np.cumsum(~repeats[places])
    some = rows[places]
    keys = [] if coded.times is None else [coded.times[some]]
    if rule == "max" and coded.values is not None:
        keys.append(coded.values[some])
    order = np.lexsort([*keys, pair]) if keys else np.arange(len(pair))
    chosen = starts if rule == "first" else np.append(starts[1:], len(pair)) - 1
    keep[places] = False
    keep[places[order[chosen]]] = True
    return keep


def _summed(coded: Coded, rows: np.ndarray, repeats: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    starts = np.flatnonzero(~repeats)
    values = np.ones(len(rows), dtype=np.float32) if coded.values is None else coded.values[rows]
    sums = np.add.reduceat(values, starts, dtype=np.float64)
    if np.abs(sums).max() > np.finfo(np.float32).max:
        raise DataError(f"The values of one user and item add up to {np.abs(sums).max():g}, which is too large.")
    return sums.astype(np.float32), None if coded.times is None else np.maximum.reduceat(coded.times[rows], starts)
