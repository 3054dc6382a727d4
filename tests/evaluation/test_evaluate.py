"""Evaluating a model: the right users, masks, ratings and progress, whatever the blocks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import log2
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.metrics import mean_absolute_error, root_mean_squared_error

from recae.data.ids import IdIndex
from recae.data.interactions import Columns
from recae.data.split import HeldOut
from recae.errors import ConfigError, DataError, RecaeError
from recae.evaluation.background import Background
from recae.evaluation.evaluate import evaluate, evaluate_lists
from recae.evaluation.intervals import bootstrap_interval, t_interval
from recae.evaluation.judge import Judge
from recae.ranking.lists import TopN
from recae.ranking.recommend import BYTES_PER_SCORE, recommend
from recae.ranking.rules import Rules

METRICS = ("ndcg@3", "recall@3", "map@5", "coverage@3", "novelty@3", "rmse", "mae")


@dataclass
class Table:
    """Knows every user's scores by id; rows outside the table cannot be asked for."""

    scores: np.ndarray
    item_counts: np.ndarray
    n_train_users: int = 100

    @property
    def items(self) -> IdIndex:
        return IdIndex.range(self.scores.shape[1])

    def score(self, histories: sparse.csr_array, users: IdIndex | None = None) -> np.ndarray:
        assert users is not None
        return self.scores[users.values.to_numpy()]


def random_case(seed: int, n_users: int = 12, n_items: int = 9) -> tuple[Table, HeldOut]:
    random = np.random.default_rng(seed)
    kind = random.choice(3, p=[0.5, 0.25, 0.25], size=(n_users, n_items))  # neither, history, target
    kind[0] = np.where(kind[0] == 2, 0, kind[0])  # a user without any target
    kind[-1, 0] = 2
    ratings = random.integers(0, 6, size=kind.shape).astype(np.float32)
    truth = HeldOut(
        history=entries(ratings, kind == 1),
        target=entries(ratings, kind == 2),
        users=IdIndex.range(n_users),
        unknown_targets=np.where(np.arange(n_users) % 3 == 1, 1, 0),
        columns=Columns(value="rating", value_kind="rating"),
    )
    model = Table(random.normal(3, 1, size=kind.shape).astype(np.float32), random.integers(0, 50, n_items))
    return model, truth


def entries(values: np.ndarray, chosen: np.ndarray) -> sparse.csr_array:
    """The chosen cells as a matrix, ratings of 0 included."""
    row, column = np.nonzero(chosen)
    indptr = np.concatenate(([0], np.cumsum(chosen.sum(axis=1))))
    return sparse.csr_array((values[row, column], column, indptr), shape=values.shape)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 1000), st.integers(1, 2000), st.booleans())
def test_the_result_does_not_depend_on_blocks(seed: int, memory_bytes: int, exclude_seen: bool) -> None:
    model, truth = random_case(seed)
    whole = evaluate(model, truth, METRICS, exclude_seen=exclude_seen)
    blocks = evaluate(model, truth, METRICS, exclude_seen=exclude_seen, memory_bytes=memory_bytes)
    for name, values in whole.per_user.items():
        np.testing.assert_array_equal(blocks.per_user[name], values)
    assert blocks.means() == whole.means()
    assert list(whole.means()) == [*METRICS[:3], "novelty@3", "coverage@3", "rmse", "mae"]


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 1000), st.booleans())
def test_a_model_and_its_written_lists_get_the_same_figures(seed: int, exclude_seen: bool) -> None:
    model, truth = random_case(seed)
    metrics = METRICS[:5]
    counts = {"item_counts": model.item_counts, "n_train_users": model.n_train_users}
    lists = recommend(model, truth.history, 5, users=truth.users, rules=Rules(exclude_seen))
    direct = evaluate(model, truth, metrics, exclude_seen=exclude_seen)
    written = evaluate_lists(lists, truth, metrics, **counts)
    assert written.means() == direct.means()
    assert written.users == direct.users


def test_fresh_lists_are_judged_when_there_are_enough_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    model, truth = random_case(4)
    judged: list[slice] = []
    add_lists = Judge.add_lists

    def spy(self: Judge, rows: slice, lists: TopN) -> None:
        judged.append(rows)
        add_lists(self, rows, lists)

    monkeypatch.setattr(Judge, "add_lists", spy)
    memory = BYTES_PER_SCORE * truth.target.shape[1]  # for the scores of one user at a time
    found = []
    for places, expected in ((1, 1), (3 * 5, 3), (3 * 5 - 1, 3), (3 * 5 + 1, 4), (5 * 5, 5), (1000, 12)):
        monkeypatch.setattr("recae.evaluation.evaluate.JUDGED_PLACES", places)
        found.append(evaluate(model, truth, METRICS[:5], memory_bytes=memory))
        n_users = len(found[-1].users)
        assert judged == [slice(start, min(start + expected, n_users)) for start in range(0, n_users, expected)]
        judged.clear()
    for name, values in found[0].per_user.items():
        assert all(np.array_equal(other.per_user[name], values) for other in found)
    assert all(other.means() == found[0].means() for other in found)


def test_shares_are_of_the_catalogue_where_it_is_only_some_of_the_items() -> None:
    held_out = HeldOut(
        sparse.csr_array((2, 6), dtype=np.float32), sparse.csr_array(np.eye(2, 6, 1)), IdIndex.range(2), np.zeros(2)
    )
    lists = TopN(np.array([[0, 1], [0, 2]]), np.ones((2, 2), dtype=np.float32))
    names = ("coverage@1", "coverage@2", "gini@2")
    whole, four = (
        evaluate_lists(lists, held_out, names, background=Background(catalogue=size)).means() for size in (None, 4)
    )
    assert (whole["coverage@1"], whole["coverage@2"]) == (1 / 6, 1 / 2)
    assert (four["coverage@1"], four["coverage@2"]) == (1 / 4, 3 / 4)
    # Exposed 0, 1, 1, 2 times: sum over i of (2 i - n - 1) x_i / (n sum of x).
    assert four["gini@2"] == pytest.approx((-1 * 1 + 1 * 1 + 3 * 2) / (4 * 4))


def test_lists_are_judged_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    model, truth = random_case(4)
    lists = recommend(model, truth.history, 5, users=truth.users)
    whole = evaluate_lists(lists, truth, METRICS[:4])
    monkeypatch.setattr("recae.evaluation.evaluate.LIST_ROWS", 3)
    parts = evaluate_lists(lists, truth, METRICS[:4])
    assert parts.means() == whole.means()
    for name, values in whole.per_user.items():
        np.testing.assert_array_equal(parts.per_user[name], values)
    assert 0 < parts.seconds < 60
    with pytest.raises(ValueError, match="11 lists for 12 users"):
        evaluate_lists(TopN(lists.items[1:], lists.scores[1:]), truth, METRICS[:4])


@pytest.mark.parametrize("metrics", [["ndcg@3"], ["rmse", "ndcg@3"]])
def test_users_are_scored_within_the_memory_and_progress_is_told(metrics: list[str], recorder: Any) -> None:
    model, truth = random_case(5)
    result = evaluate(model, truth, metrics, memory_bytes=BYTES_PER_SCORE * 9 * 4, progress=recorder)
    assert recorder.tasks == [("Evaluating", len(result.users), "users")]
    assert recorder.done == [4, 4, len(result.users) - 8]


@pytest.mark.parametrize("exclude_seen", [True, False])
def test_lists_are_the_same_where_all_scores_are_looked_at(exclude_seen: bool) -> None:
    model, truth = random_case(13)
    lists = evaluate(model, truth, METRICS[:5], exclude_seen=exclude_seen)
    scores = evaluate(model, truth, [*METRICS[:5], "rmse", "auc"], exclude_seen=exclude_seen, memory_bytes=500)
    for name, values in lists.per_user.items():
        np.testing.assert_array_equal(scores.per_user[name], values)
    assert {name: scores.overall[name] for name in lists.overall} == lists.overall
    model.scores[4, 2] = np.nan
    row = truth.relevant_counts()[:4].astype(bool).sum()
    with pytest.raises(RecaeError, match=f"row {row} "):
        evaluate(model, truth, ["hit@3", "auc"], memory_bytes=1, exclude_seen=exclude_seen)


def test_one_rating_is_enough_and_none_is_not() -> None:
    model, truth = random_case(14, n_users=2)
    for rated in (1, 0):
        target = sparse.csr_array((np.full(rated, 3.0), ([1] * rated, [2] * rated)), shape=(2, 9))
        one = replace(truth, target=target, history=sparse.csr_array((2, 9)), unknown_targets=np.array([0, 1]))
        if rated:
            assert evaluate(model, one, ["mae"]).means()["mae"] == pytest.approx(abs(model.scores[1, 2] - 3))
        else:
            with pytest.raises(DataError, match="mae compares ratings"):
                evaluate(model, one, ["mae"])


def test_counts_of_the_caller_come_before_those_of_the_model() -> None:
    model, truth = random_case(9)
    counts = np.full(9, 10)
    assert evaluate(model, truth, ["novelty@3"], item_counts=counts).means()["novelty@3"] == pytest.approx(log2(10))
    few = evaluate(model, truth, ["novelty@3"], item_counts=counts, n_train_users=40).means()
    assert few["novelty@3"] == pytest.approx(2)
    nobody = evaluate(model, truth, ["novelty@3"], item_counts=np.zeros(9), n_train_users=0).means()
    assert nobody["novelty@3"] == 0


def test_only_users_with_targets_are_asked_for() -> None:
    model, truth = random_case(3)
    result = evaluate(model, truth, ["ndcg@5"])
    assert result.users.values.to_pylist() == np.flatnonzero(truth.relevant_counts()).tolist()
    assert 0 not in result.users.values.to_pylist()
    assert len(result.per_user["ndcg@5"]) == len(result.users)
    assert 0 < result.seconds < 60


def test_rating_errors_are_pooled_over_all_target_ratings() -> None:
    model, truth = random_case(5)
    row, column = truth.target.tocoo().coords
    true, predicted = truth.target.data, model.scores[row, column]
    result = evaluate(model, truth, ["rmse", "mae"])
    assert result.means() == pytest.approx(
        {"rmse": root_mean_squared_error(true, predicted), "mae": mean_absolute_error(true, predicted)}, abs=1e-6
    )
    assert result.per_user == {}
    assert result.rating_errors is not None
    assert result.rating_errors.pooled().count.tolist() == [truth.target.nnz]


def test_predictions_beyond_the_scale_of_the_known_ratings_count_as_its_ends_but_rank_as_they_are() -> None:
    truth = HeldOut(
        history=sparse.csr_array(np.array([[1, 0, 0], [5, 0, 0]], dtype=np.float32)),
        target=sparse.csr_array(np.array([[0, 0, 5], [0, 1, 0]], dtype=np.float32)),
        users=IdIndex.range(2),
        unknown_targets=np.zeros(2, dtype=np.int64),
        columns=Columns(value_kind="rating"),
    )
    predicted = np.array([[0, 6, 7], [0, -3, -4]], dtype=np.float32)
    result = evaluate(Table(predicted, np.ones(3)), truth, ["rmse", "mae", "hit@1"])
    assert result.means() == {"hit@1": 1, "rmse": 0, "mae": 0}


def test_the_per_user_table_has_the_users_own_errors() -> None:
    truth = HeldOut(
        history=sparse.csr_array((3, 2), dtype=np.float32),
        target=sparse.csr_array(np.array([[5, 1], [2, 0], [0, 0]], dtype=np.float32)),
        users=IdIndex.range(3),
        unknown_targets=np.array([0, 0, 1]),
        columns=Columns(value_kind="rating"),
    )
    model = Table(np.full((3, 2), 2.0, dtype=np.float32), np.ones(2))
    result = evaluate(model, truth, ["rmse", "mae", "hit@1"])
    table = result.to_arrow("who").to_pydict()
    assert table == {
        "who": [0, 1, 2],
        "hit@1": [1, 1, 0],
        "rmse": [pytest.approx(5**0.5), 0, None],
        "mae": [2, 0, None],
    }
    assert result.means()["rmse"] == pytest.approx((10 / 3) ** 0.5)
    assert result.means()["mae"] == pytest.approx(4 / 3)


def test_ratings_are_asked_of_targets_that_have_them() -> None:
    model, truth = random_case(6)
    plain = HeldOut(truth.history, truth.target, truth.users, truth.unknown_targets)
    with pytest.raises(DataError, match="rmse compares ratings"):
        evaluate(model, plain, ["ndcg@5", "rmse"])


def test_the_models_scores_are_not_written_to() -> None:
    model, truth = random_case(7)
    before = model.scores.copy()
    evaluate(model, truth, METRICS)
    np.testing.assert_array_equal(model.scores, before)


def test_intervals_hold_the_figure_and_agree_with_each_metric_alone() -> None:
    model, truth = random_case(8, n_users=200)
    result = evaluate(model, truth, METRICS)
    intervals = result.intervals(resamples=300, seed=1)
    assert list(intervals) == [*METRICS[:3], "novelty@3", "rmse", "mae"]
    for name, (low, high) in intervals.items():
        assert low < result.means()[name] < high
    for name, values in result.per_user.items():
        assert intervals[name] == pytest.approx(bootstrap_interval(values, resamples=300, seed=1), abs=1e-12)
    assert evaluate(model, truth, ["coverage@3"]).intervals() == {}
    assert result.intervals() == result.intervals(level=0.95, resamples=1000, seed=42)
    of_ratings = evaluate(model, truth, ["rmse", "mae"]).intervals(resamples=300, seed=1)
    assert of_ratings == {name: intervals[name] for name in ("rmse", "mae")}
    for level in (0.8, 0.95):
        by_student = {name: t_interval(values, level=level) for name, values in result.per_user.items()}
        assert result.t_intervals(level=level) == by_student
    assert result.t_intervals() == result.t_intervals(level=0.95)
    assert result.to_arrow().column_names == ["user_id", *METRICS[:3], "novelty@3", "rmse", "mae"]


def test_novelty_takes_the_models_counts_or_the_callers() -> None:
    model, truth = random_case(9)
    own = evaluate(model, truth, ["novelty@3"]).means()["novelty@3"]
    everywhere = {"item_counts": np.full(9, 25), "n_train_users": 100}
    assert evaluate(model, truth, ["novelty@3"], **everywhere).means()["novelty@3"] == 2
    assert own != 2


def test_mistakes_are_found_before_any_scoring() -> None:
    model, truth = random_case(10)
    with pytest.raises(ConfigError, match="did you mean ndcg@10"):
        evaluate(model, truth, ["ndgc@10"])
    with pytest.raises(ConfigError, match="at least one metric"):
        evaluate(model, truth, [])
    with pytest.raises(DataError, match="no user with a target"):
        evaluate(model, truth.select(np.array([0])), ["ndcg@10"])
    wider = Table(np.zeros((12, 11), dtype=np.float32), np.ones(11))
    with pytest.raises(DataError, match="9 items and the model over 11"):
        evaluate(wider, truth, ["ndcg@10"])


def test_a_diverged_model_is_named_by_its_row() -> None:
    model, truth = random_case(11)
    model.scores[4, 2] = np.nan
    row = truth.relevant_counts()[:4].astype(bool).sum()
    with pytest.raises(RecaeError, match=f"nan.* row {row} "):
        evaluate(model, truth, ["ndcg@10"], memory_bytes=1)
