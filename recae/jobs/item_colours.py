"""By what the items of a map are coloured: a column of the catalogue, or how many users they have."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from recae.data.catalog import Catalog
from recae.data.columns import plain
from recae.data.ids import UNKNOWN
from recae.errors import ConfigError
from recae.insight.colouring import NAMED, Colouring, by_amount, by_values
from recae.jobs.item_facts import GENRES, values_of
from recae.jobs.slices import column_numbers, found_column

USERS = "users"
_POPULARITY = (USERS, "popularity")
_YEARS = (1000, 3000)
"""Whole numbers between these are written without separators."""


def colouring_of(
    rows: np.ndarray, users: np.ndarray, catalog: Catalog | None, colour: str | None = None
) -> Colouring:  # fmt: skip
    """The groups of items by the column `colour`; None: by genres if the catalogue has them, else by popularity.

    Args:
        rows: (n,) row of each item in the catalogue, -1 where it has none.
        users: (n,) users of each item.

    Raises:
        ConfigError: there is no such column, or it holds what cannot be told apart.
    """
    genres = None if catalog is None else found_column(catalog, GENRES)
    if colour is None and catalog is not None and genres is not None:
        return _by_column(genres, rows, catalog)
    if colour is None or (plain(colour) in _POPULARITY and (catalog is None or not _has(catalog, colour))):
        return by_amount(USERS, users.astype(np.float64))
    if catalog is None:
        raise ConfigError(f'Colouring by "{colour}" needs a catalogue that has this column: give --catalog FILE.')
    name = found_column(catalog, (plain(colour),))
    if name is None:
        has = ", ".join(catalog.columns.column_names[:20]) or "nothing beside ids and titles"
        raise ConfigError(f'The catalogue has no column "{colour}" to colour by; it has {has}.')
    return _by_column(name, rows, catalog)


def _has(catalog: Catalog, colour: str) -> bool:
    return found_column(catalog, (plain(colour),)) is not None


def _by_column(name: str, rows: np.ndarray, catalog: Catalog) -> Colouring:
    """Bands where the column holds more different numbers than there are colours, else its values."""
    column = catalog.columns.column(name)
    numbers = column_numbers(column)
    if numbers is not None and len(np.unique(numbers[np.isfinite(numbers)])) > NAMED + 1:
        known = numbers[np.isfinite(numbers)]
        years = bool((known == np.round(known)).all() and known.min() >= _YEARS[0] and known.max() < _YEARS[1])
        return by_amount(name, np.append(numbers, np.nan)[rows], separators=not years)
    try:
        values: Sequence[Sequence[str]] = values_of(column, genres=plain(name) in GENRES)
    except pa.ArrowException:
        raise ConfigError(f'Items cannot be coloured by "{name}": it holds values of type {column.type}.') from None
    return by_values(name, [[] if row == UNKNOWN else values[row] for row in rows.tolist()])
