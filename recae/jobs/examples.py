"""A few test users as a person would look at them: what they had, what was hidden, what each model lists."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from recae.data.catalog import read_catalog
from recae.data.ids import IdIndex
from recae.data.split import HeldOut
from recae.jobs.inputs import beside
from recae.jobs.reading import Source
from recae.models.base import Recommender
from recae.ranking.lists import NO_ITEM, TopN
from recae.ranking.recommend import recommend
from recae.reports.comparison import ExampleUser

USERS, SHOWN, PLACES = 3, 10, 10


def draw_users(test: HeldOut, seed: int) -> HeldOut:
    """`USERS` random users with at least 5 shown and 2 hidden items; any with a hidden one if nobody has as many."""
    shown, hidden = np.diff(test.history.indptr), np.diff(test.target.indptr)
    able = np.flatnonzero((shown >= 5) & (hidden >= 2))
    if not len(able):
        able = np.flatnonzero(hidden > 0)
    drawn = np.random.default_rng(seed).choice(able, size=min(USERS, len(able)), replace=False)
    return test.select(np.sort(drawn))


def lists_for(model: Recommender, users: HeldOut) -> TopN:
    """What `model` lists for them."""
    return recommend(model, users.history, PLACES, users=users.users)


def example_users(users: HeldOut, lists: Mapping[str, TopN], titles: list[str]) -> tuple[ExampleUser, ...]:
    """The drawn users with the lists of every model, by titles."""
    found = []
    for row in range(users.n_users):
        targets = set(users.target[[row]].indices.tolist())
        listed = {
            name: tuple((titles[item], item in targets) for item in top.items[row].tolist() if item != NO_ITEM)
            for name, top in lists.items()
        }
        found.append(
            ExampleUser(
                user=str(users.users.values[row].as_py()),
                history=tuple(titles[item] for item in users.history[[row]].indices[:SHOWN]),
                targets=tuple(titles[item] for item in sorted(targets)[:SHOWN]),
                lists=listed,
            )
        )
    return tuple(found)


def item_titles(source: Source, catalog: Source | None, items: IdIndex) -> list[str]:
    """A title for each item: from `catalog`, or from items.* beside the input, or the id as text.

    Raises:
        DataError: the catalogue is malformed.
        StorageError: it cannot be read.
    """
    path = Path(catalog) if catalog is not None else beside(source, "items")
    if path is None:
        return [str(item) for item in items.values.to_pylist()]
    return read_catalog(path).titles_for(items)
