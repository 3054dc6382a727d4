"""Anybody's lists as a table (user, item[, rank | score]) into `TopN`, so that they can be judged like our own."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recae.data.columns import ColumnChoice, find_roles, plain
from recae.data.ids import UNKNOWN, IdIndex, as_arrow
from recae.errors import DataError
from recae.ranking.lists import NO_ITEM, TopN

USUAL = ColumnChoice()
RANK_NAMES = ("rank", "position", "place")


@dataclass(frozen=True, eq=False)
class JudgeableLists:
    """Lists in the order of the users to be judged, and what did not fit."""

    lists: TopN
    """(n_users, longest list): an unknown item keeps its place as a position of n_items and above, never a hit."""
    order: str
    """What the lists were ordered by: the name of the rank or score column, or "row"."""
    unknown_users: int
    """Users with a list that nobody asked for."""
    unknown_items: int
    """Distinct listed items that are not in the catalogue."""
    without_list: int
    """Users to be judged who have no list; they count 0."""


def lists_from_table(
    table: pa.Table, users: IdIndex, items: IdIndex, *, columns: ColumnChoice = USUAL, where: str = "the lists"
) -> JudgeableLists:
    """Order every user's items by rank, or else by score, or else as they stand.

    Args:
        table: one row per listed item. A rank column (rank, position, place; 1 is best) wins over a score or rating
            column (higher is better), which wins over the order of the rows. Equal ranks or scores stay in row order.
        users: whose lists to take, in this order; lists of others are left out and counted.
        items: the catalogue of the targets.
        columns: names that are not the usual ones; `rating` names the score.
        where: what the table is called in errors, usually its path.

    Raises:
        DataError: no user or item column, a missing user, item, rank or score, or an item twice in one list.
    """
    roles = find_roles(table.column_names, columns, where)
    user_ids, item_ids = _ids(table, roles.user, where), _ids(table, roles.item, where)
    order, key = _sort_key(table, roles.value if roles.value_kind == "rating" else None, where)
    row, item = users.positions(user_ids), _item_codes(item_ids, items)
    wanted = row != UNKNOWN
    strangers = pc.count_distinct(user_ids.filter(pa.array(~wanted))).as_py()
    row, item, key = row[wanted], item[wanted], key[wanted]
    _refuse_duplicates(row, item, users, item_ids.filter(pa.array(wanted)), where)
    lists = _ranked(row, item, key, len(users))
    return JudgeableLists(
        lists=lists,
        order=order,
        unknown_users=int(strangers),
        unknown_items=len(np.unique(item[item >= len(items)])),
        without_list=int((lists.lengths() == 0).sum()),
    )


def _ids(table: pa.Table, name: str, where: str) -> pa.Array:
    ids = as_arrow(table.column(name))
    if ids.null_count:
        row = int(np.flatnonzero(ids.is_null().to_numpy(zero_copy_only=False))[0])
        raise DataError(f"{where}: column {name!r} has no value in row {row + 1} ({ids.null_count} rows have none).")
    return ids


def _item_codes(ids: pa.Array, items: IdIndex) -> np.ndarray:
    """Positions of known items; unknown ones get codes from n_items on, the same id the same code."""
    codes = items.positions(ids)
    unknown = codes == UNKNOWN
    strangers = ids.filter(pa.array(unknown)).dictionary_encode().indices.to_numpy(zero_copy_only=False)
    codes[unknown] = len(items) + strangers.astype(np.int64)
    return codes


def _sort_key(table: pa.Table, score: str | None, where: str) -> tuple[str, np.ndarray]:
    """(name of the order, (n_rows,) float64 that is lower for better places)."""
    rank = next((name for name in table.column_names if plain(name) in RANK_NAMES), None)
    if rank is not None:
        return rank, _numbers(table, rank, where)
    if score is not None:
        return score, -_numbers(table, score, where)
    return "row", np.arange(len(table), dtype=np.float64)


def _numbers(table: pa.Table, name: str, where: str) -> np.ndarray:
    try:
        values = pc.cast(table.column(name), pa.float64()).to_numpy()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(f"{where}: column {name!r} must hold numbers: {str(error)[:200]}.") from error
    missing = np.flatnonzero(np.isnan(values))
    if len(missing):
        raise DataError(
            f"{where}: column {name!r} has no value in row {missing[0] + 1} ({len(missing)} rows have none)."
        )
    return values


def _refuse_duplicates(row: np.ndarray, item: np.ndarray, users: IdIndex, item_ids: pa.Array, where: str) -> None:
    order = np.lexsort((item, row))
    twice = np.flatnonzero((np.diff(row[order]) == 0) & (np.diff(item[order]) == 0))
    if len(twice):
        entry = int(order[twice[0]])
        user, name = users.values[int(row[entry])].as_py(), item_ids[entry].as_py()
        raise DataError(
            f"{where}: user {user!r} has item {name!r} twice in one list"
            f" ({len(twice)} such rows); a list may hold an item once."
        )


def _ranked(row: np.ndarray, item: np.ndarray, key: np.ndarray, n_users: int) -> TopN:
    """Entries into lists: sorted by key within each row, equal keys in the order in which they came."""
    order = np.lexsort((key, row))
    row, item, key = row[order], item[order], key[order]
    lengths = np.bincount(row, minlength=n_users)
    place = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    shape = (n_users, int(lengths.max(initial=0)))
    items, scores = np.full(shape, NO_ITEM, dtype=np.int64), np.full(shape, np.nan, dtype=np.float32)
    items[row, place], scores[row, place] = item, -key
    return TopN(items, scores)
