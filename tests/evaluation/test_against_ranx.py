"""Every ranking metric that ranx has too gives the same values, user by user."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from types import ModuleType

import numpy as np
import pytest
from numba import config
from scipy import sparse

from recae.data.ids import IdIndex
from recae.data.split import HeldOut
from recae.evaluation.evaluate import evaluate_lists
from recae.ranking.lists import TopN
from recae.ranking.topk import top_k

CUTOFFS = (1, 5, 50)
THEIR_NAMES = {"ndcg": "ndcg", "mrr": "mrr", "recall": "recall", "precision": "precision", "hit": "hit_rate"}
N_USERS, N_ITEMS = 160, 40


@pytest.fixture(scope="module")
def case() -> tuple[TopN, HeldOut]:
    """Users of four kinds: plain scores, few distinct scores, lists cut short, and one target only."""
    random = np.random.default_rng(11)
    kind = np.arange(N_USERS) % 4
    scores = random.normal(size=(N_USERS, N_ITEMS))
    scores[kind == 1] = random.integers(0, 3, size=(N_USERS // 4, N_ITEMS))
    scores[(kind == 2)[:, None] & (random.random(scores.shape) < 0.9)] = -np.inf
    scores[2] = -np.inf
    relevant = random.random(scores.shape) < random.choice([0.02, 0.2, 0.9], size=(N_USERS, 1))
    relevant[kind == 3] = np.eye(N_ITEMS, dtype=bool)[random.integers(0, N_ITEMS, N_USERS // 4)]
    relevant[:5] = False  # nobody to judge here: left out by us, and not handed to them
    target = sparse.csr_array(relevant.astype(np.float32))
    truth = HeldOut(
        history=sparse.csr_array(target.shape, dtype=np.float32),
        target=target,
        users=IdIndex.range(N_USERS),
        unknown_targets=np.where(kind == 0, random.integers(0, 4, N_USERS), 0) * (np.arange(N_USERS) >= 5),
    )
    return top_k(scores, 50), truth


@pytest.fixture(scope="module")
def ranx() -> Iterator[ModuleType]:
    """ranx as plain Python: compiling it takes longer than all of these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config, "DISABLE_JIT", 1)
        yield importlib.import_module("ranx")


@pytest.fixture(scope="module")
def theirs(ranx: ModuleType, case: tuple[TopN, HeldOut]) -> dict[str, np.ndarray]:
    lists, truth = case
    judged = np.flatnonzero(truth.relevant_counts())
    # Unknown targets are relevant items under names that no list has. Their lists are ordered by a score, so places
    # become scores; an empty list gets one item that is nobody's target, because they refuse empty ones.
    relevant = {
        str(user): {str(item): 1 for item in truth.target[[user]].indices}
        | {f"unknown {number}": 1 for number in range(truth.unknown_targets[user])}
        for user in judged
    }
    run = {
        str(user): {str(item): 100.0 - place for place, item in enumerate(lists.items[user]) if item >= 0}
        or {"nobody's": 1.0}
        for user in judged
    }
    names = [f"{name}@{k}" for name in (*THEIR_NAMES.values(), "map") for k in CUTOFFS]
    values = ranx.evaluate(ranx.Qrels(relevant), ranx.Run(run), names, return_mean=False)
    order = np.argsort(np.argsort([str(user) for user in judged]))  # they sort users by name
    return {name: np.asarray(found)[order] for name, found in values.items()}


@pytest.mark.parametrize("name", THEIR_NAMES)
def test_same_values_user_by_user(name: str, case: tuple[TopN, HeldOut], theirs: dict[str, np.ndarray]) -> None:
    ours = evaluate_lists(*case, [f"{name}@{k}" for k in CUTOFFS]).per_user
    for k in CUTOFFS:
        np.testing.assert_allclose(ours[f"{name}@{k}"], theirs[f"{THEIR_NAMES[name]}@{k}"], rtol=0, atol=1e-6)
        assert len(np.unique(ours[f"{name}@{k}"])) > 1


def test_their_average_precision_divides_by_all_relevant_items(
    case: tuple[TopN, HeldOut], theirs: dict[str, np.ndarray]
) -> None:
    result = evaluate_lists(*case, [f"map@{k}" for k in CUTOFFS])
    relevant = case[1].relevant_counts()
    relevant = relevant[relevant > 0]
    for k in CUTOFFS:
        by_all = result.per_user[f"map@{k}"] * np.minimum(k, relevant) / relevant
        np.testing.assert_allclose(by_all, theirs[f"map@{k}"], rtol=0, atol=1e-6)
