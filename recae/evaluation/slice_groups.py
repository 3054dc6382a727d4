"""Groups of users and of items, by which a model's figures are taken apart: each with exact bounds in its label."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise

import numpy as np
from scipy import sparse

from recae.counted import counted
from recae.data.split import NO_TIME
from recae.errors import DataError

QUARTERS = 4
HEAD_SHARE, TAIL_SHARE = 0.5, 0.2
MOST_VALUES = 8
"""Values of a catalogue's column that are groups of their own; the rest is `OTHER`."""
OTHER, WITHOUT = "other values", "no value"
DASH = "\N{EN DASH}"


@dataclass(frozen=True, eq=False)
class UserGroups:
    """Every user in one group or in none."""

    name: str
    definition: str
    labels: tuple[str, ...]
    codes: np.ndarray
    """(n_users,) int64: positions in `labels`; -1 for users in no group."""


@dataclass(frozen=True, eq=False)
class ItemGroups:
    """Every item in any number of groups."""

    name: str
    definition: str
    labels: tuple[str, ...]
    members: sparse.csr_array
    """(n_items, n_groups) of ones."""


@dataclass(frozen=True, eq=False)
class Slicing:
    """By what figures are taken apart; users and items are those of the held-out data."""

    users: tuple[UserGroups, ...] = ()
    items: tuple[ItemGroups, ...] = ()
    metrics: tuple[str, ...] | None = None
    """Metrics that are told of each group of users; None: all that are measured."""

    def select_users(self, users: np.ndarray) -> Slicing:
        """The same for these user positions only.

        Raises:
            DataError: there are no groups of some of them.
        """
        for groups in self.users:
            if users.max(initial=-1) >= len(groups.codes):
                raise DataError(f"The slice {groups.name} is of {len(groups.codes)} users, the data has more.")
        return replace(self, users=tuple(replace(groups, codes=groups.codes[users]) for groups in self.users))

    def check(self, n_items: int, n_users: int) -> None:
        """Check that this is about so many items and users.

        Raises:
            DataError: it is about others.
        """
        for users in self.users:
            if len(users.codes) != n_users:
                raise DataError(f"The slice {users.name} is of {len(users.codes)} users, the data has {n_users}.")
        for items in self.items:
            if items.members.shape[0] != n_items:
                raise DataError(f"The slice {items.name} is of {items.members.shape[0]} items, the data has {n_items}.")


NO_SLICING = Slicing()


def by_history(history: sparse.csr_array) -> UserGroups:
    """Quarters of the users by how many items their histories have; users without any are a group of their own.

    Users with equally many are in the same group, so that the quarters are of different sizes where many are equal.

    >>> groups = by_history(sparse.csr_array(np.tril(np.ones((5, 4)), -1)))
    >>> groups.labels, groups.codes.tolist()
    (('no history', '1 item', '2 items', '3 items', '4 items'), [0, 1, 2, 3, 4])
    """
    lengths = np.diff(history.indptr).astype(np.int64)
    codes, bounds = _quarters(lengths, lengths > 0)
    labels = [f"{low:,} item{'' if low == 1 else 's'}" if low == high else f"{low:,}{DASH}{high:,} items"
              for low, high in bounds]  # fmt: skip
    if (lengths == 0).any():
        labels, codes = ["no history", *labels], codes + 1
    return UserGroups("history", "Quarters of the users by the number of items in their history.", tuple(labels), codes)


def by_time(last_seen: np.ndarray, *, plain_numbers: bool = False) -> UserGroups:
    """Quarters of the users by the time of the last interaction in their history, the longest ago first.

    Args:
        last_seen: (n_users,) int64 microseconds since 1970 in UTC; `NO_TIME` for users of whom no time is known, who
            are in no group.
        plain_numbers: times are numbers, such as years or steps.
    """
    codes, bounds = _quarters(last_seen, last_seen != NO_TIME)
    definition = "Quarters of the users by the time (UTC) of the last interaction in their history."
    if plain_numbers:
        labels = [f"{low}" if low == high else f"{low}{DASH}{high}" for low, high in bounds]
    else:
        labels = _moments(bounds)
    return UserGroups("time", definition, tuple(labels), codes)


def by_popularity(item_counts: np.ndarray) -> ItemGroups:
    """Head, torso and tail of the items by how many training users have them.

    Items in the order of their counts, the largest first: the head is the items before which less than half of all
    training interactions lie, the tail those before which 80 % lie or more, the torso what is between. Items
    with equal counts are in the same group.

    Args:
        item_counts: (n_items,) how many training users have each item.

    >>> by_popularity(np.array([5, 2, 2, 1])).labels
    ('head: 1 item with 5 users', 'torso: 2 items with 2 users', 'tail: 1 item with 1 user')
    """
    counts = np.asarray(item_counts, dtype=np.int64)
    levels, place = np.unique(counts, return_inverse=True)
    held = np.bincount(place, weights=counts, minlength=len(levels))
    above = np.cumsum(held[::-1])[::-1] - held  # by more popular items
    share = above / max(float(held.sum()), 1.0)
    code = np.where(share < HEAD_SHARE, 0, np.where(share < 1 - TAIL_SHARE - 1e-12, 1, 2))[place]
    labels: list[str] = []
    codes = np.zeros(len(counts), dtype=np.int64)
    for group, name in enumerate(("head", "torso", "tail")):
        chosen = code == group
        if chosen.any():
            codes[chosen] = len(labels)
            labels.append(f"{name}: {counted(int(chosen.sum()), 'item')} with {_users(counts[chosen])}")
    definition = (
        "Head: the most popular items that together hold half of all training interactions. Tail: the least popular "
        "that hold the last 20%. Torso: those between. Items with equally many users stay together."
    )
    return ItemGroups("popularity", definition, tuple(labels), _one_each(codes, len(labels)))


def by_values(name: str, values: Sequence[Sequence[str]], item_counts: np.ndarray | None = None) -> ItemGroups:
    """The `MOST_VALUES` values of a catalogue's column that most training interactions have, the rest, and none.

    Args:
        name: of the column.
        values: each item's values; an item of several is in the group of each.
        item_counts: (n_items,) how many training users have each item; None: every item counts as one.
    """
    weights = np.ones(len(values)) if item_counts is None else np.asarray(item_counts, dtype=np.float64)
    total: dict[str, float] = {}
    for own, weight in zip(values, weights.tolist(), strict=True):
        for value in set(own):
            total[value] = total.get(value, 0.0) + weight
    top = sorted(total, key=lambda value: (-total[value], value))[
        : MOST_VALUES if len(total) > MOST_VALUES + 1 else None
    ]
    place = {value: code for code, value in enumerate(top)}
    labels = [*top, OTHER, WITHOUT]
    rows = [
        sorted({place.get(value, len(top)) for value in own}) if own else [len(top) + 1] for own in values
    ]  # fmt: skip
    by_what = "items" if item_counts is None else "training interactions"
    overlapping = " An item of several values counts in each." if any(len(set(own)) > 1 for own in values) else ""
    most = f"those of most {by_what} first" if len(top) == len(total) else f"the {len(top)} of most {by_what}"
    return ItemGroups(
        name, f"Values of the catalogue's column {name}, {most}.{overlapping}", tuple(labels), _ones(rows, len(labels))
    )


def by_ranges(name: str, numbers: np.ndarray, item_counts: np.ndarray | None = None) -> ItemGroups:
    """Ranges of a catalogue's column of numbers that hold about a quarter of the training interactions each.

    Args:
        name: of the column.
        numbers: (n_items,) float64; NaN where an item has none.
        item_counts: (n_items,) how many training users have each item; None: every item counts as one.
    """
    known = np.isfinite(numbers)
    weights = np.ones(len(numbers)) if item_counts is None else np.asarray(item_counts, dtype=np.float64)
    codes, bounds = _quarters(numbers, known, weights)
    labels = _apart(bounds, [_ten_digits, repr], DASH)
    codes[~known] = len(labels)
    what = "items" if item_counts is None else "training interactions"
    definition = f"Ranges of the catalogue's column {name} with about a quarter of the {what} each."
    return ItemGroups(name, definition, (*labels, WITHOUT), _one_each(codes, len(labels) + 1))


def _quarters(
    values: np.ndarray, chosen: np.ndarray, weights: np.ndarray | None = None
) -> tuple[np.ndarray, list[tuple[int | float, int | float]]]:
    """(n,) int64 group of each value, -1 where it is not chosen, and the least and largest value of each group."""
    codes = np.full(len(values), -1, dtype=np.int64)
    known = values[chosen]
    if not len(known):
        return codes, []
    order = np.argsort(known, kind="stable")
    heavy = np.ones(len(known)) if weights is None else weights[chosen]
    if not heavy.any():
        heavy = np.ones(len(known))
    share = np.cumsum(heavy[order]) / heavy.sum()
    ends = np.searchsorted(share, np.arange(1, QUARTERS) / QUARTERS - 1e-12)
    edges = np.unique(known[order][np.minimum(ends, len(known) - 1)])
    found = np.unique(np.searchsorted(edges, known), return_inverse=True)[1]
    codes[chosen] = found
    bounds = [(known[found == code].min().item(), known[found == code].max().item()) for code in range(found.max() + 1)]
    return codes, bounds


def _moments(bounds: Sequence[tuple[int | float, int | float]]) -> list[str]:
    """Days, or times of day where two groups share a day."""
    forms = ("%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M:%S.%f")
    return _apart(bounds, [partial(_written, shown=shown) for shown in forms], f" {DASH} ")


def _apart(
    bounds: Sequence[tuple[int | float, int | float]], forms: Sequence[Callable[[float], str]], joint: str
) -> list[str]:
    """Bounds in the first of `forms` in which no two groups meet: a group is known by its label."""
    for form in forms:
        written = [(form(low), form(high)) for low, high in bounds]
        if all(before[1] != after[0] for before, after in pairwise(written)):
            break
    return [low if low == high else f"{low}{joint}{high}" for low, high in written]


def _ten_digits(number: float) -> str:
    return f"{number:.10g}"


def _written(moment: float, shown: str) -> str:
    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment)).strftime(shown)
    except OverflowError:
        return str(moment)


def _users(counts: np.ndarray) -> str:
    low, high = int(counts.min()), int(counts.max())
    return counted(low, "user") if low == high else f"{low:,}{DASH}{high:,} users"


def _one_each(codes: np.ndarray, n_groups: int) -> sparse.csr_array:
    rows = np.arange(len(codes) + 1)
    return sparse.csr_array((np.ones(len(codes), dtype=np.int64), codes, rows), shape=(len(codes), n_groups))


def _ones(rows: Sequence[Sequence[int]], n_groups: int) -> sparse.csr_array:
    indices = np.array([code for row in rows for code in row], dtype=np.int64)
    indptr = np.concatenate(([0], np.cumsum([len(row) for row in rows], dtype=np.int64)))
    return sparse.csr_array((np.ones(len(indices), dtype=np.int64), indices, indptr), shape=(len(rows), n_groups))
