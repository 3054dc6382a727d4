"""The seed decides: the same bytes again, whatever the size of the blocks, and nearly so with other threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
import torch
from scipy import sparse
from small import SMALL
from threadpoolctl import threadpool_limits

from recae.data.ids import IdIndex
from recae.data.interactions import Columns, Interactions
from recae.models.base import Recommender
from recae.models.registry import create, model_class, model_names
from recae.options import RunOptions
from recae.ranking.lists import TopN
from recae.ranking.recommend import BYTES_PER_SCORE, recommend

OPTIONS = RunOptions(seed=5, device="cpu")
TOLERANCE = 1e-5
"""Between runs with different numbers of threads, as a share of the largest score: what docs/going-on.md promises."""


@pytest.fixture(scope="module")
def log() -> Interactions:
    """Large enough that torch and the BLAS divide their work among threads, and no multiple of any block."""
    rng = np.random.default_rng(3)
    users, items = 410, 230
    taken = rng.random((users, items)) < np.linspace(0.2, 0.02, items)
    taken[:, 0] |= ~taken.any(axis=1)
    taken[0] |= ~taken.any(axis=0)
    matrix = sparse.csr_array(taken * rng.integers(1, 6, taken.shape), dtype=np.float32)
    columns = Columns(value="rating", value_kind="rating")
    return Interactions(matrix, IdIndex.range(users), IdIndex.range(items), columns=columns)


@contextmanager
def threads(count: int) -> Iterator[None]:
    before = torch.get_num_threads()
    with threadpool_limits(count):
        torch.set_num_threads(count)
        try:
            yield
        finally:
            torch.set_num_threads(before)


def fitted(name: str, log: Interactions) -> Recommender:
    settings = dict(SMALL.get(name, {}))
    if "epochs" in model_class(name).Config.model_fields:
        settings["epochs"] = 2
    return create(name, **settings).fit(log, options=OPTIONS)


def lists(model: Recommender, log: Interactions, rows: int = 4096) -> TopN:
    """The lists of all users, made in blocks of so many."""
    return recommend(model, log.matrix, 20, users=log.users, memory_bytes=rows * log.n_items * BYTES_PER_SCORE)


def same_bytes(left: TopN, right: TopN) -> bool:
    return left.items.tobytes() == right.items.tobytes() and left.scores.tobytes() == right.scores.tobytes()


def assert_the_same_but_for(tolerance: float, found: TopN, expected: TopN) -> None:
    """Scores place by place within the tolerance, and the same items where no neighbour in the list is so close."""
    near = tolerance * np.nanmax(np.abs(expected.scores))
    np.testing.assert_allclose(found.scores, expected.scores, rtol=0, atol=near)
    gaps = np.abs(np.diff(expected.scores, axis=1)) > 2 * near
    apart = np.pad(gaps, ((0, 0), (1, 0)), constant_values=True) & np.pad(gaps, ((0, 0), (0, 1)))
    np.testing.assert_array_equal(found.items[apart], expected.items[apart])


@pytest.mark.parametrize("name", model_names())
def test_the_seed_decides_weights_and_lists(name: str, log: Interactions) -> None:
    with threads(1):
        model, again = fitted(name, log), fitted(name, log)
        expected = lists(model, log)
        assert {key: array.tobytes() for key, array in again.weights().items()} == {
            key: array.tobytes() for key, array in model.weights().items()
        }
        for rows in (4096, 100, 16):
            assert same_bytes(lists(again, log, rows), expected), f"in blocks of {rows}"
    with threads(2):
        model = fitted(name, log)
        whole = lists(model, log)
        assert_the_same_but_for(TOLERANCE, whole, expected)
        assert same_bytes(lists(model, log, 16), whole), "in blocks of 16, by two threads"
