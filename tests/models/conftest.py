"""Logs with a known structure for the tests of models."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from recae.data.ids import IdIndex
from recae.data.interactions import Columns, Interactions
from recae.data.split import HeldOut


def log_of(matrix: sparse.csr_array, rated: bool = False) -> Interactions:
    """A log with text ids for a matrix; rated says that its values are ratings."""
    columns = Columns(value="rating", value_kind="rating") if rated else Columns()
    users = IdIndex.of([f"u{row:03d}" for row in range(matrix.shape[0])])
    items = IdIndex.of([f"i{column:03d}" for column in range(matrix.shape[1])])
    return Interactions(sparse.csr_array(matrix.astype(np.float32)), users, items, columns=columns)


def two_tastes(n_users: int = 120, n_items: int = 40, seed: int = 7) -> sparse.csr_array:
    """Even users like the first half of the items, odd users the second; some items more than others."""
    rng = np.random.default_rng(seed)
    taste = (np.arange(n_users)[:, None] % 2) == (np.arange(n_items) >= n_items // 2)
    appeal = 0.75 - 0.45 * (np.arange(n_items) % (n_items // 2)) / (n_items // 2)
    likes = rng.random((n_users, n_items)) < np.where(taste, appeal, 0.02)
    likes[np.arange(n_users), np.where(np.arange(n_users) % 2 == 0, 0, n_items // 2)] = True
    stars = np.where(taste, 5, 2) - rng.integers(0, 2, size=taste.shape)
    return sparse.csr_array(np.where(likes, stars, 0).astype(np.float32))


@pytest.fixture(scope="session")
def tastes() -> Interactions:
    """Two groups of 60 users with a taste of 20 items each; ratings 4-5 inside, 1-2 outside."""
    return log_of(two_tastes(), rated=True)


@pytest.fixture(scope="session")
def tastes_held_out(tastes: Interactions) -> tuple[Interactions, HeldOut]:
    """The same log without a fifth of everybody's entries, and those."""
    rng = np.random.default_rng(1)
    hidden = rng.random(tastes.nnz) < 0.2
    train = tastes.keep(~hidden)
    return train, HeldOut(train.matrix, tastes.keep(hidden).matrix, tastes.users, np.zeros(tastes.n_users, np.int64))
