"""A log's rows over a fixed set of items: what a model knows of each user's history, and what it does not."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from recae.counted import counted
from recae.data.ids import UNKNOWN, IdIndex
from recae.data.interactions import Columns, Interactions
from recae.data.split import NO_TIME, last_times

_SHOWN = 5


@dataclass(frozen=True)
class UnknownItems:
    """Items of a file that the model or the training data does not know."""

    count: int = 0
    """How many interactions are with such items; they are left out."""
    items: int = 0
    """How many different items they are."""
    first: tuple[Any, ...] = ()
    """The ids of the first few."""

    def sentence(self) -> str:
        """For a person, e.g. "3 interactions are with 2 items that are not known (such as 'x', 'y')."."""
        if not self.count:
            return "All items are known."
        shown = ", ".join(repr(item) for item in self.first)
        these, are = counted(self.count, "interaction"), "is" if self.count == 1 else "are"
        those, they = counted(self.items, "item"), "is" if self.items == 1 else "are"
        return f"{these} {are} with {those} that {they} not known (such as {shown})."


@dataclass(frozen=True, eq=False)
class Histories:
    """What users have used, as rows over a fixed set of items."""

    matrix: sparse.csr_array
    """(n_users, n_items) float32: ratings or weights, 1 where there are none."""
    users: IdIndex
    """In the order of first appearance; a user all of whose items are unknown has an empty row."""
    unknown_items: UnknownItems
    columns: Columns
    last_seen: np.ndarray | None = None
    """(n_users,) int64: when each user's last interaction with a known item was, or `NO_TIME`; None without times."""

    def __repr__(self) -> str:
        return f"Histories({counted(len(self.users), 'user')}, {counted(int(self.matrix.nnz), 'interaction')})"


def over_items(log: Interactions, items: IdIndex) -> Histories:
    """The rows of `log` over `items`, in the order of its users; interactions with other items are counted."""
    known = items.positions(log.items.values)
    return Histories(onto(log, known, len(items)), log.users, _unknown(log, known), log.columns, _last_seen(log, known))


def rows_for(users: IdIndex, histories: Histories) -> sparse.csr_array:
    """(len(users), n_items): the history of each of `users`, empty where there is none."""
    rows = histories.users.positions(users.values)
    matrix = histories.matrix
    has_row = rows != UNKNOWN
    counts = np.zeros(len(users), dtype=np.int64)
    counts[has_row] = np.diff(matrix.indptr)[rows[has_row]]
    found = matrix[rows[has_row]]
    indptr = np.concatenate(([0], np.cumsum(counts))).astype(found.indices.dtype)
    return sparse.csr_array((found.data, found.indices, indptr), shape=(len(users), matrix.shape[1]))


def times_for(users: IdIndex, histories: Histories) -> np.ndarray | None:
    """(len(users),): when each of `users` was last seen."""
    if histories.last_seen is None:
        return None
    found: np.ndarray = np.append(histories.last_seen, NO_TIME)[histories.users.positions(users.values)]
    return found


def onto(log: Interactions, known: np.ndarray, n_items: int) -> sparse.csr_array:
    """The matrix of `log` with the columns moved to the positions `known`; UNKNOWN columns are dropped."""
    columns = known[log.matrix.indices]
    entries = columns != UNKNOWN
    rows = log.row_of_entry()[entries]
    index = np.int32 if log.nnz < 2**31 else np.int64
    indptr = np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=log.n_users)))).astype(index)
    matrix = sparse.csr_array(
        (log.matrix.data[entries], columns[entries].astype(index), indptr), shape=(log.n_users, n_items)
    )
    matrix.sort_indices()
    return matrix


def _last_seen(log: Interactions, known: np.ndarray) -> np.ndarray | None:
    if log.timestamps is None:
        return None
    entries = known[log.matrix.indices] != UNKNOWN
    return last_times(log.row_of_entry()[entries], log.timestamps[entries], log.n_users)


def _unknown(log: Interactions, known: np.ndarray) -> UnknownItems:
    strange = np.flatnonzero(known == UNKNOWN)
    count = int(log.item_counts()[strange].sum())
    return UnknownItems(count, len(strange), tuple(log.items.take(strange[:_SHOWN]).to_pylist()))
