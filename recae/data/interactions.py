"""`Interactions`: a log of who used what, as one sparse matrix with the caller's ids beside it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import pyarrow as pa
from scipy import sparse

from recae.counted import counted
from recae.data.csr_checks import all_ones
from recae.data.ids import IdIndex

_BLOCK = 1 << 20
"""Entries that are counted or hashed at a time, so that no copy of all of them is made."""

ValueKind = Literal["rating", "weight"]
TimeUnit = Literal["s", "ms", "us", "ns", "datetime", "date", "number"]


@dataclass(frozen=True)
class Columns:
    """The input's own column names, so that whatever is written looks like what was read."""

    user: str = "user_id"
    item: str = "item_id"
    value: str | None = None
    """The rating or weight column; None where every interaction counts as 1."""
    value_kind: ValueKind | None = None
    time: str | None = None
    time_unit: TimeUnit = "s"
    """How times were written: epoch seconds ... nanoseconds, or calendar times."""


@dataclass(frozen=True, eq=False)
class Interactions:
    """Users x items, canonical: one entry per pair, columns sorted, entries of value 0 kept.

    Immutable: filters and splits return new objects.
    """

    matrix: sparse.csr_array
    """(n_users, n_items) float32: the rating or weight, 1 where there is none."""
    users: IdIndex
    items: IdIndex
    timestamps: np.ndarray | None = None
    """int64 microseconds since 1970 UTC (or plain numbers), aligned with `matrix.data`."""
    columns: Columns = Columns()
    counts: dict[str, int] = field(default_factory=dict)
    """What reading and filtering left out and why, e.g. {"duplicates": 12, "bad rows": 3}."""
    unread: tuple[str, ...] = ()
    """Columns of the source that play no part, for a person to see what was not found or not asked for."""
    _digest: list[str] = field(default_factory=list, init=False, repr=False)
    """The fingerprint once it is known; `replace` makes an object that does not know it."""

    def __post_init__(self) -> None:
        if self.matrix.shape != (len(self.users), len(self.items)):
            raise ValueError(
                f"matrix {self.matrix.shape} does not fit {len(self.users)} users x {len(self.items)} items"
            )
        if self.timestamps is not None and len(self.timestamps) != self.matrix.nnz:
            raise ValueError(f"{len(self.timestamps)} timestamps for {self.matrix.nnz} interactions")

    @property
    def n_users(self) -> int:
        return len(self.users)

    @property
    def n_items(self) -> int:
        return len(self.items)

    @property
    def nnz(self) -> int:
        """How many interactions there are."""
        return int(self.matrix.nnz)

    @property
    def has_ratings(self) -> bool:
        return self.columns.value_kind == "rating"

    def __repr__(self) -> str:
        sizes = f"{counted(self.n_users, 'user')} x {counted(self.n_items, 'item')}"
        return f"Interactions({sizes}, {counted(self.nnz, 'interaction')})"

    def binary(self) -> sparse.csr_array:
        """(n_users, n_items) float32: 1 for every interaction, whatever its rating or weight.

        Its arrays are the log's own as far as they can be, and its values then read-only.
        """
        values = self.matrix.data
        if values.dtype == np.float32 and all_ones(values):
            values = values.view()
            values.flags.writeable = False
        else:
            values = np.ones(self.nnz, dtype=np.float32)
        return sparse.csr_array((values, self.matrix.indices, self.matrix.indptr), shape=self.matrix.shape)

    def item_counts(self) -> np.ndarray:
        """(n_items,) int64: how many users each item has."""
        counts = np.zeros(self.n_items, dtype=np.int64)
        for block in _blocks(self.matrix.indices):  # NumPy makes int64 of all that it is given to count
            counts += np.bincount(block, minlength=self.n_items)
        return counts

    def user_counts(self) -> np.ndarray:
        """(n_users,) int64: how many items each user has."""
        return np.diff(self.matrix.indptr).astype(np.int64)

    def fingerprint(self) -> str:
        """Hex digest of the entries and the ids, the same for the same log however it was stored."""
        if not self._digest:
            self._digest.append(self._computed_fingerprint())
        return self._digest[0]

    def known_as(self, fingerprint: str) -> Interactions:
        """The same log, whose `fingerprint` somebody worked out before and need not be worked out again."""
        known = replace(self)
        known._digest.append(fingerprint)
        return known

    def row_of_entry(self) -> np.ndarray:
        """(nnz,) int64: the user position of each entry, in the order of `matrix.data`."""
        return np.repeat(np.arange(self.n_users), self.user_counts())

    def entries_of(self, users: np.ndarray) -> np.ndarray:
        """(nnz,) bool: the entries of the users whom the (n_users,) bool mask `users` names."""
        return np.repeat(users, self.user_counts())

    def keep(self, entries: np.ndarray, **counted: int) -> Interactions:
        """Only the entries where the (nnz,) bool mask `entries` is true; users and items stay as they are.

        `counted` names what was left out, added to `counts`.
        """
        matrix = self.matrix
        indptr = np.searchsorted(np.flatnonzero(entries), matrix.indptr).astype(matrix.indices.dtype)
        kept = sparse.csr_array((matrix.data[entries], matrix.indices[entries], indptr), shape=matrix.shape)
        times = None if self.timestamps is None else self.timestamps[entries]
        return replace(self, matrix=kept, timestamps=times, counts=add_counts(self.counts, counted))

    def select(self, users: np.ndarray | None = None, items: np.ndarray | None = None) -> Interactions:
        """Only these user and item positions (int arrays without repeats), in this order; None keeps all."""
        if users is not None and items is None and (users[1:] > users[:-1]).all():
            return self._of_users(users)
        positions = self._entry_numbers()
        if users is not None:
            positions = positions[users]
        if items is not None:
            positions = positions[:, items]
            positions.sort_indices()
        # Entry numbers start at 1, so that slicing cannot confuse the first entry with an empty cell.
        entries = positions.data - 1
        matrix = sparse.csr_array(
            (self.matrix.data[entries], positions.indices, positions.indptr), shape=positions.shape
        )
        return replace(
            self,
            matrix=matrix,
            users=self.users if users is None else self.users.subset(users),
            items=self.items if items is None else self.items.subset(items),
            timestamps=None if self.timestamps is None else self.timestamps[entries],
        )

    def drop_empty(self) -> Interactions:
        """Without the users and items that have no interaction left."""
        users, items = np.flatnonzero(self.user_counts()), np.flatnonzero(self.item_counts())
        if len(users) == self.n_users and len(items) == self.n_items:
            return self
        return self.select(users, items)

    def to_arrow(self, start: int = 0, stop: int | None = None) -> pa.Table:
        """One row per interaction under the input's own column names, ids in their own type.

        `start` and `stop` choose some of the entries, as a slice of `matrix.data` does.
        """
        names, matrix = self.columns, self.matrix
        stop = self.nnz if stop is None else min(stop, self.nnz)
        lengths = np.diff(np.clip(matrix.indptr, start, stop)).astype(np.int64)
        users = np.repeat(np.arange(self.n_users), lengths)
        table: dict[str, pa.Array] = {
            names.user: self.users.take(users),
            names.item: self.items.take(matrix.indices[start:stop]),
        }
        if names.value is not None:
            table[names.value] = pa.array(matrix.data[start:stop])
        if names.time is not None and self.timestamps is not None:
            table[names.time] = _written_times(self.timestamps[start:stop], names.time_unit)
        return pa.table(table)

    def _of_users(self, users: np.ndarray) -> Interactions:
        """Only these user positions, which rise: entries need not be numbered, only marked."""
        chosen = np.zeros(self.n_users, dtype=bool)
        chosen[users] = True
        log = self.keep(self.entries_of(chosen))
        rows = np.append(users, self.n_users)  # the rows of other users are empty
        matrix = sparse.csr_array(
            (log.matrix.data, log.matrix.indices, log.matrix.indptr[rows]), shape=(len(users), self.n_items)
        )
        return replace(log, matrix=matrix, users=self.users.subset(users))

    def _computed_fingerprint(self) -> str:
        digest = hashlib.blake2b(digest_size=16)
        for array, kind in ((self.matrix.indptr, np.int64), (self.matrix.indices, np.int64), (self.matrix.data, None)):
            for block in _blocks(array):
                digest.update(np.ascontiguousarray(block, dtype=kind).data)
        for ids in (self.users, self.items):
            for part in ids.texts().take(pa.array(np.arange(len(ids)))).buffers()[1:]:
                digest.update(part or b"")
        return digest.hexdigest()

    def _entry_numbers(self) -> sparse.csr_array:
        numbers = np.arange(1, self.nnz + 1, dtype=np.int64)
        return sparse.csr_array((numbers, self.matrix.indices, self.matrix.indptr), shape=self.matrix.shape)


def _blocks(array: np.ndarray) -> Iterator[np.ndarray]:
    return (array[start : start + _BLOCK] for start in range(0, len(array), _BLOCK))


def add_counts(counts: dict[str, int], more: dict[str, int]) -> dict[str, int]:
    """Both counts summed key by key; underscores in the new keys become spaces."""
    total = dict(counts)
    for key, count in more.items():
        if count:
            name = key.replace("_", " ")
            total[name] = total.get(name, 0) + count
    return total


def _written_times(times: np.ndarray, unit: TimeUnit) -> pa.Array:
    match unit:
        case "datetime":
            return pa.array(times).cast(pa.timestamp("us", tz="UTC"))
        case "date":
            return pa.array(times).cast(pa.timestamp("us")).cast(pa.date32())
        case "s":
            return pa.array(times // 1_000_000 if not (times % 1_000_000).any() else times / 1_000_000)
        case "ms":
            return pa.array(times // 1_000)
        case "ns":
            return pa.array(times * 1_000)
        case _:
            return pa.array(times)
