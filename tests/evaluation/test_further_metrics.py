"""The further metrics by their formulas on small cases, whatever the blocks; refused in a sentence where need be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from recae.data.interactions import Columns
from recae.errors import ConfigError, DataError
from recae.evaluation import feature_metrics, full_ranking
from recae.evaluation.background import Background
from recae.evaluation.disparity import group_means
from recae.evaluation.evaluate import evaluate, evaluate_lists
from recae.evaluation.exposure import entropy, gini, personalisation
from recae.evaluation.metrics import FURTHER, WITHOUT_CUTOFF
from recae.evaluation.popularity_metrics import inverse_propensities
from recae.ranking.lists import TopN

USUAL = ["ndcg@40", "map@40", "novelty@40"]
NAMES = [name if name in WITHOUT_CUTOFF else f"{name}@{k}" for name in FURTHER for k in (3, 40)]
UNBOUNDED = ("novelty", "psp", "entropy", "popularity-lift", "miscalibration")
TWO_AT_MOST = ("ild", "unexpectedness", "serendipity")


@settings(deadline=None, max_examples=8)
@given(seed=st.integers(0, 10_000), memory_bytes=st.integers(1, 4000))
def test_whatever_the_blocks_and_within_bounds(
    make_case: Callable[[int], Any], seed: int, memory_bytes: int
) -> None:  # fmt: skip
    case = make_case(seed)
    whole = evaluate(case.model, case.truth, NAMES + USUAL, background=case.known)
    blocks = evaluate(case.model, case.truth, NAMES + USUAL, background=case.known, memory_bytes=memory_bytes)
    assert set(whole.means()) == {*NAMES, *USUAL}
    for name, values in whole.per_user.items():
        np.testing.assert_array_equal(blocks.per_user[name], values, err_msg=name)
        base = name.partition("@")[0]
        assert np.isfinite(values).all()
        assert values.min() >= -1e-12
        assert base in UNBOUNDED or values.max() <= (2 if base in TWO_AT_MOST else 1) + 1e-12
    assert blocks.overall == whole.overall


@settings(deadline=None, max_examples=25)
@given(seed=st.integers(0, 10_000))
def test_relations_between_metrics(make_case: Callable[[int], Any], seed: int) -> None:
    case = make_case(seed)
    found = evaluate_lists(
        case.lists(40), case.truth, [*(n for n in NAMES if n != "auc"), "map@40", "ndcg@3", "precision@3"],
        background=case.known,
    ).per_user  # fmt: skip
    relevant = case.truth.relevant_counts()[case.judged]
    assert (found["map-all@40"] <= found["map@40"] + 1e-12).all()
    np.testing.assert_allclose(found["map-all@40"][relevant <= 40], found["map@40"][relevant <= 40])
    assert (found["psp@3"] >= found["precision@3"] - 1e-12).all()
    assert (found["serendipity@3"] <= 2 * found["precision@3"] + 1e-12).all()
    assert ((found["npsp@3"] == 0) == (found["precision@3"] == 0)).all()
    without_history = np.diff(case.truth.history.indptr)[case.judged] == 0
    np.testing.assert_allclose(found["serendipity@3"][without_history], found["precision@3"][without_history])
    assert (found["miscalibration@3"] <= np.log(100) + 1e-9).all()


def test_equal_grades_are_no_grades(make_case: Callable[[int], Any]) -> None:
    case = make_case(4)
    target = sparse.csr_array(case.truth.target)
    target.data[:] = 3
    truth = replace(case.truth, target=target, outside=None)
    found = evaluate_lists(case.lists(40), truth, ["ndcg@5", "ndcg-graded@5", "ndcg-exp@5"]).per_user
    known = np.diff(truth.target.indptr)[case.judged] > 0
    np.testing.assert_allclose(found["ndcg-graded@5"][known], found["ndcg@5"][known])
    np.testing.assert_allclose(found["ndcg-exp@5"][known], found["ndcg@5"][known])


def test_the_area_under_the_curve_by_all_pairs(
    make_case: Callable[[int], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    case = make_case(5)
    for exclude_seen in (True, False):
        found = evaluate(case.model, case.truth, ["auc"], exclude_seen=exclude_seen).per_user["auc"]
        for value, user in zip(found, case.judged, strict=True):
            others = np.ones(case.truth.target.shape[1], dtype=bool)
            others[case.truth.target[[user]].indices] = False
            others[case.truth.history[[user]].indices if exclude_seen else []] = False
            mine, theirs = case.model.scores[user][case.truth.target[[user]].indices, None], case.model.scores[user]
            wins = (mine > theirs[others]).sum() + (mine == theirs[others]).sum() / 2
            pairs = others.sum() * case.truth.relevant_counts()[user]
            assert value == pytest.approx(wins / pairs if pairs else 0.5)
        monkeypatch.setattr(full_ranking, "BLOCK_SCORES", 70)
        again = evaluate(case.model, case.truth, ["auc"], exclude_seen=exclude_seen).per_user["auc"]
        np.testing.assert_array_equal(again, found)


def test_minus_zero_is_zero() -> None:
    scores = np.array([[0.0, -0.0]], dtype=np.float32)
    target = sparse.csr_array(np.array([[0.0, 1.0]]))
    assert full_ranking.auc(scores, target, np.zeros(1, dtype=int), None).tolist() == [0.5]


def test_propensities_by_the_formula() -> None:
    scale = (np.log(1000) - 1) * 2.5**0.55
    expected = [1 + scale * np.exp(-0.55 * np.log(count + 1.5)) for count in (7, 0, 0)]
    np.testing.assert_allclose(inverse_propensities(np.array([7, 0]), 1000), expected)
    np.testing.assert_array_equal(inverse_propensities(np.array([1]), 2), [1, 1])


def test_propensity_scored_precision_by_hand(make_case: Callable[[int], Any]) -> None:
    case = make_case(6)
    lists, inverse = case.lists(5), inverse_propensities(case.known.item_counts, case.known.n_train_users)
    found = evaluate_lists(lists, case.truth, ["psp@5", "npsp@5"], background=case.known).per_user
    for row, user in enumerate(case.judged):
        targets = case.truth.target[[user]].indices
        reached = sum(inverse[item] for item in lists.items[user] if item in targets)
        possible = sorted([*inverse[targets], *[inverse[-1]] * case.truth.unknown_targets[user]], reverse=True)[:5]
        assert found["psp@5"][row] == pytest.approx(reached / 5)
        assert found["npsp@5"][row] == pytest.approx(reached / sum(possible))


def test_exposure_of_the_extremes() -> None:
    assert gini(np.full(8, 5), 40, 1) == pytest.approx(0)
    assert gini(np.array([0, 0, 0, 9]), 9, 1) == pytest.approx(3 / 4)
    assert gini(np.zeros(3), 2, 1) == entropy(np.zeros(3), 2, 1) == 0
    assert entropy(np.full(8, 5), 40, 1) == pytest.approx(3)
    assert entropy(np.array([0, 9]), 9, 1) == 0
    assert personalisation(np.array([9, 9, 0]), 9, 2) == pytest.approx(0)
    assert personalisation(np.array([1, 1, 1]), 3, 1) == 1
    assert personalisation(np.array([1]), 1, 1) == 1


@settings(deadline=None)
@given(st.lists(st.integers(0, 50), min_size=1, max_size=12))
def test_gini_is_the_mean_difference(counts: list[int]) -> None:
    exposed = np.array(counts, dtype=float)
    mean_difference = np.abs(exposed[:, None] - exposed).mean()
    assert gini(exposed, 100, 1) == pytest.approx(mean_difference / (2 * exposed.mean()) if exposed.any() else 0)


def test_personalisation_by_all_pairs_of_users(make_case: Callable[[int], Any]) -> None:
    case = make_case(7)
    lists = case.lists(10)
    found = evaluate_lists(lists, case.truth, ["personalisation@10"]).overall["personalisation@10"]
    own = [set(lists.items[user][lists.items[user] >= 0]) for user in case.judged]
    shared = [len(own[i] & own[j]) / 10 for i in range(len(own)) for j in range(i)]
    assert found == pytest.approx(1 - np.mean(shared))


def test_popularity_and_its_lift(make_case: Callable[[int], Any]) -> None:
    case = make_case(8)
    lists, shares = case.lists(10), case.known.item_counts / 100
    names = ["popularity@10", "popularity-lift@10"]
    found = evaluate_lists(lists, case.truth, names, item_counts=case.known.item_counts, n_train_users=100)
    after, before = [], []
    for row, user in enumerate(case.judged):
        listed, history = lists.items[user][lists.items[user] >= 0], case.truth.history[[user]].indices
        expected = shares[listed].mean() if len(listed) else 0
        assert found.per_user["popularity@10"][row] == pytest.approx(expected)
        if len(listed) and len(history):
            after.append(expected)
            before.append(shares[history].mean())
    assert found.overall["popularity-lift@10"] == pytest.approx(np.mean(after) / np.mean(before) - 1)


def test_gaps_are_between_the_groups(make_case: Callable[[int], Any]) -> None:
    case = make_case(9)
    groups = np.arange(case.truth.n_users) % 3
    found = evaluate(case.model, case.truth, ["hit-gap@5", "hit@5"], background=Background(user_groups=groups))
    means = [found.per_user["hit@5"][groups[case.judged] == group].mean() for group in range(3)]
    assert found.overall["hit-gap@5"] == pytest.approx(max(means) - min(means))
    by_length = evaluate(case.model, case.truth, ["hit-gap@5", "hit@5"])
    lengths = np.diff(case.truth.history.indptr)[case.judged]
    two = group_means(by_length.per_user["hit@5"], lengths > np.median(lengths))
    assert by_length.overall["hit-gap@5"] == pytest.approx(two.gap)
    assert two.sizes.sum() == len(case.judged)


def test_dense_and_sparse_vectors_are_the_same(
    make_case: Callable[[int], Any], monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    case, names = make_case(10), ["ild@10", "unexpectedness@10", "serendipity@10", "miscalibration@10"]
    dense = evaluate_lists(case.lists(10), case.truth, names, background=case.known).per_user
    as_sparse = replace(case.known, vectors=sparse.csr_array(case.known.vectors))
    monkeypatch.setattr(feature_metrics, "_MOST_CELLS", 12)
    found = evaluate_lists(case.lists(10), case.truth, names, background=as_sparse).per_user
    for name in names:
        np.testing.assert_allclose(found[name], dense[name], rtol=0, atol=1e-12)
    by_genres = evaluate_lists(case.lists(10), case.truth, ["ild@10"], background=Background(genres=case.known.genres))
    assert by_genres.means()["ild@10"] != pytest.approx(dense["ild@10"].mean())


def test_items_outside_of_the_catalogue_keep_their_place(make_case: Callable[[int], Any]) -> None:
    case = make_case(11)
    lists = case.lists(5)
    shifted = TopN(np.column_stack([np.full(len(lists.items), 999), lists.items]), np.zeros((len(lists.items), 6)))
    found = evaluate_lists(shifted, case.truth, [n for n in NAMES if n != "auc"], background=case.known)
    plain = evaluate_lists(lists, case.truth, [n for n in NAMES if n != "auc"], background=case.known)
    np.testing.assert_allclose(found.per_user["rbp80@40"], 0.8 * plain.per_user["rbp80@40"])
    assert found.overall["entropy@40"] == pytest.approx(plain.overall["entropy@40"])
    assert all(np.isfinite(values).all() for values in found.per_user.values())


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("psp@5", "how many training users each item has"),
        ("popularity-lift@5", "how many training users each item has"),
        ("ild@5", "what the items are like"),
        ("serendipity@5", "what the items are like"),
        ("miscalibration@5", "needs the genres of the items"),
    ],
)
def test_what_is_missing_is_said_before_any_scoring(make_case: Callable[[int], Any], name: str, sentence: str) -> None:
    case = make_case(1)
    with pytest.raises(ConfigError, match=sentence):
        evaluate(case.model, case.truth, ["ndcg@5", name])


def test_data_that_cannot_be_judged_is_refused(make_case: Callable[[int], Any]) -> None:
    case = make_case(1)
    lists, truth = case.lists(5), case.truth
    with pytest.raises(ConfigError, match="auc needs a score for every item"):
        evaluate_lists(lists, truth, ["auc"])
    with pytest.raises(DataError, match="needs ratings or weights as grades"):
        evaluate_lists(lists, replace(truth, columns=Columns()), ["ndcg-graded@5"])
    negative = sparse.csr_array(truth.target)
    negative.data = negative.data - 3
    with pytest.raises(DataError, match="grades of 0 or more"):
        evaluate_lists(lists, replace(truth, target=negative), ["ndcg-exp@5"])
    empty = replace(truth, history=sparse.csr_array(truth.history.shape, dtype=np.float32))
    with pytest.raises(DataError, match="nobody has a history"):
        evaluate_lists(lists, empty, ["miscalibration@5"], background=case.known)
    with pytest.raises(DataError, match="most histories are of the same length"):
        evaluate_lists(lists, empty, ["ndcg-gap@5"])
    with pytest.raises(DataError, match="vectors are of 3 items, the data has 30"):
        evaluate_lists(lists, truth, ["ild@5"], background=Background(vectors=np.ones((3, 2))))
    with pytest.raises(DataError, match="values that are not finite"):
        Background(vectors=np.full((30, 2), np.nan))
    with pytest.raises(DataError, match="must not be negative"):
        Background(genres=sparse.csr_array(-np.eye(3)))
    with pytest.raises(ValueError, match="2 dimensions"):
        Background(vectors=np.ones(3))
