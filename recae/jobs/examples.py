"""A few test users as a person would look at them: what they had, what was hidden, what each model lists."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from recae.data.catalog import read_catalog
from recae.data.ids import IdIndex, as_texts
from recae.data.split import HeldOut
from recae.errors import DataError, StorageError
from recae.jobs.inputs import beside
from recae.jobs.reading import Source
from recae.models.base import Recommender
from recae.progress import SILENT, Progress
from recae.ranking.lists import NO_ITEM, TopN
from recae.ranking.recommend import recommend
from recae.ranking.rules import Rules
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


def lists_for(model: Recommender, users: HeldOut, exclude_seen: bool = True) -> TopN:
    """What `model` lists for them."""
    return recommend(model, users.history, PLACES, users=users.users, rules=Rules(exclude_seen))


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
                targets=tuple(titles[item] for item in sorted(targets)),
                lists=listed,
            )
        )
    return tuple(found)


def item_titles(source: Source, catalog: Source | None, items: IdIndex, progress: Progress = SILENT) -> list[str]:
    """A title for each item: from `catalog`, or from items.* beside the input, or the id as text.

    Raises:
        DataError: the catalogue that was asked for is malformed.
        StorageError: it cannot be read.
    """
    if catalog is not None:
        return read_catalog(catalog).titles_for(items)
    try:
        found = beside(source, "items")
        if found is not None:
            return read_catalog(found).titles_for(items)
    except (DataError, StorageError) as error:
        progress.say(f"No titles, for they were only looked for beside the input: {error}")
    return as_texts(items.values).to_pylist()
