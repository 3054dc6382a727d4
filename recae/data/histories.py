"""Histories and targets read against the items of a model or of training data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from recae.data.canonical import Dedupe
from recae.data.columns import USUAL_NAMES, ColumnChoice
from recae.data.filters import rated_at_least
from recae.data.history_rows import Histories, UnknownItems, onto, over_items, rows_for, times_for
from recae.data.id_lists import read_id_list
from recae.data.ids import UNKNOWN, IdIndex, joined_ids
from recae.data.interactions import Interactions, ValueKind
from recae.data.read import from_rows
from recae.data.rows import OnBad, Source, collect
from recae.data.split import HeldOut
from recae.errors import DataError
from recae.progress import SILENT, Progress

__all__ = [
    "Histories",
    "UnknownItems",
    "WholeHeldOut",
    "read_held_out",
    "read_histories",
    "read_id_list",
    "read_whole_held_out",
    "rows_for",
]


def read_histories(
    sources: Sequence[Any],
    items: IdIndex,
    *,
    columns: ColumnChoice = USUAL_NAMES,
    value_kind: ValueKind | None = None,
    needs_ratings: bool = False,
    min_rating: float | None = None,
    dedupe: Dedupe | None = None,
    on_bad: OnBad = "error",
    header: bool | None = None,
    delimiter: str | None = None,
    progress: Progress = SILENT,
) -> Histories:
    """Read and join files of interactions as rows over `items`; interactions with other items are counted.

    Args:
        sources: whatever `read` takes, joined. Ratings, weights and times are read if all sources have them.
        items: the columns of the result.
        columns, min_rating, dedupe, on_bad, header, delimiter, progress: as in `read`.
        value_kind: what the values of the training data are; values of another kind count as 1. None keeps any.
        needs_ratings: refuse histories without ratings.

    Raises:
        DataError: the content cannot be used, or has no ratings where they are needed.
        StorageError: a file cannot be read.

    >>> histories = read_histories({"user_id": [1, 1], "item_id": ["a", "x"]}, IdIndex.of(["a", "b"]))
    >>> histories, histories.matrix.shape, histories.unknown_items.sentence()
    (Histories(1 user, 1 interaction), (1, 2), "1 interaction is with 1 item that is not known (such as 'x').")
    """
    source = Source(_joined(sources), columns, on_bad, header, delimiter)
    log = _log(source, min_rating, dedupe, progress)
    if needs_ratings and not log.has_ratings:
        raise DataError("The model works with ratings and these histories have none; name the column: --rating-col.")
    if value_kind is not None and log.columns.value_kind != value_kind:
        log = replace(log, matrix=log.binary(), columns=replace(log.columns, value=None, value_kind=None))
    return over_items(log, items)


def read_held_out(
    history_sources: Sequence[Any],
    target_sources: Sequence[Any],
    items: IdIndex,
    *,
    columns: ColumnChoice = USUAL_NAMES,
    value_kind: ValueKind | None = None,
    needs_ratings: bool = False,
    min_rating: float | None = None,
    dedupe: Dedupe | None = None,
    on_bad: OnBad = "error",
    header: bool | None = None,
    delimiter: str | None = None,
    progress: Progress = SILENT,
) -> HeldOut:
    """Read histories and targets of the users who have targets, in the order of the target files.

    A target that is in the user's history is no target and is left out; a user without any other is left out too.
    Both are counted in `notes`. Targets among items not in `items` are kept apart (`unknown_targets`, `outside`).
    Without `history_sources`, and for users who are not in them, histories are empty.

    Args: as in `read_histories`.

    Raises:
        DataError: the content cannot be used, or no target is left.
        StorageError: a file cannot be read.
    """
    targets = _log(Source(_joined(target_sources), columns, on_bad, header, delimiter), min_rating, dedupe, progress)
    histories = None
    if history_sources:
        histories = read_histories(
            history_sources, items, columns=columns, value_kind=value_kind, needs_ratings=needs_ratings,
            min_rating=min_rating, dedupe=dedupe, on_bad=on_bad, header=header, delimiter=delimiter, progress=progress,
        )  # fmt: skip
    return _held_out(targets, histories, items)


@dataclass(frozen=True, eq=False)
class WholeHeldOut:
    """Histories and targets over all the items that occur in them."""

    held_out: HeldOut
    items: IdIndex
    """The columns of `held_out`: the items of the histories, then those that only targets have."""
    item_counts: np.ndarray | None
    """(n_items,) int64: how many users have each item in their histories; None without histories."""
    n_users: int | None
    """How many users have a history; None without histories."""
    catalogue: int | None
    """How many of the items, the first ones, histories have; None without histories."""


def read_whole_held_out(
    history_sources: Sequence[Any],
    target_sources: Sequence[Any],
    *,
    columns: ColumnChoice = USUAL_NAMES,
    min_rating: float | None = None,
    dedupe: Dedupe | None = None,
    on_bad: OnBad = "error",
    header: bool | None = None,
    delimiter: str | None = None,
    progress: Progress = SILENT,
) -> WholeHeldOut:
    """As `read_held_out`, where no model says which items there are: no item is unknown, and every file is read once.

    Args: as in `read_histories`.

    Raises:
        DataError: the content cannot be used, or no target is left.
        StorageError: a file cannot be read.

    >>> found = read_whole_held_out([{"user": [1, 2], "item": ["a", "b"]}], [{"user": [1], "item": ["c"]}])
    >>> found.items.values.to_pylist(), found.item_counts.tolist(), found.held_out
    (['a', 'b', 'c'], [1, 1, 0], HeldOut(1 user, 1 shown, 1 target))
    """
    targets = _log(Source(_joined(target_sources), columns, on_bad, header, delimiter), min_rating, dedupe, progress)
    if not history_sources:
        return WholeHeldOut(_held_out(targets, None, targets.items), targets.items, None, None, None)
    log = _log(Source(_joined(history_sources), columns, on_bad, header, delimiter), min_rating, dedupe, progress)
    items = joined_ids([log.items, targets.items])
    counts = np.pad(log.item_counts(), (0, len(items) - log.n_items))
    return WholeHeldOut(_held_out(targets, over_items(log, items), items), items, counts, log.n_users, log.n_items)


def _held_out(targets: Interactions, histories: Histories | None, items: IdIndex) -> HeldOut:
    """Targets with the histories of their users, both over `items`; what cannot be a target is left out."""
    known = items.positions(targets.items.values)
    target = onto(targets, known, len(items))
    if histories is None:
        histories = Histories(target[:0], targets.users.subset([]), UnknownItems(), targets.columns)
    history = rows_for(targets.users, histories)
    target, already = _without(target, history)
    outside = targets.select(items=np.flatnonzero(known == UNKNOWN))
    found = HeldOut(
        history,
        target,
        targets.users,
        outside.user_counts(),
        targets.columns,
        outside,
        last_seen=times_for(targets.users, histories),
    )
    asked = np.flatnonzero(found.relevant_counts())
    if len(asked) == 0:
        raise DataError("No target is left: every one of them is in its user's history already.")
    notes = {
        "targets already in the history": already,
        "users without other targets": found.n_users - len(asked),
        "targets among unknown items": outside.nnz,
        **targets.counts,
    }
    return replace(found.select(asked), notes={name: count for name, count in notes.items() if count})


def _joined(sources: Any) -> list[Any]:
    # One source that is not in a list is taken for what it is, and not for a sequence of letters or columns.
    return list(sources) if isinstance(sources, (list, tuple)) else [sources]


def _log(source: Source, min_rating: float | None, dedupe: Dedupe | None, progress: Progress) -> Interactions:
    log = from_rows(collect(source, progress=progress, order="appearance", mixed=True), dedupe)
    return log if min_rating is None else rated_at_least(log, min_rating)


def _without(target: sparse.csr_array, history: sparse.csr_array) -> tuple[sparse.csr_array, int]:
    """`target` without the entries that `history` has too, and how many those were."""
    n_items = target.shape[1]
    keys = [
        np.repeat(np.arange(part.shape[0], dtype=np.int64), np.diff(part.indptr)) * n_items + part.indices
        for part in (target, history)
    ]
    keep = ~np.isin(keys[0], keys[1])
    rows = keys[0][keep] // n_items
    indptr = np.concatenate(([0], np.cumsum(np.bincount(rows, minlength=target.shape[0]))))
    kept = (target.data[keep], target.indices[keep], indptr.astype(target.indices.dtype))
    return sparse.csr_array(kept, shape=target.shape), int(np.count_nonzero(~keep))
