"""Anybody's top-N file, read for judging."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from recae.data.columns import ColumnChoice
from recae.data.formats import open_parts
from recae.data.ids import IdIndex
from recae.data.split import HeldOut
from recae.data.whole import whole_batches
from recae.errors import DataError
from recae.evaluation.lists_forms import as_rows
from recae.evaluation.lists_table import JudgeableLists, lists_from_table
from recae.jobs.reading import AS_FOUND, Reading, Source


def read_lists(source: Source, held_out: HeldOut, items: IdIndex, *, reading: Reading = AS_FOUND) -> JudgeableLists:
    """The lists in `source` (user, item[, rank | score], or a form that `as_rows` knows) for the users of `held_out`.

    Raises:
        DataError: the file is malformed, or has an item twice in one list.
        StorageError: it cannot be read.
    """
    parts = open_parts(source, header=reading.header, delimiter=reading.delimiter, choice=reading.columns())
    batches = [batch for part in parts for batch in whole_batches(part, parts[0].names)]
    if not batches:
        raise DataError(f"{source} holds no lists.")
    table = as_rows(pa.Table.from_batches(batches))
    given = reading.columns()
    # Options that name columns are meant for the history and the targets, too: what is not here is found by its name.
    named = (name if name in table.column_names else None for name in (given.user, given.item, given.rating))
    return lists_from_table(table, held_out.users, items, columns=ColumnChoice(*named), where=str(Path(source)))
