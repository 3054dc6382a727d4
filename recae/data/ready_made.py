"""Data that comes split already: files of training, validation and test interactions."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from scipy import sparse

from recae.data.columns import ColumnChoice
from recae.data.ids import UNKNOWN
from recae.data.interactions import Interactions
from recae.data.parts import place
from recae.data.read import read
from recae.data.split import NO_TIME, HeldOut, Split, last_times
from recae.errors import DataError
from recae.progress import SILENT, Progress

SPEC = "ready-made"
DEFAULT_COLUMNS = ColumnChoice()


def read_ready_made(
    train: str | Path,
    valid: str | Path | None = None,
    test: str | Path | None = None,
    *,
    columns: ColumnChoice = DEFAULT_COLUMNS,
    on_bad: Literal["error", "drop"] = "error",
    progress: Progress = SILENT,
) -> Split:
    """Read the files of a split that somebody else made; `ready_made` says how they are put together.

    Raises:
        DataError: a file is malformed, or no target of a part is left.
        StorageError: a file could not be read.
    """

    def part(source: str | Path) -> Interactions:
        return read(source, columns=columns, on_bad=on_bad, progress=progress)

    return ready_made(part(train), part(valid) if valid else None, part(test) if test else None)


def ready_made(train: Interactions, valid: Interactions | None = None, test: Interactions | None = None) -> Split:
    """Put given parts together as a `Split`: the items are those of `train`, in its order.

    The history of a validation user is the row in `train`; that of a test user the rows in `train` and `valid`.
    A target that is already in the history cannot be recommended: it is left out and counted in the notes, and
    with it a user who has no other target.

        t t v T       train, valid and test in one picture
        t t . T
        . . v T       no row in train: an empty history at validation, one item at the test

    Raises:
        DataError: a part has no target left, or `train` and `valid`, which are joined for the test, have not both
            ratings or weights.
    """
    if valid is not None and test is not None and valid.columns.value_kind != train.columns.value_kind:
        kinds = [log.columns.value_kind or "neither ratings nor weight" for log in (train, valid)]
        raise DataError(
            f"The values of the training data are {kinds[0]}s, those of the validation data {kinds[1]}s: as history of "
            "the test users they are joined and must agree."
        )
    notes: dict[str, int] = {}
    held_out: dict[str, HeldOut] = {}
    for name, part, history in (("valid", valid, [train]), ("test", test, [train, *filter(None, (valid,))])):
        if part is not None:
            held_out[name] = _hold_out(train, part, history, name, notes)
    return Split(train, held_out.get("valid"), held_out.get("test"), SPEC, None, notes)


def _hold_out(
    train: Interactions, part: Interactions, sources: list[Interactions], name: str, notes: dict[str, int]
) -> HeldOut:
    history = _history(train, part, sources)
    column = train.items.positions(part.items.values)[part.matrix.indices]
    rows, known = part.row_of_entry(), column != UNKNOWN
    seen = np.zeros(part.nnz, dtype=bool)
    seen[known] = _contains(history, rows[known], column[known])
    if not part.keep(~seen).nnz:
        raise DataError(
            f"The {name} data has no targets: each of its interactions ({part.nnz:,}) is in the history already."
        )
    users = np.flatnonzero(np.bincount(rows[~seen], minlength=part.n_users))
    outside = replace(part.keep(~known), counts={}, timestamps=None).select(users)
    target = place(rows, column, part.matrix.data, known & ~seen, (part.n_users, train.n_items))
    without = int((np.diff(history.indptr)[users] == 0).sum())
    for note, count in (("targets that are in the history", int(seen.sum())), ("users without history", without)):
        if count:
            notes[f"{name} {note}"] = count
    columns = train.columns
    if part.columns.value_kind != columns.value_kind:
        columns = replace(columns, value=None, value_kind=None)
    return HeldOut(
        history[users],
        target[users],
        part.users.subset(users),
        outside.user_counts(),
        columns,
        outside,
        last_seen=_last_seen(train, part, sources, users),
    )


def _last_seen(
    train: Interactions, part: Interactions, sources: list[Interactions], users: np.ndarray
) -> np.ndarray | None:
    """When the `users` (positions in `part`) had their last interaction with an item of `train`, if all have times."""
    latest = np.full(part.n_users, NO_TIME)
    for source in sources:
        if source.timestamps is None:
            return None
        user = part.users.positions(source.users.values)[source.row_of_entry()]
        known = (user != UNKNOWN) & (train.items.positions(source.items.values)[source.matrix.indices] != UNKNOWN)
        latest = np.maximum(latest, last_times(user[known], source.timestamps[known], part.n_users))
    found: np.ndarray = latest[users]
    return found


def _history(train: Interactions, part: Interactions, sources: list[Interactions]) -> sparse.csr_array:
    """What `sources` hold of the users of `part`; where two of them have a pair, the first one's value counts."""
    shape = (part.n_users, train.n_items)
    rows, columns, values = [], [], []
    for source in sources:
        user = part.users.positions(source.users.values)[source.row_of_entry()]
        item = train.items.positions(source.items.values)[source.matrix.indices]
        known = (user != UNKNOWN) & (item != UNKNOWN)
        rows.append(user[known])
        columns.append(item[known])
        values.append(source.matrix.data[known])
    row, column, value = (np.concatenate(arrays) for arrays in (rows, columns, values))
    _, first = np.unique(row * train.n_items + column, return_index=True)
    return place(row[first], column[first], value[first], np.ones(len(first), dtype=bool), shape)


def _contains(matrix: sparse.csr_array, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """(n,) bool: whether each cell is an entry of a canonical matrix, whatever its value."""
    n_columns = matrix.shape[1]
    keys = np.repeat(np.arange(matrix.shape[0], dtype=np.int64), np.diff(matrix.indptr)) * n_columns + matrix.indices
    wanted: Any = rows.astype(np.int64) * n_columns + columns
    place_of = np.searchsorted(keys, wanted)
    found: np.ndarray = np.append(keys, -1)[place_of] == wanted
    return found
