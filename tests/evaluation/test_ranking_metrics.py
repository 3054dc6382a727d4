"""Ranking metrics against fractions worked out by hand, bounds, and scikit-learn."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.metrics import ndcg_score

from recae.data.ids import IdIndex
from recae.data.split import HeldOut
from recae.errors import ConfigError, DataError
from recae.evaluation import ranking_metrics
from recae.evaluation.evaluate import evaluate_lists
from recae.evaluation.ranking_metrics import MARKED, MARKED_ITEMS, judge, self_information
from recae.evaluation.result import Evaluation
from recae.ranking.lists import TopN

PER_USER = ("recall", "trecall", "precision", "ndcg", "map", "mrr", "hit")


def held_out(targets: list[list[int]], n_items: int, unknown: list[int] | None = None) -> HeldOut:
    indptr = np.concatenate(([0], np.cumsum([len(items) for items in targets]))).astype(int)
    indices = np.array([item for items in targets for item in sorted(items)], dtype=np.int32)
    shape = (len(targets), n_items)
    return HeldOut(
        history=sparse.csr_array(shape, dtype=np.float32),
        target=sparse.csr_array((np.ones(len(indices), dtype=np.float32), indices, indptr), shape=shape),
        users=IdIndex.range(len(targets)),
        unknown_targets=np.array(unknown or [0] * len(targets), dtype=np.int64),
    )


def top(lists: list[list[int]]) -> TopN:
    width = max(map(len, lists), default=0)
    items = np.array([row + [-1] * (width - len(row)) for row in lists], dtype=np.int64).reshape(len(lists), width)
    return TopN(items, np.where(items >= 0, 1.0, np.nan).astype(np.float32))


def judged(
    lists: list[list[int]], truth: HeldOut, *metrics: str, counts: list[int] | None = None, n: int | None = None
) -> Evaluation:
    return evaluate_lists(
        top(lists), truth, metrics, item_counts=None if counts is None else np.array(counts), n_train_users=n
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        # The list 4 0 7 2 5 against the targets {0, 2, 9}: hits at the places 2 and 4.
        ("recall@5", 2 / 3),
        ("recall@2", 1 / 3),
        ("trecall@5", 2 / 3),
        ("trecall@2", 1 / 2),
        ("precision@5", 2 / 5),
        ("precision@8", 2 / 8),
        ("ndcg@5", (1 / log2(3) + 1 / log2(5)) / (1 + 1 / log2(3) + 1 / log2(4))),
        ("ndcg@2", (1 / log2(3)) / (1 + 1 / log2(3))),
        ("ndcg@1", 0),
        ("map@5", (1 / 2 + 2 / 4) / 3),
        ("map@2", (1 / 2) / 2),
        ("mrr@5", 1 / 2),
        ("mrr@1", 0),
        ("hit@2", 1),
        ("hit@1", 0),
        ("coverage@5", 5 / 10),
        ("coverage@2", 2 / 10),
        # Counts of the items 4 and 0 are 2 and 0 (counted as 1) of 8 users: 2 and 3 bits.
        ("novelty@2", (2 + 3) / 2),
        ("novelty@1", 2),
    ],
)
def test_values_worked_out_by_hand(name: str, value: float) -> None:
    counts = [0, 1, 1, 1, 2, 1, 1, 1, 1, 1]
    truth = held_out([[0, 2, 9]], 10)
    assert judged([[4, 0, 7, 2, 5]], truth, name, counts=counts, n=8).means()[name] == pytest.approx(value, abs=1e-12)


def test_targets_that_training_never_saw_count_as_relevant() -> None:
    means = judged([[0, 1]], held_out([[0]], 3, unknown=[3]), "recall@2", "trecall@2", "ndcg@2", "map@2").means()
    ideal = 1 + 1 / log2(3)
    assert means == pytest.approx({"recall@2": 1 / 4, "trecall@2": 1 / 2, "ndcg@2": 1 / ideal, "map@2": 1 / 2})


def test_a_user_with_only_unknown_targets_counts_zero() -> None:
    result = judged([[0], [1]], held_out([[], [1]], 3, unknown=[2, 0]), "recall@5", "ndcg@5")
    assert result.per_user["recall@5"].tolist() == [0, 1]
    assert result.means()["ndcg@5"] == 1 / 2


def test_users_without_targets_are_left_out() -> None:
    result = judged([[0], [1], [2]], held_out([[0], [], [0]], 3), "hit@1", "coverage@1")
    assert result.users.values.to_pylist() == [0, 2]
    assert result.per_user["hit@1"].tolist() == [1, 0]
    assert result.means()["coverage@1"] == pytest.approx(2 / 3), "only lists that were judged cover anything"


def test_a_short_list_keeps_its_denominators() -> None:
    means = judged([[1]], held_out([[0, 1]], 4), "precision@10", "recall@10", "map@10", "ndcg@10").means()
    assert means == pytest.approx(
        {"precision@10": 1 / 10, "recall@10": 1 / 2, "map@10": 1 / 2, "ndcg@10": 1 / (1 + 1 / log2(3))}
    )


def test_a_user_without_a_list_counts_zero() -> None:
    metrics = [f"{name}@3" for name in PER_USER]
    for lists in ([[], [0]], [[], []]):
        result = judged(lists, held_out([[0], [0]], 2), *metrics, "novelty@3", counts=[2, 1], n=4)
        assert {name: values[0] for name, values in result.per_user.items()} == dict.fromkeys(
            [*metrics, "novelty@3"], 0
        )


def test_an_unknown_item_in_a_list_keeps_its_place_and_never_hits() -> None:
    # Position 3 of 3 items must not be taken for item 0 of the next user, which is a target.
    truth = held_out([[1], [0]], 3)
    result = judged([[3, 1], [7, 5]], truth, "mrr@2", "hit@2", "coverage@2", "novelty@2", counts=[4, 4, 4], n=4)
    assert result.per_user["mrr@2"].tolist() == [1 / 2, 0]
    assert result.means()["coverage@2"] == pytest.approx(1 / 3)
    assert result.per_user["novelty@2"].tolist() == [1, 2], "an item nobody had counts as if one of four users had it"


@pytest.mark.parametrize("strange", range(3, 12))
def test_no_unknown_item_is_taken_for_a_known_one(strange: int) -> None:
    for target in range(3):
        assert judged([[strange]], held_out([[target]], 3), "hit@1").means() == {"hit@1": 0}


def test_novelty_needs_counts() -> None:
    with pytest.raises(ConfigError, match="novelty@5 needs to know how many training users"):
        judged([[0]], held_out([[0]], 1), "novelty@5")


def test_an_item_that_everybody_had_says_nothing() -> None:
    assert self_information(np.array([1]), 1).tolist() == [0, 0]
    assert self_information(np.array([4, 1]), 4).tolist() == [0, 2, 2]
    assert self_information(np.array([0]), 0).tolist() == [0, 0]


def test_lists_have_no_ratings() -> None:
    with pytest.raises(ConfigError, match="rmse compares predicted ratings"):
        judged([[0]], held_out([[0]], 1), "ndcg@1", "rmse")


def test_nobody_with_a_target_is_an_error() -> None:
    with pytest.raises(DataError, match="no user with a target"):
        judged([[0]], held_out([[]], 1), "ndcg@1")


@st.composite
def judgements(draw: st.DrawFn) -> tuple[list[list[int]], HeldOut, int]:
    n_items = draw(st.integers(1, 12))
    n_users = draw(st.integers(1, 6))
    item = st.integers(0, n_items - 1)
    targets = [draw(st.lists(item, unique=True, min_size=1)) for _ in range(n_users)]
    lists = [draw(st.lists(item, unique=True)) for _ in range(n_users)]
    unknown = [draw(st.integers(0, 3)) for _ in range(n_users)]
    return lists, held_out(targets, n_items, unknown), draw(st.integers(1, 15))


def by_the_formula(lists: list[list[int]], truth: HeldOut, k: int) -> dict[str, list[float]]:
    """The formulas of the documentation, one user and one place at a time."""
    values: dict[str, list[float]] = {f"{name}@{k}": [] for name in PER_USER}
    for user, listed in enumerate(lists):
        targets = set(truth.target[[user]].indices.tolist())
        relevant = len(targets) + int(truth.unknown_targets[user])
        hits = [item in targets for item in listed[:k]]
        best = min(k, relevant)
        precisions = [sum(hits[: i + 1]) / (i + 1) for i, hit in enumerate(hits) if hit]
        gains = [1 / log2(i + 2) for i, hit in enumerate(hits) if hit]
        values[f"recall@{k}"].append(sum(hits) / relevant)
        values[f"trecall@{k}"].append(sum(hits) / best)
        values[f"precision@{k}"].append(sum(hits) / k)
        values[f"ndcg@{k}"].append(sum(gains) / sum(1 / log2(i + 2) for i in range(best)))
        values[f"map@{k}"].append(sum(precisions) / best)
        values[f"mrr@{k}"].append(1 / (hits.index(True) + 1) if any(hits) else 0)
        values[f"hit@{k}"].append(float(any(hits)))
    return values


@settings(deadline=None, max_examples=200)
@given(judgements())
def test_agrees_with_the_formulas_and_stays_in_bounds(judgement: tuple[list[list[int]], HeldOut, int]) -> None:
    lists, truth, k = judgement
    result = judged(lists, truth, *[f"{name}@{k}" for name in PER_USER])
    for name, expected in by_the_formula(lists, truth, k).items():
        np.testing.assert_allclose(result.per_user[name], expected, rtol=0, atol=1e-12)
        assert (result.per_user[name] >= 0).all()
        assert (result.per_user[name] <= 1 + 1e-12).all()


@settings(deadline=None, max_examples=50)
@given(judgements())
def test_all_cutoffs_in_one_pass_are_the_same_as_each_alone(judgement: tuple[list[list[int]], HeldOut, int]) -> None:
    lists, truth, k = judgement
    names = [f"{name}@{cut}" for name in (*PER_USER, "coverage") for cut in (1, k, k + 3)]
    together = judged(lists, truth, *names).means()
    for name in names:
        assert judged(lists, truth, name).means()[name] == together[name]


def test_a_perfect_list_is_worth_one_and_a_disjoint_list_nothing() -> None:
    truth = held_out([[0, 3], [2, 5, 6], [1]], 8)
    full = [f"{name}@3" for name in ("trecall", "ndcg", "map", "mrr", "hit", "recall")]
    perfect = judged([[3, 0, 7], [6, 2, 5], [1, 0]], truth, *full).means()
    assert perfect == pytest.approx(dict.fromkeys(full, 1.0), abs=1e-12)
    disjoint = judged([[1, 2, 4], [0, 1, 3], [0]], truth, *full).means()
    assert disjoint == dict.fromkeys(full, 0.0)


@pytest.mark.parametrize("k", [1, 5, 40, 60])
def test_ndcg_agrees_with_scikit_learn(k: int) -> None:
    random = np.random.default_rng(k)
    relevance = random.random((50, 40)) < 0.1
    relevance[np.arange(50), random.integers(0, 40, 50)] = True
    scores = random.permuted(np.tile(np.arange(40.0), (50, 1)), axis=1)
    lists = np.argsort(-scores, axis=1).tolist()
    truth = held_out([np.flatnonzero(row).tolist() for row in relevance], 40)
    assert judged(lists, truth, f"ndcg@{k}").means()[f"ndcg@{k}"] == pytest.approx(
        ndcg_score(relevance, scores, k=k), abs=1e-9
    )


@settings(deadline=None, max_examples=150)
@given(st.data())
def test_hits_are_found_whatever_the_size_of_the_table_in_which_targets_are_marked(data: st.DataObject) -> None:
    random = np.random.default_rng(data.draw(st.integers(0, 2**32)))
    n_users, n_items, width = (data.draw(st.integers(1, most)) for most in (9, 80, 12))
    target = sparse.csr_array(random.random((n_users, n_items)) < data.draw(st.sampled_from([0.02, 0.3, 1.0])))
    unknown = data.draw(st.sampled_from([0, 1, 200]))
    items = random.integers(-1, n_items + unknown, (n_users, width))
    expected = [[item in target[[user]].indices for item in row] for user, row in enumerate(items)]
    columns, marked = data.draw(st.sampled_from([(1, 1), (4, 9), (16, 64), (MARKED_ITEMS, MARKED)]))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ranking_metrics, "MARKED_ITEMS", columns)
        patch.setattr(ranking_metrics, "MARKED", marked)
        found = judge(TopN(items, np.zeros(items.shape, dtype=np.float32)), target, np.ones(n_users, dtype=np.int64))
    assert found.hits.tolist() == expected


@pytest.mark.parametrize("n_items", [1, 3, 4, 15, 16, 17, 80])
@pytest.mark.parametrize(("columns", "marked"), [(1, 1), (4, 9), (16, 64), (MARKED_ITEMS, MARKED)])
def test_hits_are_found_in_tables_of_any_size(
    n_items: int, columns: int, marked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ranking_metrics, "MARKED_ITEMS", columns)
    monkeypatch.setattr(ranking_metrics, "MARKED", marked)
    random = np.random.default_rng(n_items)
    target = sparse.csr_array(random.random((9, n_items)) < 0.3)
    for most in (n_items - 1, n_items, n_items + 40):
        items = random.integers(-1, most, (9, 12)) if most else np.full((9, 12), -1)
        expected = [[item in target[[user]].indices for item in row] for user, row in enumerate(items)]
        found = judge(TopN(items, np.zeros(items.shape, dtype=np.float32)), target, np.ones(9, dtype=np.int64))
        assert found.hits.tolist() == expected


def test_a_target_in_the_same_column_of_the_table_is_no_hit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ranking_metrics, "MARKED_ITEMS", 1)
    truth = held_out([[0], [1]], 2)
    found = judged([[1, 0], [0]], truth, "mrr@2")
    assert found.per_user["mrr@2"].tolist() == [1 / 2, 0]
    assert judged([[1]], held_out([[0]], 2), "hit@1").per_user["hit@1"].tolist() == [0]


def test_unknown_items_cover_nothing() -> None:
    for listed, covered in (([3, 4], 0), ([3, 1], 1), ([0, 9], 1), ([2], 1)):
        assert judged([listed], held_out([[0]], 3), "coverage@2").means()["coverage@2"] == pytest.approx(covered / 3)


def test_items_of_a_wide_catalogue_that_share_a_column_are_told_apart() -> None:
    truth = held_out([[5, 70_000], [4_101]], 100_000)
    result = judged([[5 + MARKED_ITEMS, 5, 100_005], [5, 4_101 + MARKED_ITEMS, 4_101]], truth, "mrr@3", "coverage@2")
    assert result.per_user["mrr@3"].tolist() == [1 / 2, 1 / 3]
    assert result.means()["coverage@2"] == pytest.approx(3 / 100_000)
