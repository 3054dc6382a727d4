"""What metrics want to know about the items, from a catalogue: read only where one of them asks."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pyarrow as pa

from recae.data.catalog import Catalog, read_catalog
from recae.data.columns import plain
from recae.data.ids import UNKNOWN, IdIndex
from recae.errors import ConfigError, DataError
from recae.evaluation.background import NOTHING, Background, genre_matrix
from recae.evaluation.metrics import parse_metrics
from recae.jobs.inputs import beside
from recae.jobs.reading import Source

GENRES = ("genres", "genre", "categories", "category", "tags", "topics", "topic")
_SEPARATORS = ("|", ";", ",")


def item_background(
    metrics: Sequence[str], items: IdIndex, catalog: Source | None, *, near: Source | None = None
) -> Background:
    """The genres of `items` from `catalog`, or else from items.* beside `near`, if one of `metrics` needs them.

    Raises:
        ConfigError: a metric needs a catalogue and there is none.
        DataError: the catalogue is malformed, or has no column of genres.
        StorageError: it cannot be read.
    """
    wanting = [str(metric) for metric in parse_metrics(metrics) if metric.needs_features]
    if not wanting:
        return NOTHING
    source = catalog if catalog is not None or near is None else beside(near, "items")
    if source is None:
        raise ConfigError(f"{wanting[0]} needs to know what the items are like: give --catalog FILE with genres.")
    known = read_catalog(source)
    names = item_genres(known, str(source))
    rows = known.items.positions(items.values).tolist()
    return Background(genres=genre_matrix(None if row == UNKNOWN else names[row] for row in rows)[0])


def refuse_features(metrics: Sequence[str], what: str) -> None:
    """Check that none of `metrics` needs a catalogue.

    Raises:
        ConfigError: one does, and `what` (the start of a sentence) cannot be done by it.
    """
    wanting = [str(metric) for metric in parse_metrics(metrics) if metric.needs_features]
    if wanting:
        raise ConfigError(f"{what} by {wanting[0]}, which needs a catalogue: name another metric.")


def item_genres(catalog: Catalog, where: str) -> list[list[str]]:
    """The genres of every item of the catalogue: of lists, or of texts such as `Drama|War` or `Drama, War`.

    Raises:
        DataError: there is no column of genres.
    """
    table = catalog.columns
    name = next((column for known in GENRES for column in table.column_names if plain(column) == known), None)
    if name is None:
        raise DataError(f"{where} has no column of genres: call it genres, or one of {', '.join(GENRES[1:])}.")
    return values_of(table.column(name), genres=True)


def values_of(column: pa.ChunkedArray, *, genres: bool = False) -> list[list[str]]:
    """The values of every row of a column: of lists, or of texts such as `Drama|War`; `genres` also at commas."""
    if pa.types.is_list(column.type) or pa.types.is_large_list(column.type):
        return [[str(genre) for genre in own or ()] for own in column.to_pylist()]
    texts = column.cast(pa.large_string()).to_pylist()
    marks = _SEPARATORS if genres else _SEPARATORS[:-1]
    separator = next((mark for mark in marks if any(mark in text for text in texts if text)), None)
    parts = [[] if not text else [text] if separator is None else text.split(separator) for text in texts]
    return [[genre.strip() for genre in own if _named(genre)] for own in parts]


def _named(genre: str) -> bool:
    return bool(genre.strip()) and not re.fullmatch(r"\(no genres listed\)|\\N|nan|none", genre.strip(), re.IGNORECASE)
