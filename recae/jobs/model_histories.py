"""Histories read for a model: by the column names that it was trained with, and with items that it knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from recae.counted import counted
from recae.data.columns import ColumnChoice
from recae.data.formats import open_parts
from recae.data.histories import Histories, read_histories
from recae.errors import DataError
from recae.jobs.reading import Reading, Source, log_file
from recae.models.base import Recommender
from recae.progress import SILENT, Progress

WRONG_COLUMN = 100
"""So many items, all of them unknown, are not a new user's but another column's."""


def as_trained(reading: Reading, model: Recommender, sources: Sequence[Source]) -> Reading:
    """`reading`, with the column names of the model's training data where all `sources` have such columns.

    Columns that `reading` names itself stay as they are.

    Raises:
        DataError: a source is malformed.
        StorageError: it cannot be read.
    """
    if reading.header is False:
        return reading
    columns, chosen = model.columns, reading.chosen()
    known = {"user_col": columns.user, "item_col": columns.item, "time_col": columns.time}
    if columns.value_kind is not None and not {"rating_col", "weight_col"} & chosen.keys():
        known[f"{columns.value_kind}_col"] = columns.value
    wanted = {key: name for key, name in known.items() if name is not None and key not in chosen}
    choice: ColumnChoice = replace(reading, **wanted).columns()  # type: ignore[arg-type] # texts all
    parts = [
        part
        for source in sources
        for part in open_parts(log_file(source), delimiter=reading.delimiter, header=reading.header, choice=choice)
    ]
    there = {key: name for key, name in wanted.items() if all(name in part.names for part in parts)}
    return replace(reading, **there)  # type: ignore[arg-type]


def histories_for(
    model: Recommender, sources: Sequence[Source], reading: Reading, progress: Progress = SILENT
) -> Histories:
    """The histories in `sources` over the items of the model; unknown items are told.

    Raises:
        DataError: they are malformed, or the model knows none of their many items.
        StorageError: they cannot be read.
    """
    found = read_histories(
        [log_file(source) for source in sources],
        model.items,
        value_kind=model.columns.value_kind,
        needs_ratings=model.info.needs == "ratings",
        progress=progress,
        **reading.for_histories(),
    )
    if found.unknown_items.items >= WRONG_COLUMN and not found.matrix.nnz:
        raise DataError(_nothing_known(model, found))
    if found.unknown_items.count:
        progress.say(f"Histories: {found.unknown_items.sentence()}")
    return found


def _nothing_known(model: Recommender, found: Histories) -> str:
    strange = ", ".join(repr(item) for item in found.unknown_items.first[:3])
    known = ", ".join(repr(item) for item in model.items.values[:3].to_pylist())
    return (
        f"The model knows none of the {counted(found.unknown_items.items, 'item')} in the histories: the column "
        f"{found.columns.item!r} has {strange}, and the model knows {known}. If another column holds the items, name "
        "it with --item-col."
    )
