"""By what figures are taken apart: history, time, popularity and the columns of a catalogue, by their names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recae.data.catalog import Catalog, read_catalog
from recae.data.columns import plain
from recae.data.ids import UNKNOWN, IdIndex
from recae.data.interactions import Interactions
from recae.data.split import NO_TIME, HeldOut
from recae.data.values import NUMBER
from recae.errors import ConfigError, DataError, StorageError
from recae.evaluation.background import Background
from recae.evaluation.found import NEW
from recae.evaluation.slice_groups import (
    MOST_VALUES,
    OTHER,
    WITHOUT,
    ItemGroups,
    Slicing,
    UserGroups,
    by_history,
    by_popularity,
    by_ranges,
    by_time,
    by_values,
)
from recae.evaluation.slices import ALL
from recae.jobs.inputs import beside
from recae.jobs.item_facts import GENRES, values_of
from recae.jobs.reading import Source
from recae.reports.page import clipped

HISTORY, POPULARITY, TIME = "history", "popularity", "time"
LONGEST_VALUE = 60
MOSTLY = 0.9
"""A column of texts is one of numbers if so many of those that are not empty are numbers."""
_PLAIN_NUMBERS = 10**8
"""Times below it are not microseconds since 1970 but numbers such as years, see `recae.data.times`."""


@dataclass(frozen=True, eq=False)
class Known:
    """What groups can be made of."""

    held_out: HeldOut
    items: IdIndex
    """Its columns."""
    item_counts: np.ndarray | None
    """(n_items,) how many training users have each item."""
    catalog: Catalog | None
    where: str = ""
    """What the catalogue is called."""


def slicing_for(
    names: Sequence[str] | None, known: Known, metrics: Sequence[str] | None = None
) -> Slicing:  # fmt: skip
    """The groups of these `names`; None: history length and popularity, time where it is known, genres likewise.

    `metrics` are told of each group of users; None: all that are measured.

    Raises:
        ConfigError: a name that nothing has, or one of something that the data does not tell.
    """
    chosen = _usual(known) if names is None else list(dict.fromkeys(names))
    users: list[UserGroups] = []
    items: list[ItemGroups] = []
    for name in chosen:
        if name == HISTORY:
            users.append(_history(known))
        elif name == TIME:
            users.append(_time(known))
        elif name == POPULARITY:
            items.append(_popularity(known))
        else:
            items.append(_column(name, known))
    return Slicing(tuple(users), tuple(items), None if metrics is None else tuple(metrics))


def taken_apart(
    background: Background,
    names: Sequence[str] | None,
    test: HeldOut,
    train: Interactions,
    metrics: Sequence[str],
    catalog: Source | None,
    near: Source,
) -> Background:
    """`background` with the groups of these `names` for the users of `test`, judged after training on `train`.

    Raises: as `slicing_for` and `usual_catalog` do.
    """
    known = Known(test, train.items, train.item_counts(), *usual_catalog(catalog, near))
    return replace(background, slicing=slicing_for(names, known, metrics))


def usual_catalog(catalog: Source | None, near: Source | None) -> tuple[Catalog | None, str]:
    """The catalogue that was named, or else the items.* beside `near` if it can be read, and what it is called.

    Raises:
        DataError: the catalogue that was named is malformed.
        StorageError: it cannot be read.
    """
    if catalog is not None:
        return read_catalog(catalog), str(catalog)
    found = None if near is None else beside(near, "items")
    try:
        return (None, "") if found is None else (read_catalog(found), str(found))
    except (DataError, StorageError):
        return None, ""  # whoever wants titles says what is wrong with it


def _usual(known: Known) -> list[str]:
    names = [HISTORY] if known.held_out.history.nnz else []
    names += [POPULARITY] if known.item_counts is not None else []
    names += [TIME] if _has_times(known.held_out) else []
    genres = None if known.catalog is None else found_column(known.catalog, GENRES)
    return names + ([genres] if genres else [])


def _history(known: Known) -> UserGroups:
    if not known.held_out.history.nnz:
        raise ConfigError(f"The slice {HISTORY} needs histories, and there are none: give them, e.g. with --history.")
    return by_history(known.held_out.history)


def _popularity(known: Known) -> ItemGroups:
    if known.item_counts is None:
        raise ConfigError(
            f"The slice {POPULARITY} needs to know how many users have each item: give the histories, with --history."
        )
    return by_popularity(known.item_counts)


def _has_times(held_out: HeldOut) -> bool:
    return held_out.last_seen is not None and bool((held_out.last_seen != NO_TIME).any())


def _time(known: Known) -> UserGroups:
    held_out = known.held_out
    if held_out.last_seen is None or not _has_times(held_out):
        raise ConfigError(f"The slice {TIME} needs times, and the histories have none: name their column, --time-col.")
    numbers = held_out.columns.time_unit == "number" or abs(int(held_out.last_seen.max())) < _PLAIN_NUMBERS
    return by_time(held_out.last_seen, plain_numbers=numbers)


def _column(name: str, known: Known) -> ItemGroups:
    if known.catalog is None:
        raise ConfigError(
            f'There is no slice "{clipped(name)}": choose among {HISTORY}, {POPULARITY} and {TIME}; a catalogue '
            "(--catalog FILE) adds its columns."
        )
    wanted = plain(name)
    column = found_column(known.catalog, (wanted, f"{wanted}s", f"{wanted[:-1]}ies"))
    if column is None:
        columns = known.catalog.columns.column_names
        near = get_close_matches(name, [HISTORY, POPULARITY, TIME, *columns], n=1)
        hint = f' Did you mean "{clipped(near[0])}"?' if near else ""
        has = ", ".join(clipped(one) for one in columns[:20]) or "none beside the ids"
        raise ConfigError(
            f'There is no slice "{clipped(name)}": choose among {HISTORY}, {POPULARITY}, {TIME} and the columns of '
            f"{known.where or 'the catalogue'}: {has}.{hint}"
        )
    return _groups_of(column, known.catalog, known)


def found_column(catalog: Catalog, names: Sequence[str]) -> str | None:
    """The first column of the catalogue that has one of these plain `names`, as it is written there."""
    return next((column for one in names for column in catalog.columns.column_names if plain(column) == one), None)


def _groups_of(name: str, catalog: Catalog, known: Known) -> ItemGroups:
    """Ranges where the column holds more different numbers than there may be groups, else its values."""
    rows = catalog.items.positions(known.items.values)
    column, label = catalog.columns.column(name), clipped(name)[:LONGEST_VALUE]
    numbers = column_numbers(column)
    if numbers is not None and len(np.unique(numbers[np.isfinite(numbers)])) > MOST_VALUES + 1:
        return by_ranges(label, np.append(numbers, np.nan)[rows], known.item_counts)
    try:
        values = [[_label(one) for one in own] for own in values_of(column, genres=plain(name) in GENRES)]
    except pa.ArrowException:
        raise ConfigError(f"The column {label} cannot be a slice: it holds values of type {column.type}.") from None
    return by_values(label, [[] if row == UNKNOWN else values[row] for row in rows.tolist()], known.item_counts)


def _label(value: str) -> str:
    """A value as the name of its group: of bearable length, and never one of the names that groups have of ours."""
    short = clipped(value)
    short = short if len(short) <= LONGEST_VALUE else short[: LONGEST_VALUE - 1] + "…"
    return f'"{short}"' if short in (ALL, NEW, OTHER, WITHOUT) else short


def column_numbers(column: pa.ChunkedArray) -> np.ndarray | None:
    """(n,) float64, NaN where there is no value; the year of a date; None if it holds other things.

    A few texts among numbers (`unknown`) are no values.
    """
    kind = column.type
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        column = pc.year(column)
    elif pa.types.is_string(kind) or pa.types.is_large_string(kind):
        trimmed = pc.utf8_trim_whitespace(column)
        number = pc.match_substring_regex(trimmed, NUMBER)
        given, numeric = pc.sum(pc.not_equal(trimmed, "")).as_py() or 0, pc.sum(number).as_py() or 0
        if numeric < MOSTLY * given:
            return None
        column = pc.if_else(number, trimmed, None)
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        return None
    try:
        numbers: np.ndarray = column.cast(pa.float64(), safe=False).fill_null(np.nan).to_numpy()
    except pa.ArrowInvalid:
        return None
    return numbers
