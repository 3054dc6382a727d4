"""Lists of ids: the users to serve, the items that may or may not be recommended."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from recae.data.coding import IdCoder
from recae.data.columns import ColumnChoice, listed, plain, quoted, usual_column
from recae.data.formats import Part, open_parts
from recae.data.ids import IdIndex
from recae.data.textfiles import TextPart
from recae.errors import DataError


def read_id_list(
    source: Any, *, prefer: Literal["user", "item"], column: str | None = None, header: bool | None = None
) -> IdIndex:
    """Read the distinct ids of a list, in the order of first appearance.

    The list is a file of one column (with or without a header), or has a column of the usual name for what is
    preferred, or named `column`. Ids are read as in a log, so they match those of a model.

    Raises:
        DataError: no such column, an id is missing, or the list is empty.
        StorageError: the file cannot be read.
    """
    choice = ColumnChoice(user=column) if prefer == "user" else ColumnChoice(item=column)
    coder = IdCoder()
    label = "The list"
    for part in open_parts(source, header=header, choice=choice):
        label = part.label
        name = id_column(part, prefer, column)
        add_ids(coder, part, name, part.batches([name]), distinct=True)
    if coder.is_empty:
        raise DataError(f"{label} holds no ids.")
    return coder.finish("appearance")[0]


def id_column(part: Part, role: Literal["user", "item"], chosen: str | None = None) -> str:
    """The column of a list or catalogue that holds the ids.

    Raises:
        DataError: there are several columns and none has a usual name.
    """
    if chosen is not None and chosen in part.names:
        return chosen
    if len(part.names) == 1 and chosen is None:
        return part.names[0]
    has_header = not isinstance(part, TextPart) or part.dialect.header
    found = usual_column(role, part.names, part.label) if has_header and chosen is None else None
    found = found or next((name for name in part.names if chosen is None and plain(name) == "id"), None)
    if found is None:
        wanted = f"column {quoted(chosen)}" if chosen else f"{role} column"
        raise DataError(
            f"{part.label}: no {wanted} was found among {listed(part.names)}; a list has one column of ids."
        )
    return found


def add_ids(
    coder: IdCoder, part: Part, name: str, batches: Iterable[pa.RecordBatch], *, distinct: bool = False
) -> None:
    """Put every id of the column `name` in the `batches` of a part into `coder`, row by row or each once if `distinct`.

    Raises:
        DataError: an id is missing, with its place.
    """
    done = 0
    for batch in batches:
        ids, bad = coder.encode(batch.column(name), is_text=part.ids_are_text)
        if bad is not None:
            raise DataError(f"{part.place(done + int(np.argmax(bad)))}, column {quoted(name)}: the id is missing.")
        keep = coder.keep_distinct if distinct else coder.keep
        keep(ids, is_text=part.ids_are_text)
        done += batch.num_rows
