"""What is known about the items: titles and whatever else a catalogue says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from recae.data.coding import IdCoder
from recae.data.columns import ColumnChoice, plain
from recae.data.formats import open_parts
from recae.data.id_lists import add_ids, id_column
from recae.data.ids import UNKNOWN, IdIndex, as_texts
from recae.data.jsonlines import JsonPart
from recae.data.textfiles import TextPart
from recae.data.whole import whole_batches
from recae.errors import DataError

_TITLES = (
    "title", "name", "itemtitle", "itemname", "movietitle", "booktitle", "originaltitle", "producttitle",
    "productname", "trackname", "artistname", "songtitle", "label",
)  # fmt: skip
_HEADERLESS = ("item_id", "title", "genres")
"""The columns of MovieLens `movies.dat` and of any other catalogue without a header."""


@dataclass(frozen=True, eq=False)
class Catalog:
    """Items with their titles and further columns, row by row."""

    items: IdIndex
    titles: list[str] | None
    """By item; the id as text where a title is missing. None if no column holds titles."""
    columns: pa.Table
    """Every other column as it was read, by item; of JSON lines only those of plain values."""

    def titles_for(self, items: IdIndex) -> list[str]:
        """A title for each of `items`: the id as text where the catalogue has none."""
        names = as_texts(items.values).to_pylist()
        if self.titles is None:
            return names
        rows = self.items.positions(items.values)
        return [name if row == UNKNOWN else self.titles[row] for name, row in zip(names, rows.tolist(), strict=True)]


def read_catalog(source: Any, *, item_col: str | None = None, title_col: str | None = None) -> Catalog:
    """Read a catalogue from any file that `read` can read, or a table in memory.

    The id column is found by the usual names of an item or "id", the titles by "title", "name" and the like;
    without a header the columns are item, title and genres. If an item has several rows, the first counts.

    Raises:
        DataError: no id column, a missing id, or files with different columns.
        StorageError: the file cannot be read.
    """
    tables: list[pa.Table] = []
    coder, name = IdCoder(), ""
    for part in open_parts(source, choice=ColumnChoice(item=item_col)):
        headerless = isinstance(part, TextPart) and not part.dialect.header
        id_name = part.names[0] if headerless and item_col is None else id_column(part, "item", item_col)
        plain_names = [name for name in part.names if not isinstance(part, JsonPart) or part.types[name] is not object]
        batches = whole_batches(part, plain_names)
        add_ids(coder, part, id_name, batches)
        if not batches:
            continue
        table = pa.Table.from_batches(batches)
        if headerless:
            table = table.rename_columns(_names(len(part.names)))
            id_name = table.column_names[part.names.index(id_name)]
        if tables and table.column_names != tables[0].column_names:
            raise DataError(f"{part.label} has other columns than the files before it; a catalogue is one table.")
        tables.append(table)
        name = id_name
    if coder.is_empty:
        raise DataError("The catalogue has no rows.")
    items, codes = coder.finish("appearance")
    rows = np.unique(codes, return_index=True)[1]
    table = pa.concat_tables(tables, promote_options="permissive").take(pa.array(rows)).drop_columns([name])
    title = title_col or next(
        (column for known in _TITLES for column in table.column_names if plain(column) == known), None
    )
    return Catalog(items, None if title is None else _titles(table, title, items), table)


def _names(count: int) -> list[str]:
    return [*_HEADERLESS, *(f"column_{number}" for number in range(4, count + 1))][:count]


def _titles(table: pa.Table, title: str, items: IdIndex) -> list[str]:
    if title not in table.column_names:
        raise DataError(f'The catalogue has no column "{title}"; it has {", ".join(table.column_names)}.')
    texts = table.column(title).cast(pa.large_string()).to_pylist()
    ids = items.texts().to_pylist()
    return [text.strip() if text and text.strip() else one for text, one in zip(texts, ids, strict=True)]
