"""Random and adversarial users for the further metrics: ties, short and empty lists, targets that nobody knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
from scipy import sparse

from recae.data.ids import IdIndex
from recae.data.interactions import Columns, Interactions
from recae.data.split import HeldOut
from recae.evaluation.background import Background
from recae.ranking.lists import TopN
from recae.ranking.rules import mask
from recae.ranking.topk import top_k


@pytest.fixture(autouse=True)
def judged_block_by_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small lists would be gathered until all of them are judged at once, and nothing here would have two blocks."""
    monkeypatch.setattr("recae.evaluation.evaluate.JUDGED_PLACES", 1)


def entries(values: np.ndarray, chosen: np.ndarray) -> sparse.csr_array:
    """The chosen cells as a matrix, values of 0 included."""
    row, column = np.nonzero(chosen)
    indptr = np.concatenate(([0], np.cumsum(chosen.sum(axis=1))))
    return sparse.csr_array((values[row, column], column, indptr), shape=values.shape)


class Table:
    """A model that knows every user's scores by id."""

    def __init__(self, scores: np.ndarray) -> None:
        self.scores, self.items = scores.astype(np.float32), IdIndex.range(scores.shape[1])

    def score(self, histories: sparse.csr_array, users: IdIndex | None = None) -> np.ndarray:
        assert users is not None
        return self.scores[users.values.to_numpy()].copy()


def case(seed: int, n_users: int = 24, n_items: int = 30, n_outside: int = 3) -> Case:
    """Users of all kinds, one without a target, grades from 0 to 5, vectors and genres some of which are missing."""
    random = np.random.default_rng(seed)
    scores = random.normal(size=(n_users, n_items))
    scores[::4] = random.integers(0, 3, size=scores[::4].shape)  # ties
    scores[1::4][random.random(scores[1::4].shape) < 0.8] = -np.inf  # short lists
    scores[5] = -np.inf  # an empty one
    share = random.choice([0.05, 0.3, 0.9], size=(n_users, 1))
    kind = np.where(random.random(scores.shape) < share, 2, 0)  # 1 in the history, 2 a target
    kind[random.random(kind.shape) < 0.2] = 1
    grades = random.integers(0, 6, size=kind.shape).astype(np.float32)
    others = random.random((n_users, n_outside)) < 0.2
    kind[0], others[0] = 0, False  # nobody to judge
    kind[2], others[2] = np.where(kind[2] == 2, 0, kind[2]), True  # only targets that nobody knows
    kind[3] = np.where(kind[3] == 1, 0, kind[3])  # no history
    users = IdIndex.range(n_users)
    columns = Columns(value="rating", value_kind="rating")
    outside_grades = random.integers(1, 6, size=others.shape).astype(np.float32)
    outside = Interactions(entries(outside_grades, others), users, IdIndex.range(n_outside), columns=columns)
    truth = HeldOut(entries(grades, kind == 1), entries(grades, kind == 2), users, others.sum(axis=1), columns, outside)
    vectors = random.normal(size=(n_items, 4))
    vectors[:2] = 0
    genres = sparse.csr_array((random.random((n_items, 5)) < 0.3).astype(np.float32))
    known = Background(random.integers(0, 90, n_items), 100, vectors=vectors, genres=genres)
    return Case(Table(scores), truth, known)


@dataclass(frozen=True, eq=False)
class Case:
    """A model, those to judge it on, and what is known about items; user 0 has no target."""

    model: Table
    truth: HeldOut
    known: Background

    def lists(self, n: int) -> TopN:
        """The model's lists without the histories."""
        return top_k(mask(self.model.scores.copy(), self.truth.history, None), n)

    @property
    def judged(self) -> np.ndarray:
        """Positions of the users who have a target."""
        return np.flatnonzero(self.truth.relevant_counts())


@pytest.fixture(scope="session")
def make_case() -> Callable[[int], Case]:
    """From a seed to a case."""
    return case
