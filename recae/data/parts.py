"""From entry masks to a `Split`: which interactions train, which are history, which are targets."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from scipy import sparse

from recae.counted import counted
from recae.data.ids import UNKNOWN
from recae.data.interactions import Interactions, add_counts
from recae.data.split import HeldOut, Split, last_times
from recae.errors import DataError


@dataclass(frozen=True, eq=False)
class Cut:
    """Two disjoint (nnz,) bool masks over the entries of one log."""

    history: np.ndarray
    """What a model may see of the held-out users."""
    target: np.ndarray
    """What it should put on top; users without one are not held out."""


@dataclass(frozen=True, eq=False)
class Parts:
    """What a strategy answers: the log it cut (some filter it first) and the masks over its entries."""

    log: Interactions
    train: np.ndarray
    valid: Cut | None = None
    test: Cut | None = None
    notes: dict[str, int] = field(default_factory=dict)
    seed: int | None = None
    """The seed that was used, where the strategy has its own."""
    keep_cold: bool = False
    """Keep held-out users who have targets and no history at all."""
    drop_unknown: bool = False
    """Forget targets among unknown items, as some published protocols do, instead of counting them as missed."""


def assemble(parts: Parts, spec: str, seed: int | None) -> Split:
    """The split: items are those of the training entries, users and items keep the order of the log.

    Targets among items that training never saw are counted in `HeldOut.unknown_targets`; history among them
    is left out and counted in the notes, and so are users who then have no history.

    Raises:
        DataError: nothing is left to train on, or nothing is held out where something should be.
    """
    train = parts.log.keep(parts.train).drop_empty()
    if train.nnz == 0:
        raise DataError(f"{spec} leaves no interactions to train on: hold out less, or filter less before.")
    notes, held_out = dict(parts.notes), {}
    for name, cut in (("valid", parts.valid), ("test", parts.test)):
        if cut is not None:
            held_out[name], left_out = _hold_out(parts, cut, train)
            notes = add_counts(notes, {f"{name}_{key}": count for key, count in left_out.items()})
            if held_out[name].n_users == 0:
                raise DataError(
                    f"{spec} finds no {name} targets: none of {counted(parts.log.n_users, 'user')} has both "
                    f"targets in the {name} part and a history before them. "
                    "Choose other shares or times, or another strategy."
                )
    return Split(train, held_out.get("valid"), held_out.get("test"), spec, seed, notes)


def _hold_out(parts: Parts, cut: Cut, train: Interactions) -> tuple[HeldOut, dict[str, int]]:
    log = parts.log
    column = train.items.positions(log.items.values)
    known = column[log.matrix.indices] != UNKNOWN
    target = cut.target & known if parts.drop_unknown else cut.target
    targets, history = count_rows(log, target), count_rows(log, cut.history & known)
    held = targets > 0
    notes = {
        "users_without_targets": int(((history > 0) & ~held).sum()),
        "history_of_unknown_items": int((cut.history & ~known).sum()),
        "targets_of_unknown_items_dropped": int((cut.target & ~target).sum()),
    }
    if not parts.keep_cold:
        cold = held & (history == 0)
        notes |= {
            "users_without_history": int(cold.sum()),
            "targets_of_users_without_history": int(targets[cold].sum()),
        }
        held &= history > 0
    return held_out_of(log, cut.history, target, np.flatnonzero(held), train), notes


def held_out_of(
    log: Interactions, history: np.ndarray, target: np.ndarray, users: np.ndarray, train: Interactions
) -> HeldOut:
    """The held-out `users` (positions in `log`) with the entries that the two masks name, under `train`'s items."""
    mine = log if len(users) == log.n_users else log.select(users)
    chosen = np.zeros(log.n_users, dtype=bool)
    chosen[users] = True
    entries = log.entries_of(chosen)
    history, target = history[entries], target[entries]
    column = train.items.positions(log.items.values)[mine.matrix.indices]
    known = column != UNKNOWN
    rows, shape = mine.row_of_entry(), (len(users), train.n_items)
    outside, seen, times = mine.keep(target & ~known), history & known, mine.timestamps
    return HeldOut(
        history=place(rows, column, mine.matrix.data, seen, shape),
        target=place(rows, column, mine.matrix.data, target & known, shape),
        users=mine.users,
        unknown_targets=outside.user_counts(),
        columns=mine.columns,
        outside=replace(outside, counts={}),
        last_seen=None if times is None else last_times(rows[seen], times[seen], len(users)),
    )


def place(
    rows: np.ndarray, columns: np.ndarray, values: np.ndarray, chosen: np.ndarray, shape: tuple[int, int]
) -> sparse.csr_array:
    """The `chosen` entries as a canonical float32 matrix; entries of value 0 stay."""
    matrix = sparse.csr_array((values[chosen], (rows[chosen], columns[chosen])), shape=shape, dtype=np.float32)
    matrix.sort_indices()
    return matrix


def count_rows(log: Interactions, entries: np.ndarray) -> np.ndarray:
    """(n_users,) int64: how many of each user's entries a mask takes."""
    running = np.concatenate(([0], np.cumsum(entries, dtype=np.int64)))
    return running[log.matrix.indptr[1:]] - running[log.matrix.indptr[:-1]]


def binarized(log: Interactions) -> Interactions:
    """Every interaction counts as 1, and there is no value column any more."""
    return replace(log, matrix=log.binary(), columns=replace(log.columns, value=None, value_kind=None))
