"""Quality gates: what passes, what fails, what is said, and how often chance alone decides."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recae.data.ids import IdIndex
from recae.errors import ConfigError, DataError
from recae.evaluation.gates import Candidate, Former, GateResult, check_gates
from recae.evaluation.gates_bounds import Bound, parse_bound
from recae.evaluation.gates_figures import aligned
from recae.evaluation.rating_metrics import RatingErrors
from recae.evaluation.result import Evaluation

METRIC = "ndcg@10"


def judged(values: Any, **overall: float) -> Evaluation:
    values = np.asarray(values, dtype=np.float64)
    return Evaluation(IdIndex.range(len(values)), {METRIC: values}, overall)


def alone(evaluation: Evaluation) -> Candidate:
    return Candidate("ease", {"ease": evaluation})


def bounded(value: float, bound: Bound) -> GateResult:
    return check_gates(alone(Evaluation(IdIndex.range(3), {}, {bound.metric: value})), (), bounds=[bound])[0]


# Bounds


@pytest.mark.parametrize(
    ("text", "upper", "sentence"),
    [
        ("ndcg@10", False, "must be written METRIC=NUMBER, e.g. --fail-under ndcg@100=0.30"),
        ("ndcg@10=", False, "must be written METRIC=NUMBER"),
        ("ndcg@10=nan", False, "must be written METRIC=NUMBER"),
        ("ndcg@10=inf", False, "must be written METRIC=NUMBER"),
        ("rmse=1e999", True, "1e999 is too large a number"),
        ("ndcg@10=0.3=0.4", False, "must be written METRIC=NUMBER"),
        ("hr@10=0.3", False, "did you mean hit@10"),
        ("ndcg=0.3", False, "ndcg needs a cut-off"),
        ("rmse=0.9", False, "lower is better of rmse; write --fail-over rmse=0.9"),
        ("ndcg@10=0.9", True, "higher is better of ndcg@10; write --fail-under ndcg@10=0.9"),
        ("ndcg@10=30", False, r"lies between 0 and 1; did you mean ndcg@10=0\.3\?"),
        ("ndcg@10=-0.1", False, "lies between 0 and 1"),
    ],
)
def test_a_bound_that_cannot_be_meant_is_refused(text: str, upper: bool, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        parse_bound(text, upper=upper)


def test_a_metric_without_a_better_side_can_be_bounded_on_both() -> None:
    assert parse_bound("Novelty@10=5", upper=False) == Bound("novelty@10", 5.0, upper=False)
    assert parse_bound("popularity-lift@10=.5", upper=True).upper
    assert str(parse_bound("rmse=0.90", upper=True)) == "fail-over rmse=0.9"


@given(st.floats(0, 1), st.floats(0, 1), st.booleans())
def test_a_bound_passes_on_its_own_side_only(value: float, limit: float, upper: bool) -> None:
    found = bounded(value, Bound("gini@10", limit, upper))
    if abs(value - limit) > 1e-12:
        assert found.passed is (value < limit if upper else value > limit)
    else:
        assert found.passed
    assert found.reason.count("gini@10") == 1
    assert found.reason.endswith(".")


@given(st.sampled_from([math.nan, math.inf, -math.inf]), st.booleans())
def test_what_is_not_finite_passes_nothing(value: float, upper: bool) -> None:
    found = bounded(value, Bound("novelty@10", 1.0, upper))
    assert not found.passed
    assert found.value is None
    own, other = judged([0.9, value, 0.9] * 9), judged([0.1, 0.1, 0.1] * 9)
    pair = Candidate("ease", {"ease": own, "ials": other}, ["ials"])
    assert not any(gate.passed for gate in check_gates(pair, [METRIC], former=Former("before", other)))
    turned = Candidate("ials", {"ials": other, "ease": own}, ["ease"])
    assert not any(gate.passed for gate in check_gates(turned, [METRIC], former=Former("before", own)))


def test_a_figure_and_its_bound_are_told_apart() -> None:
    assert bounded(0.299999, Bound(METRIC, 0.3, upper=False)).reason == "ndcg@10 of ease is 0.299999, under 0.3."
    assert bounded(0.3, Bound(METRIC, 0.3, upper=False)).reason == "ndcg@10 of ease is 0.3000, not under 0.3."


# Beating others


def test_a_clear_lead_passes_and_the_reason_has_the_figures() -> None:
    random = np.random.default_rng(0)
    base = random.random(200) * 0.5
    pair = Candidate("ease", {"ease": judged(base + 0.1 * random.random(200)), "ials": judged(base)}, ["ials"])
    (found,) = check_gates(pair, [METRIC])
    assert found.passed
    assert found.reason.startswith("ease beats ials by 0.05")
    assert (found.name, found.metric) == ("require-beats ials", METRIC)
    (turned,) = check_gates(Candidate("ials", pair.figures, ["ease"]), [METRIC])
    assert not turned.passed
    assert turned.reason.startswith("ials is behind ease by 0.05")


def test_four_users_are_never_enough() -> None:
    (found,) = check_gates(Candidate("a", {"a": judged([1.0] * 4), "b": judged([0.0] * 4)}, ["b"]), [METRIC])
    assert not found.passed
    assert "not significantly (p = 0.125)" in found.reason


def test_nothing_beats_itself_or_its_like() -> None:
    same = judged(np.random.default_rng(1).random(50))
    found = check_gates(Candidate("a", {"a": same, "b": same}, ["a", "b"]), [METRIC])
    assert [gate.passed for gate in found] == [False, False]
    assert "a itself comes first" in found[0].reason
    assert "no better than b" in found[1].reason


def test_the_error_of_ratings_is_tested_by_what_it_is_made_of() -> None:
    random = np.random.default_rng(2)
    errors = random.normal(size=(2, 300, 5)) * np.array([0.8, 1.0])[:, None, None]
    both = {}
    for name, own in zip(("good", "bad"), errors, strict=True):
        sums = RatingErrors((own**2).sum(1), np.abs(own).sum(1), np.full(300, 5.0))
        pooled = {"rmse": float(np.sqrt((own**2).mean())), "mae": float(np.abs(own).mean())}
        both[name] = Evaluation(IdIndex.range(300), {}, pooled, rating_errors=sums)
    assert all(gate.passed for gate in check_gates(Candidate("good", both, ["bad"]), ["rmse", "mae"]))
    assert not any(gate.passed for gate in check_gates(Candidate("bad", both, ["good"]), ["rmse", "mae"]))


def test_a_metric_of_all_lists_beats_nothing() -> None:
    both = {name: judged([0.1, 0.2], **{"coverage@10": 0.5}) for name in "ab"}
    with pytest.raises(ValueError, match="cannot be tested over users"):
        check_gates(Candidate("a", both, ["b"]), ["coverage@10"])


def passes(models: int, users: int, random: np.random.Generator, *, chosen: bool, beaten: int = 1) -> bool:
    """Whether one of `models` models, none better than another, passes for better than the first `beaten` of them."""
    shared = random.beta(1, 3, size=users)
    values = np.clip(shared + random.normal(scale=0.2, size=(models, users)), -1, 2)
    found = {f"m{number}": judged(own) for number, own in enumerate(values)}
    names = list(found)
    name = max(names, key=lambda one: found[one].per_user[METRIC].mean()) if chosen else names[-1]
    results = check_gates(Candidate(name, found, names[:beaten], chosen), [METRIC], seed=int(random.integers(2**31)))
    return any(gate.passed for gate in results)


@pytest.mark.parametrize(
    ("models", "chosen", "beaten", "claimed"), [(2, False, 1, 0.025), (6, True, 1, 0.05), (4, False, 3, 0.05)]
)
def test_chance_passes_for_better_as_rarely_as_is_claimed(
    models: int, chosen: bool, beaten: int, claimed: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recae.evaluation.gates_figures.affordable_flips", lambda _: 399)
    random, trials = np.random.default_rng(3), 1200
    found = np.mean([passes(models, 40, random, chosen=chosen, beaten=beaten) for _ in range(trials)])
    error = np.sqrt(claimed * (1 - claimed) / trials)
    assert found <= claimed + 2.6 * error
    if models == 2:  # a single test is not only safe, it is used up
        assert found >= claimed - 2.6 * error


# Keeping former figures


def keeping(now: Evaluation, before: Evaluation, tolerance: float) -> GateResult:
    return check_gates(alone(now), [METRIC], former=Former("last.parquet", before, tolerance))[0]


def test_a_drop_within_the_tolerance_passes_and_a_clear_one_beyond_it_fails() -> None:
    random = np.random.default_rng(4)
    before = random.random(300)
    noise = random.normal(scale=0.02, size=300)
    slight, clear = judged(before - 0.004 + noise), judged(before - 0.02 + noise)
    assert keeping(slight, judged(before), 0.005).passed
    assert keeping(clear, judged(before), 0.03).passed
    found = keeping(clear, judged(before), 0.005)
    assert not found.passed
    assert "significantly worse by more than the tolerated 0.005 (p < 0.001)" in found.reason
    assert keeping(judged(before + 0.5), judged(before), 0.0).reason.endswith(": no worse.")


def test_a_drop_that_chance_may_have_made_passes_and_says_so() -> None:
    found = keeping(judged([0.1, 0.9, 0.2, 0.1]), judged([0.9, 0.1, 0.6, 0.2]), 0.005)
    assert found.passed
    assert "but not significantly" in found.reason


@pytest.mark.parametrize("drop", [0.0, 0.02])
def test_a_drop_of_just_the_tolerance_fails_as_rarely_as_is_claimed(
    drop: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recae.evaluation.gates_figures.affordable_flips", lambda _: 399)
    random, trials = np.random.default_rng(5), 1200
    alarms = 0
    for _ in range(trials):
        before = random.random(60)
        now = before - drop + random.normal(scale=0.1, size=60)
        alarms += not keeping(judged(now), judged(before), drop).passed
    assert alarms / trials <= 0.025 + 2.6 * np.sqrt(0.025 * 0.975 / trials)
    assert alarms


def test_means_alone_are_held_to_the_tolerance_itself() -> None:
    def only(value: float) -> Evaluation:
        return Evaluation(IdIndex.range(0), {}, {METRIC: value})

    now = judged([0.3, 0.5])
    assert keeping(now, only(0.4), 0.0).passed
    assert keeping(now, only(0.405), 0.005).passed
    found = keeping(now, only(0.406), 0.005)
    assert not found.passed
    assert "there are no values per user to test" in found.reason


def test_less_error_is_no_worse() -> None:
    now, before = (Evaluation(IdIndex.range(2), {}, {"rmse": value}) for value in (0.8, 0.9))
    assert check_gates(alone(now), ["rmse"], former=Former("before", before, 0.0))[0].passed
    assert not check_gates(alone(before), ["rmse"], former=Former("before", now, 0.05))[0].passed


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=30), st.floats(0, 0.5))
def test_more_tolerance_never_fails_what_passed(pairs: list[tuple[float, float]], tolerance: float) -> None:
    now, before = (judged(values) for values in zip(*pairs, strict=True))
    means = Evaluation(IdIndex.range(0), {}, {METRIC: float(before.per_user[METRIC].mean())})
    if keeping(now, means, tolerance).passed:
        assert keeping(now, before, tolerance).passed
        assert keeping(now, means, tolerance + 0.1).passed


# The same users


def test_users_are_found_in_whatever_order_and_type() -> None:
    own = judged([0.1, 0.2, 0.3])
    other = Evaluation(IdIndex.of(["2", "0", "1"]), {METRIC: np.array([3.0, 1.0, 2.0])})
    assert aligned(other, own.users, "other.csv").per_user[METRIC].tolist() == [1.0, 2.0, 3.0]


@pytest.mark.parametrize("ids", [["0", "1"], ["0", "1", "2", "3"], ["0", "1", "x"]])
def test_other_users_are_refused(ids: list[str]) -> None:
    other = Evaluation(IdIndex.of(ids), {METRIC: np.zeros(len(ids))})
    with pytest.raises(DataError, match=r"other.csv was judged on \d users, this on 3 users, and [23] of them"):
        aligned(other, judged([0.1, 0.2, 0.3]).users, "other.csv")
