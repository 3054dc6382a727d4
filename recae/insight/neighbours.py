"""Which items to look at when models are compared by what they hold to be alike, and what each finds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from recae.errors import DataError
from recae.models.base import Recommender
from recae.ranking.lists import NO_ITEM

WELL_KNOWN, OF_THE_TAIL = 4, 2
AMONG = 40
"""The well-known items are taken from so many of the most popular ones."""
TAIL_RANKS = (0.6, 0.85)
"""Where in the order of popularity, from 0 to 1, the items of the tail stand."""
LEAST_USERS = 5
"""An item of the tail has as many, if any has: of fewer nobody can learn what goes with it."""
NEIGHBOURS = 6


@dataclass(frozen=True)
class NamedItem:
    """An item as a person knows it; untrusted text."""

    id: str
    title: str
    users: int
    """Users of the training data who have it."""


def items_to_ask(matrix: sparse.csr_array, counts: np.ndarray) -> np.ndarray:
    """Positions of a few popular items that are unlike each other, and of a few of the tail.

    Args:
        matrix: (n_users, n_items) log.
        counts: (n_items,) users of each item.
    """
    order = np.argsort(-counts, kind="stable")
    order = order[counts[order] > 0]
    known = _unlike(matrix, counts, order[: min(AMONG, max(WELL_KNOWN, len(order) // 5))], WELL_KNOWN)
    able = order[counts[order] >= min(LEAST_USERS, int(counts.max(initial=0)))]
    tail = [int(able[int(rank * (len(able) - 1))]) for rank in TAIL_RANKS[:OF_THE_TAIL] if len(able)]
    return np.array(list(dict.fromkeys([*known, *tail])), dtype=np.int64)


def _unlike(matrix: sparse.csr_array, counts: np.ndarray, among: np.ndarray, wanted: int) -> list[int]:
    """The first of `among`, then always the one that shares fewest users with any taken before (by cosine)."""
    some = sparse.csr_array(matrix[:, among])
    some.data = np.ones_like(some.data)
    roots = np.sqrt(counts[among].astype(np.float64))
    shared = (some.T @ some).toarray() / np.outer(roots, roots)
    taken = [0][: len(among)]
    while len(taken) < min(wanted, len(among)):
        nearest = shared[taken].max(axis=0)
        nearest[taken] = np.inf
        taken.append(int(nearest.argmin()))
    return sorted(among[taken].tolist(), key=lambda item: (-counts[item], item))


def neighbours(model: Recommender, items: np.ndarray, n: int = NEIGHBOURS) -> list[list[int]]:
    """Positions of the `n` items most similar to each of `items`; empty where it cannot tell them apart.

    A model that knows nothing but popularity would list the most popular items beside every item.
    """
    if not len(items):
        return []
    try:
        found, _ = model.similar_items(items, n)
    except DataError:
        return []  # it knows users only by their ids, and a history of one item is nobody's
    lists = [[item for item in row if item != NO_ITEM] for row in found.tolist()]
    if len(items) > 1 and len(model.items) > n + 1 and len({item for row in lists for item in row}) <= n + 1:
        return []
    return lists
