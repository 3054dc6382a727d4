"""`Split`: what a model learns from, and the users whose hidden interactions it is judged on."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa
from scipy import sparse

from recae.counted import counted
from recae.data.ids import IdIndex
from recae.data.interactions import Columns, Interactions

NO_TIME = np.iinfo(np.int64).min
"""Stands where no time is known."""


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Users with the history that a model may see and the targets that it should put on top.

    The columns of both matrices are the items of the training data. `history` and `target` share no entry.
    """

    history: sparse.csr_array
    """(n_users, n_items) float32: rating or weight, 1 where there is none."""
    target: sparse.csr_array
    """(n_users, n_items) float32."""
    users: IdIndex
    unknown_targets: np.ndarray
    """(n_users,) int64: targets among items that training never saw. They count as relevant but cannot be
    listed, so no figure looks better than it is."""
    columns: Columns = Columns()
    outside: Interactions | None = None
    """The unknown targets themselves, row by row beside `target`, where more than their number is known."""
    notes: dict[str, int] = field(default_factory=dict)
    """What reading left out and why, e.g. {"targets already in the history": 4}."""
    last_seen: np.ndarray | None = None
    """(n_users,) int64: when the last interaction of the history was, as `Interactions.timestamps` say it; `NO_TIME`
    for a user without any. None where the histories have no times."""

    def __post_init__(self) -> None:
        if self.last_seen is not None and len(self.last_seen) != len(self.users):
            raise ValueError(f"{len(self.last_seen)} times for {len(self.users)} users")
        if not self.history.shape == self.target.shape or self.history.shape[0] != len(self.users):
            raise ValueError(f"history {self.history.shape}, target {self.target.shape}, {len(self.users)} users")
        if self.outside is not None and not np.array_equal(self.outside.user_counts(), self.unknown_targets):
            raise ValueError("unknown_targets does not count the targets in `outside`")

    @property
    def n_users(self) -> int:
        return len(self.users)

    def __repr__(self) -> str:
        return f"HeldOut({counted(self.n_users, 'user')}, {self.history.nnz:,} shown, {_targets(self)})"

    def relevant_counts(self) -> np.ndarray:
        """(n_users,) int64: how many targets each user has, unknown items included."""
        return np.diff(self.target.indptr).astype(np.int64) + self.unknown_targets

    def select(self, users: np.ndarray) -> HeldOut:
        """Only these user positions, in this order."""
        return HeldOut(
            self.history[users],
            self.target[users],
            self.users.subset(users),
            self.unknown_targets[users],
            self.columns,
            None if self.outside is None else self.outside.select(users),
            last_seen=None if self.last_seen is None else self.last_seen[users],
        )


@dataclass(frozen=True, eq=False)
class Split:
    """Training data with what is held out of it."""

    train: Interactions
    valid: HeldOut | None
    test: HeldOut | None
    spec: str
    """How it was made, as it is written on the command line, e.g. "user-holdout:valid=0.1,test=0.1"."""
    seed: int | None = None
    notes: dict[str, int] = field(default_factory=dict)
    """What the strategy left out and why, e.g. {"test users without targets": 4}."""

    def __repr__(self) -> str:
        return f"Split({self.spec}: train {self.train!r}, valid {self.valid!r}, test {self.test!r})"


def last_times(rows: np.ndarray, times: np.ndarray, n_users: int) -> np.ndarray:
    """(n_users,) int64: the latest of the `times` (n,) of each user, who is named by `rows` (n,); else `NO_TIME`.

    >>> last_times(np.array([0, 2, 0]), np.array([5, 7, 6]), 3).tolist() == [6, NO_TIME, 7]
    True
    """
    latest = np.full(n_users, NO_TIME, dtype=np.int64)
    np.maximum.at(latest, rows, times)
    return latest


def held_out_table(part: sparse.csr_array, users: IdIndex, items: IdIndex, columns: Columns) -> pa.Table:
    """One row per entry of a history or target matrix, with the caller's ids and column names."""
    return Interactions(
        part, users, items, columns=Columns(columns.user, columns.item, columns.value, columns.value_kind)
    ).to_arrow()


def _targets(part: HeldOut) -> str:
    unknown = int(part.unknown_targets.sum())
    among = f", {unknown:,} of them unknown" if unknown else ""
    return counted(int(part.target.nnz) + unknown, "target") + among
