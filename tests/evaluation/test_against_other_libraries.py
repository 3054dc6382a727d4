"""The further metrics are those of trec_eval, ranx, scikit-learn and scipy to 1e-6, user by user."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import pytrec_eval
from numba import config
from scipy.spatial.distance import cdist, pdist
from scipy.stats import entropy as their_entropy
from sklearn.metrics import ndcg_score, roc_auc_score

from recae.evaluation.evaluate import evaluate, evaluate_lists

SEEDS = (1, 2, 3)
CUTOFFS = (1, 5, 10, 40)
"""The last one is beyond the catalogue."""
EXACT = {"rtol": 0, "atol": 1e-6}


@pytest.fixture(scope="module", params=SEEDS)
def case(request: pytest.FixtureRequest, make_case: Callable[[int], Any]) -> Any:
    return make_case(request.param)


@pytest.fixture(scope="module")
def ranx() -> Iterator[ModuleType]:
    """ranx as plain Python: compiling it takes longer than all of these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(config, "DISABLE_JIT", 1)
        yield importlib.import_module("ranx")


def qrels(case: Any, *, graded: bool) -> dict[str, dict[str, int]]:
    """The targets as others read them; items outside of the catalogue under names that no list has."""
    truth = case.truth
    found: dict[str, dict[str, int]] = {}
    for user in case.judged.tolist():
        inside, outside = truth.target[[user]], truth.outside.matrix[[user]]
        named = {str(i): int(g) for i, g in zip(inside.indices, inside.data, strict=True)}
        named |= {f"out {i}": int(g) for i, g in zip(outside.indices, outside.data, strict=True)}
        found[str(user)] = named if graded else dict.fromkeys(named, 1)
    return found


def run(case: Any, n: int) -> dict[str, dict[str, float]]:
    """The lists by falling scores, so that no tie is left to break; an empty one gets an item that is nobody's."""
    lists = case.lists(n)
    return {
        str(user): {str(item): 1000.0 - place for place, item in enumerate(lists.items[user].tolist()) if item >= 0}
        or {"nobody's": 1.0}
        for user in case.judged.tolist()
    }


def test_trec_eval_has_the_same_lists_in_mind(case: Any) -> None:
    cutoffs = ",".join(map(str, CUTOFFS))
    evaluator = pytrec_eval.RelevanceEvaluator(
        qrels(case, graded=False), {"Rprec", f"map_cut.{cutoffs}", f"ndcg_cut.{cutoffs}", f"recall.{cutoffs}"}
    )
    theirs = evaluator.evaluate(run(case, 40))
    names = ["rprecision", *(f"{name}@{k}" for name in ("map-all", "ndcg", "recall") for k in CUTOFFS)]
    ours = evaluate_lists(case.lists(40), case.truth, names).per_user
    for name in names:
        base, _, k = name.partition("@")
        their_name = {
            "rprecision": "Rprec",
            "map-all": f"map_cut_{k}",
            "ndcg": f"ndcg_cut_{k}",
            "recall": f"recall_{k}",
        }
        expected = [theirs[str(user)][their_name[base]] for user in case.judged]
        np.testing.assert_allclose(ours[name], expected, **EXACT)
        assert len(np.unique(ours[name])) > 1


def test_trec_eval_grades_alike(case: Any) -> None:
    evaluator = pytrec_eval.RelevanceEvaluator(qrels(case, graded=True), {"ndcg_cut.1,5,10,40"})
    theirs = evaluator.evaluate(run(case, 40))
    ours = evaluate_lists(case.lists(40), case.truth, [f"ndcg-graded@{k}" for k in CUTOFFS]).per_user
    for k in CUTOFFS:
        expected = [theirs[str(user)][f"ndcg_cut_{k}"] for user in case.judged]
        np.testing.assert_allclose(ours[f"ndcg-graded@{k}"], expected, **EXACT)


def test_ranx_has_the_same_values(case: Any, ranx: ModuleType) -> None:
    order = np.argsort(np.argsort([str(user) for user in case.judged]))  # they sort users by name
    binary, graded, lists = (
        ranx.Qrels(qrels(case, graded=False)), ranx.Qrels(qrels(case, graded=True)), ranx.Run(run(case, 40)),
    )  # fmt: skip
    for theirs, ours, truth in [
        ("r-precision", "rprecision", binary),
        ("map@5", "map-all@5", binary),
        ("rbp.50", "rbp50@40", binary),
        ("rbp.80", "rbp80@40", binary),
        ("rbp.95", "rbp95@40", binary),
        ("ndcg@10", "ndcg-graded@10", graded),
        ("ndcg_burges@10", "ndcg-exp@10", graded),
        ("ndcg_burges@40", "ndcg-exp@40", graded),
    ]:
        expected = np.asarray(ranx.evaluate(truth, lists, theirs, return_mean=False))[order]
        found = evaluate_lists(case.lists(40), case.truth, [ours]).per_user[ours]
        np.testing.assert_allclose(found, expected, **EXACT, err_msg=ours)


def test_scikit_learn_has_the_same_area_under_the_curve(case: Any) -> None:
    found = evaluate(case.model, case.truth, ["auc"]).per_user["auc"]
    checked = 0
    for value, user in zip(found, case.judged, strict=True):
        ranked = np.ones(case.truth.target.shape[1], dtype=bool)
        ranked[case.truth.history[[user]].indices] = False
        relevant = np.zeros(len(ranked), dtype=bool)
        relevant[case.truth.target[[user]].indices] = True
        known, unknown = relevant[ranked].sum(), case.truth.unknown_targets[user]
        if 0 < known < ranked.sum():
            scores = np.nan_to_num(case.model.scores[user], neginf=-1e9)
            inside = roc_auc_score(relevant[ranked], scores[ranked])
            assert value == pytest.approx(inside * known / (known + unknown), abs=1e-6)
            checked += 1
        elif known == 0:
            assert value == 0.0
    assert checked > 10


def test_scikit_learn_has_the_same_graded_ndcg_where_all_is_listed(case: Any) -> None:
    lists = case.lists(40)
    ours = evaluate_lists(lists, case.truth, ["ndcg-graded@5"]).per_user["ndcg-graded@5"]
    checked = 0
    for value, user in zip(ours, case.judged, strict=True):
        listed = lists.items[user][lists.items[user] >= 0]
        targets = case.truth.target[[user]]
        if case.truth.unknown_targets[user] or not np.isin(targets.indices, listed).all():
            continue
        places = -np.arange(len(listed), dtype=float)
        assert value == pytest.approx(ndcg_score([targets.toarray()[0][listed]], [places], k=5), abs=1e-6)
        checked += 1
    assert checked > 1


def test_scipy_has_the_same_distances(case: Any) -> None:
    lists, vectors = case.lists(10), case.known.vectors
    names = ["ild@10", "unexpectedness@10", "serendipity@10"]
    ours = evaluate_lists(lists, case.truth, names, background=case.known).per_user

    def distance(one: np.ndarray, other: np.ndarray) -> np.ndarray:
        with np.errstate(invalid="ignore"):
            return np.nan_to_num(cdist(vectors[one], vectors[other], "cosine"), nan=1.0)

    for row, user in enumerate(case.judged):
        listed = lists.items[user][lists.items[user] >= 0]
        history = case.truth.history[[user]].indices
        hits = listed[np.isin(listed, case.truth.target[[user]].indices)]
        if len(listed) > 1 and vectors[listed].any(axis=1).all():
            assert ours["ild@10"][row] == pytest.approx(pdist(vectors[listed], "cosine").mean(), abs=1e-6)
        far = distance(listed, history).mean() if len(history) and len(listed) else float(len(listed) > 0)
        assert ours["unexpectedness@10"][row] == pytest.approx(far, abs=1e-6)
        surprise = distance(hits, history).mean(axis=1).sum() if len(history) else len(hits)
        assert ours["serendipity@10"][row] == pytest.approx(surprise / 10, abs=1e-6)


def test_scipy_has_the_same_entropies(case: Any) -> None:
    lists, genres = case.lists(10), case.known.genres.toarray()
    found = evaluate_lists(lists, case.truth, ["entropy@10", "miscalibration@10"], background=case.known)
    judged = lists.items[case.judged]
    assert found.overall["entropy@10"] == pytest.approx(their_entropy(np.bincount(judged[judged >= 0]), base=2))
    shares = genres / np.maximum(genres.sum(axis=1, keepdims=True), 1)
    for value, user in zip(found.per_user["miscalibration@10"], case.judged, strict=True):
        listed = lists.items[user][lists.items[user] >= 0]
        wanted = shares[case.truth.history[[user]].indices].sum(axis=0)
        given = shares[listed].sum(axis=0)
        if not wanted.any():
            assert value == 0.0
        elif not given.any():
            assert value == pytest.approx(np.log(100))
        else:
            wanted, given = wanted / wanted.sum(), given / given.sum()
            assert value == pytest.approx(their_entropy(wanted, 0.99 * given + 0.01 * wanted), abs=1e-6)
