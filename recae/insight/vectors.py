"""Vectors by which items can be compared, whatever the model: its own, or made of what it lists, or of the log."""

from __future__ import annotations

from typing import Literal

import numpy as np
from scipy import sparse

from recae.errors import UnsoundModelError
from recae.insight.nearness import unit_rows
from recae.models.base import Recommender
from recae.models.linear.pure_svd import leading_directions
from recae.progress import SILENT, Progress

Source = Literal["vectors", "lists", "log"]
"""What the vectors of a map are: a model's own; what it lists for a history of one item; who had the items."""
DIRECTIONS = 64
MOST_USERS = 100_000
"""Of longer logs this many users are looked at."""
BLOCK_BYTES = 64 << 20
ROUNDING = 1e-5
"""Lifts below this share of the largest score are rounding."""


def model_vectors(
    model: Recommender, positions: np.ndarray, *, progress: Progress = SILENT
) -> tuple[np.ndarray, Source]:  # fmt: skip
    """(n, d) vectors of the items at `positions`: the model's own, or else made of what it lists for each of them.

    Raises:
        UnsoundModelError: it gives numbers that are not finite.
    """
    own = model.item_vectors()
    if own is not None:
        return _finite(np.asarray(own)[positions]), "vectors"
    return _echoes(model, positions, progress), "lists"


def _finite(numbers: np.ndarray) -> np.ndarray:
    if not np.isfinite(numbers).all():
        raise UnsoundModelError(
            "The model gave numbers that are not finite for its items; its training has probably diverged: train it "
            "again with other settings."
        )
    return numbers


def log_vectors(train: sparse.csr_array, positions: np.ndarray, *, seed: int = 0) -> np.ndarray:
    """(n, d) vectors of the items at `positions` from the (n_users, n_items) log, by singular value decomposition.

    Users and items weigh less the more they have, so that neither the busiest nor the most popular decide alone.
    Of more than `MOST_USERS` users that many are drawn.
    """
    if train.shape[0] > MOST_USERS:
        rows = np.random.default_rng(seed).choice(train.shape[0], MOST_USERS, replace=False)
        train = train[np.sort(rows)]
    some = sparse.csr_array(train[:, positions]).astype(np.float64)
    some.data[:] = 1
    by_user = np.maximum(some.sum(axis=1), 1) ** -0.5
    by_item = np.maximum(some.sum(axis=0), 1) ** -0.5
    return _directions(sparse.csr_array(some.multiply(by_user[:, None]).multiply(by_item)), seed)


def _echoes(model: Recommender, positions: np.ndarray, progress: Progress) -> np.ndarray:
    """Items that lead to the same other items are alike: by how far each lifts the others above their average."""
    n, n_items = len(positions), len(model.items)
    lifted = np.empty((n, n), dtype=np.float32)
    block = max(1, BLOCK_BYTES // (4 * n_items))
    with progress.task("Asking the model", n, "item") as task:
        for start in range(0, n, block):
            items = positions[start : start + block]
            single = (np.ones(len(items), np.float32), items, np.arange(len(items) + 1))
            shown = sparse.csr_array(single, shape=(len(items), n_items))
            users = None if model.users is None else model.users.take(np.zeros(len(items), np.int64))
            lifted[start : start + block] = model.score(shown, users)[:, positions]
            task.advance(len(items))
    np.fill_diagonal(_finite(lifted), 0)
    size = float(np.abs(lifted).max(initial=0))
    lifted -= lifted.sum(axis=0, dtype=np.float64).astype(np.float32) / max(n - 1, 1)
    np.fill_diagonal(lifted, 0)
    lifted[lifted < ROUNDING * size] = 0
    return _directions(sparse.csr_array(unit_rows(lifted)).T.tocsr(), 0)


def _directions(matrix: sparse.csr_array, seed: int) -> np.ndarray:
    """(columns, d): the columns of `matrix` in its leading singular directions."""
    if matrix.nnz == 0:
        return np.zeros((matrix.shape[1], 1))
    values, vectors = leading_directions(matrix, DIRECTIONS, seed)
    found: np.ndarray = vectors * values
    return found
