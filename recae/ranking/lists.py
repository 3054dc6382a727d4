"""`TopN`: ranked lists for many users as plain arrays, and what a ranker needs from a model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import pyarrow as pa
from scipy import sparse

from recae.data.ids import IdIndex
from recae.data.interactions import Columns

NO_ITEM = -1


class Scorer(Protocol):
    """What ranking needs from a model."""

    items: IdIndex

    def score(self, histories: sparse.csr_array, users: IdIndex | None = None) -> np.ndarray:
        """(n_rows, n_items) float32, higher is better; `users` names the rows, for models that know users by id."""


@dataclass(frozen=True, eq=False)
class Product:
    """A model whose scores are inner products: queries(histories, users) @ vectors.T + bias.

    A `Scorer` with a method `as_product` that gives this is ranked without its `score`, and no block of scores in fp32
    is ever made. Scores may differ from those of `score` in the last place.
    """

    queries: Callable[[sparse.csr_array, IdIndex | None], np.ndarray]
    """Histories and the ids of their users in, (n_rows, d) float32 out. Several threads call it at the same time."""
    vectors: np.ndarray
    """(n_items, d) float32."""
    bias: np.ndarray | None = None
    """(n_items,) float32."""
    unseen_only: bool = False
    """The model scores the items of the history itself otherwise."""


@dataclass(frozen=True, eq=False)
class TopN:
    """Lists of up to N items for many users, best first; ties stand in the order of item position."""

    items: np.ndarray
    """(n_users, N) int64 item positions; `NO_ITEM` (-1) after the end of a shorter list."""
    scores: np.ndarray
    """(n_users, N) float32; NaN after the end of a shorter list. Comparable within one user and model only."""

    def __len__(self) -> int:
        return len(self.items)

    def lengths(self) -> np.ndarray:
        """(n_users,) int64: how many items each list has."""
        return (self.items != NO_ITEM).sum(axis=1)

    def to_arrow(self, users: IdIndex, items: IdIndex, columns: Columns) -> pa.Table:
        """One row per listed item: user id, item id (the caller's own names and types), rank from 1, score."""
        row, place = np.nonzero(self.items != NO_ITEM)
        return pa.table(
            {
                columns.user: users.take(row),
                columns.item: items.take(self.items[row, place]),
                "rank": pa.array((place + 1).astype(np.int32)),
                "score": pa.array(self.scores[row, place]),
            }
        )
