"""Filters: which interactions of a log are worth learning from; what they leave out is counted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from recae.counted import counted
from recae.data.interactions import Interactions
from recae.data.moments import parse_time
from recae.data.parts import binarized
from recae.errors import DataError


@dataclass(frozen=True)
class Filters:
    """What is asked for; applied in this order: times, ratings, binarize, then the minimum counts."""

    min_rating: float | None = None
    """Keep ratings (or weights) of at least this."""
    binarize: bool = False
    """Let every kept interaction count as 1."""
    min_user_items: int = 0
    """Keep users with at least so many items."""
    min_item_users: int = 0
    """Keep items with at least so many users."""
    start: str | float | None = None
    """Keep what happened at or after this ISO date (UTC) or number in the unit of the time column."""
    end: str | float | None = None
    """Keep what happened before this moment."""

    @property
    def active(self) -> bool:
        """Whether anything is filtered at all."""
        return self != Filters()

    def apply(self, log: Interactions) -> Interactions:
        """A new log without what the filters leave out; users and items without interactions go.

        Where both minimum counts are asked for they are applied in turn until nothing changes (the k-core), so
        that both hold at the end. `counts` of the result names what each filter took.

        Raises:
            DataError: a filter needs a column that the log lacks, or leaves nothing; the sentence names it.
            ConfigError: a time that cannot be read.
        """
        if self.start is not None or self.end is not None:
            log = _within(log, self.start, self.end)
        if self.min_rating is not None:
            log = rated_at_least(log, self.min_rating)
        if self.binarize:
            log = binarized(log)
        if self.min_user_items > 0 or self.min_item_users > 0:
            log = core(log, self.min_user_items, self.min_item_users)
        return log


def filter_log(
    log: Interactions,
    *,
    min_rating: float | None = None,
    binarize: bool = False,
    min_user_items: int = 0,
    min_item_users: int = 0,
    start: str | float | None = None,
    end: str | float | None = None,
) -> Interactions:
    """Shorthand for `Filters(...).apply(log)`; see there."""
    return Filters(min_rating, binarize, min_user_items, min_item_users, start, end).apply(log)


def core(log: Interactions, min_user_items: int, min_item_users: int) -> Interactions:
    """The largest part of the log in which every user has `min_user_items` items and every item
    `min_item_users` users.

    Raises:
        DataError: there is no such part.
    """  # fmt: skip
    users, items = core_members(log.matrix, min_user_items, min_item_users)
    if not users.any():
        raise DataError(
            f"Nothing is left: no part of {counted(log.nnz, 'interaction')} has at least "
            f"{counted(min_user_items, 'item')} per user and "
            f"{counted(min_item_users, 'user')} per item. Choose smaller minimum counts."
        )
    if users.all() and items.all():
        return log
    kept = users[log.row_of_entry()] & items[log.matrix.indices]
    return log.keep(kept, below_min_counts=int(np.count_nonzero(~kept))).drop_empty()


def core_members(matrix: sparse.csr_array, min_user_items: int, min_item_users: int) -> tuple[np.ndarray, np.ndarray]:
    """(n_users,) and (n_items,) bool: who belongs to the core; users and items without entries never do.

    Each round looks only at the neighbours of what the round before dropped, so that long chains stay cheap.
    """
    by_item = matrix.tocsc()
    user_counts = np.diff(matrix.indptr).astype(np.int64)
    item_counts = np.diff(by_item.indptr).astype(np.int64)
    users, items = np.ones(len(user_counts), dtype=bool), np.ones(len(item_counts), dtype=bool)
    while True:
        out_users = np.flatnonzero(users & (user_counts < max(min_user_items, 1)))
        users[out_users] = False
        item_counts -= np.bincount(_neighbours(matrix.indptr, matrix.indices, out_users), minlength=len(items))
        out_items = np.flatnonzero(items & (item_counts < max(min_item_users, 1)))
        items[out_items] = False
        user_counts -= np.bincount(_neighbours(by_item.indptr, by_item.indices, out_items), minlength=len(users))
        if len(out_users) == 0 and len(out_items) == 0:
            return users, items


def _neighbours(indptr: np.ndarray, indices: np.ndarray, rows: np.ndarray) -> np.ndarray:
    lengths = indptr[rows + 1] - indptr[rows]
    offsets = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    return indices[np.repeat(indptr[rows], lengths) + offsets]


def rated_at_least(log: Interactions, min_rating: float) -> Interactions:
    """Without the interactions rated lower, and without the users and items that then have none.

    Raises:
        DataError: there are neither ratings nor weights, or none is high enough.
    """
    if log.columns.value is None:
        raise DataError(
            f"A minimum rating of {min_rating:g} needs a rating column and there is none; name it with --rating-col."
        )
    high = log.matrix.data >= np.float32(min_rating)
    if not high.any():
        raise DataError(
            f"Nothing is left: no interaction has a {log.columns.value_kind} of {min_rating:g} or more "
            f"(the highest is {log.matrix.data.max():g})."
        )
    return log.keep(high, below_min_rating=int(np.count_nonzero(~high))).drop_empty()


def _within(log: Interactions, start: str | float | None, end: str | float | None) -> Interactions:
    if log.timestamps is None:
        raise DataError("A time range needs times, and the data has no time column: name it with --time-col.")
    kept = np.ones(log.nnz, dtype=bool)
    if start is not None:
        kept &= log.timestamps >= parse_time(start, log.columns)
    if end is not None:
        kept &= log.timestamps < parse_time(end, log.columns)
    if not kept.any():
        first = "the beginning" if start is None else start
        last = "the end" if end is None else end
        raise DataError(
            f"Nothing is left: none of {counted(log.nnz, 'interaction')} lies in the time from {first} to {last}."
        )
    return log.keep(kept, outside_the_time_range=int(np.count_nonzero(~kept))).drop_empty()
