"""Files that list users or items, read against the columns of a model."""

from __future__ import annotations

from typing import Literal

import numpy as np

from recae.data.columns import ColumnChoice
from recae.data.formats import open_parts
from recae.data.histories import read_id_list
from recae.data.ids import UNKNOWN, IdIndex
from recae.jobs.reading import Source
from recae.models.base import Recommender
from recae.progress import Progress


def user_ids(source: Source, *names: str | None) -> IdIndex:
    """The users that a file lists; their column may be called by one of `names`.

    Raises:
        DataError: the list is empty or has no column of ids.
        StorageError: it cannot be read.
    """
    return read_id_list(source, prefer="user", column=_named(source, "user", names))


def item_positions(
    model: Recommender, source: Source, flag: str, progress: Progress, *names: str | None
) -> np.ndarray:  # fmt: skip
    """Positions of the items that a file lists; unknown ones are counted and the first few named.

    Raises:
        DataError: the list is empty or has no column of ids.
        StorageError: it cannot be read.
    """
    ids = read_id_list(source, prefer="item", column=_named(source, "item", (*names, model.columns.item)))
    positions = model.items.positions(ids.values)
    strange = np.flatnonzero(positions == UNKNOWN)
    if len(strange):
        first = ", ".join(repr(item) for item in ids.take(strange[:5]).to_pylist())
        progress.say(f"{flag}: {len(strange):,} of {len(ids):,} items are unknown to the model (such as {first}).")
    return positions[positions != UNKNOWN]


def _named(source: Source, role: Literal["user", "item"], names: tuple[str | None, ...]) -> str | None:
    """The first of `names` that the file has a column of; None where the usual names decide."""
    for name in filter(None, names):
        choice = ColumnChoice(user=name) if role == "user" else ColumnChoice(item=name)
        if all(name in part.names for part in open_parts(source, choice=choice)):
            return name
    return None
