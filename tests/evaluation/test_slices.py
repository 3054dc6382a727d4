"""Slices: groups with exact bounds, figures that agree with a slow count, intervals that hold the truth."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from recae.data.split import NO_TIME
from recae.errors import DataError
from recae.evaluation.background import Background
from recae.evaluation.evaluate import evaluate, evaluate_lists
from recae.evaluation.found import NEW
from recae.evaluation.slice_groups import (
    DASH,
    MOST_VALUES,
    OTHER,
    WITHOUT,
    ItemGroups,
    Slicing,
    by_history,
    by_popularity,
    by_ranges,
    by_time,
    by_values,
)
from recae.evaluation.slices import ALL, LEAST_USERS, FoundSums, Slice, SliceGroup, mean_of

DAY = 86_400_000_000
METRICS = ["ndcg@5", "recall@5", "hit@3"]


def histories(lengths: list[int]) -> sparse.csr_array:
    cells = np.arange(max([*lengths, 1]))[None, :] < np.array(lengths)[:, None]
    return sparse.csr_array(cells.astype(np.float32))


def plain(labels: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(label.replace(DASH, "-") for label in labels)


def sizes(groups: ItemGroups) -> dict[str, int]:
    return dict(zip(groups.labels, np.asarray(groups.members.sum(axis=0)).tolist(), strict=True))


def group(slices: tuple[Slice, ...], name: str, label: str) -> SliceGroup:
    (found,) = (one for part in slices if part.name == name for one in part.groups if one.label == label)
    return found


def test_quarters_of_histories_have_their_exact_bounds_in_the_label() -> None:
    found = by_history(histories([1, 2, 3, 4, 10, 20, 30, 40]))
    assert plain(found.labels) == ("1-2 items", "3-4 items", "10-20 items", "30-40 items")
    assert found.codes.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


def test_equal_histories_stay_together_and_empty_ones_stand_alone() -> None:
    found = by_history(histories([5, 5, 5, 5, 5, 0, 9]))
    assert found.labels == ("no history", "5 items", "9 items")
    assert found.codes.tolist() == [1, 1, 1, 1, 1, 0, 2]
    assert by_history(histories([0, 0])).labels == ("no history",)
    assert by_history(histories([7])).labels == ("7 items",)


@given(st.lists(st.integers(0, 12), min_size=1, max_size=60))
def test_every_user_is_in_the_group_whose_bounds_hold_the_history(lengths: list[int]) -> None:
    found = by_history(histories(lengths))
    bounds = []
    for label in found.labels:
        numbers = [
            int(part) for part in label.removesuffix(" items").removesuffix(" item").split(DASH) if part.isdigit()
        ]
        bounds.append((numbers[0], numbers[-1]) if numbers else (0, 0))
    assert all(bounds[code][0] <= length <= bounds[code][1] for code, length in zip(found.codes, lengths, strict=True))
    assert bounds == sorted(bounds)
    assert len(found.labels) <= 5
    assert all(one[1] < other[0] for one, other in pairwise(bounds))


def test_times_are_days_or_hours_where_days_do_not_tell_groups_apart() -> None:
    days = by_time(np.arange(8) * DAY)
    assert plain(days.labels)[0] == "1970-01-01 - 1970-01-02"
    hours = by_time(np.arange(8) * DAY // 24)
    assert plain(hours.labels)[0] == "1970-01-01 00:00 - 1970-01-01 01:00"
    assert by_time(np.array([2001, 2002]), plain_numbers=True).labels == ("2001", "2002")
    some = by_time(np.array([NO_TIME, DAY]))
    assert (some.labels, some.codes.tolist()) == (("1970-01-02",), [-1, 0])
    assert by_time(np.array([np.iinfo(np.int64).max, 5])).labels[1] == str(np.iinfo(np.int64).max)


def test_head_holds_half_and_tail_the_last_fifth_of_the_interactions() -> None:
    counts = np.array([10, 40, 30, 5, 5, 5, 5])  # 100 in all
    found = by_popularity(counts)
    # 40 lie before the item of 30, less than half; 80 before those of 5.
    assert sizes(found) == {
        f"head: 2 items with 30{DASH}40 users": 2,
        "torso: 1 item with 10 users": 1,
        "tail: 4 items with 5 users": 4,
    }


@given(st.lists(st.integers(0, 30), min_size=1, max_size=50))
def test_popularity_groups_keep_their_definition(counts: list[int]) -> None:
    array = np.array(counts)
    found = by_popularity(array)
    group_of = np.asarray(found.members.argmax(axis=1)).ravel()
    assert np.asarray(found.members.sum(axis=1)).tolist() == [1] * len(counts)
    kind = {name: at for at, name in enumerate(label.partition(":")[0] for label in found.labels)}
    total = max(array.sum(), 1)
    for count, code in zip(counts, group_of.tolist(), strict=True):
        before = array[array > count].sum() * 10
        wanted = "head" if before < 5 * total else "torso" if before < 8 * total else "tail"
        assert kind[wanted] == code


def test_values_beyond_the_most_are_others_and_items_may_have_several() -> None:
    many = [[f"v{i}"] for i in range(MOST_VALUES + 3)] + [["v0", "v1", "v1"], []]
    counts = np.arange(len(many), 0, -1)
    found = by_values("kind", many, counts)
    assert found.labels == (*(f"v{i}" for i in range(MOST_VALUES)), OTHER, WITHOUT)
    assert (sizes(found)["v0"], sizes(found)["v1"], sizes(found)[OTHER], sizes(found)[WITHOUT]) == (2, 2, 3, 1)
    assert "several values" in found.definition
    few = by_values("kind", [["b"], ["a"], ["b"]])
    assert few.labels[:2] == ("b", "a")
    assert "several" not in few.definition


def test_numbers_are_cut_into_ranges_of_about_equal_weight() -> None:
    found = by_ranges("year", np.array([1990.0, 1991, 1992, 1993, np.nan]), np.array([1, 1, 1, 1, 9]))
    assert found.labels == ("1990", "1991", "1992", "1993", WITHOUT)
    heavy = by_ranges("price", np.array([0.5, 1.5, 2.5, 3.5]), np.array([97, 1, 1, 1]))
    assert plain(heavy.labels) == ("0.5", "1.5-3.5", WITHOUT)
    assert by_ranges("year", np.array([np.nan, np.nan])).labels == (WITHOUT,)


def slicing(case: Any, seed: int) -> Slicing:
    random = np.random.default_rng(seed)
    n_items = len(case.model.items)
    kinds = [[f"k{i}" for i in np.flatnonzero(random.random(3) < 0.4)] for _ in range(n_items)]
    of_items = (by_popularity(case.known.item_counts), by_values("kind", kinds, case.known.item_counts))
    return Slicing((by_history(case.truth.history),), of_items)


@pytest.mark.parametrize("seed", range(4))
def test_figures_agree_with_a_slow_count(make_case: Callable[[int], Any], seed: int) -> None:
    case = make_case(seed)
    by = slicing(case, seed)
    found = evaluate(case.model, case.truth, METRICS, background=Background(slicing=by))
    lists = case.lists(5)
    judged = case.judged
    for label, members in zip(by.items[1].labels, by.items[1].members.toarray().T.astype(bool), strict=True):
        hits = targets = users = 0
        for user in judged.tolist():
            own = {i for i in case.truth.target[[user]].indices.tolist() if members[i]}
            hits += len(own & set(lists.items[user].tolist()))
            targets += len(own)
            users += bool(own)
        if targets:
            one = group(found.slices, "kind", label)
            assert (one.users, one.targets) == (users, targets)
            assert one.values["found@5"].value == pytest.approx(hits / targets)
    everything = group(found.slices, "kind", ALL)
    assert everything.targets == case.truth.relevant_counts().sum()
    assert group(found.slices, "popularity", NEW).targets == case.truth.unknown_targets.sum()
    assert group(found.slices, "popularity", NEW).values["found@5"].value == 0
    codes = by.users[0].codes[judged]
    for code, label in enumerate(by.users[0].labels):
        for metric in METRICS:
            mean = found.per_user[metric][codes == code].mean()
            assert group(found.slices, "history", label).values[metric].value == pytest.approx(mean)
    assert group(found.slices, "history", ALL).values["ndcg@5"].value == pytest.approx(found.means()["ndcg@5"])


def test_groups_add_up_and_do_not_depend_on_blocks(make_case: Callable[[int], Any]) -> None:
    case = make_case(11)
    known = Background(slicing=slicing(case, 11))
    whole, small = (
        evaluate(case.model, case.truth, METRICS, background=known, memory_bytes=size).slices for size in (1 << 28, 400)
    )
    assert whole == small
    ready = evaluate_lists(case.lists(5), case.truth, METRICS, background=known).slices
    assert ready == whole
    popularity = next(part for part in whole if part.name == "popularity")
    assert sum(one.targets for one in popularity.groups[1:]) == popularity.groups[0].targets


def test_targets_are_found_among_the_first_places_only(make_case: Callable[[int], Any]) -> None:
    case = make_case(12)
    known = Background(slicing=slicing(case, 12))
    deep = evaluate_lists(case.lists(20), case.truth, ["ndcg@2", "recall@20"], background=known).slices
    short = evaluate_lists(case.lists(2), case.truth, ["ndcg@2"], background=known).slices
    assert group(deep, "kind", ALL) == group(short, "kind", ALL)
    kind = next(part for part in deep if part.name == "kind")
    assert (kind.of, kind.definition) == ("targets", known.slicing.items[1].definition)
    assert all(isinstance(number, int) for one in kind.groups for number in (one.users, one.targets))


def test_metrics_of_ratings_are_pooled_in_each_group(make_case: Callable[[int], Any]) -> None:
    case = make_case(2)
    by = slicing(case, 2)
    found = evaluate(case.model, case.truth, ["rmse"], background=Background(slicing=by))
    assert [part.name for part in found.slices] == ["history"]  # without lists nothing is found
    everybody = group(found.slices, "history", ALL)
    assert set(everybody.values) == {"rmse"}
    assert everybody.values["rmse"].value == pytest.approx(found.overall["rmse"])


def test_groups_of_other_data_are_refused(make_case: Callable[[int], Any]) -> None:
    case = make_case(1)
    for wrong in (
        Slicing(users=(by_history(histories([1, 2])),)),
        Slicing(items=(by_popularity(np.array([3, 1])),)),
    ):
        with pytest.raises(DataError, match=r"the data has (more|30)"):
            evaluate(case.model, case.truth, METRICS, background=Background(slicing=wrong))


def test_few_users_are_called_uncertain() -> None:
    assert not SliceGroup("a", LEAST_USERS - 1, 50, {}).certain
    assert SliceGroup("a", LEAST_USERS, 50, {}).certain
    assert mean_of(np.array([0.5])).low is None
    low = mean_of(np.array([0.0, 0.0, 0.0, 1.0])).low
    assert low == 0.0


def drawn(random: np.random.Generator, n_users: int, rate: float) -> FoundSums:
    """Users who differ in how many targets they have and in how well they are served; the true share is `rate`."""
    t = random.integers(1, 30, n_users)
    own = random.beta(rate * 4, (1 - rate) * 4, n_users)
    h = random.binomial(t, own)
    return FoundSums(n_users, *(int(x) for x in (h.sum(), t.sum(), (h * h).sum(), (h * t).sum(), (t * t).sum())))


@pytest.mark.parametrize(("n_users", "rate"), [(30, 0.2), (200, 0.05), (200, 0.4), (1000, 0.02)])
def test_intervals_of_the_share_found_hold_the_truth_19_times_of_20(n_users: int, rate: float) -> None:
    random = np.random.default_rng(n_users)
    spans = [drawn(random, n_users, rate).share() for _ in range(2000)]
    held = np.mean([span.low <= rate <= span.high for span in spans])
    assert 0.93 <= held <= 0.975


@settings(max_examples=200)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=30))
def test_an_interval_stays_within_0_and_1_and_around_its_figure(users: list[tuple[int, int]]) -> None:
    h = np.array([min(one, other) for one, other in users])
    t = np.array([max(one, other, 1) for one, other in users])
    sums = FoundSums(len(t), *(int(x) for x in (h.sum(), t.sum(), (h * h).sum(), (h * t).sum(), (t * t).sum())))
    found = sums.share()
    if len(t) == 1:
        assert found.low is None
    else:
        assert 0 <= found.low <= found.value <= found.high <= 1
        assert found.low < found.high


def test_groups_that_are_a_moment_or_a_billionth_apart_have_labels_of_their_own() -> None:
    for step in (1, 1_000_000, 60_000_000):
        assert len(set(by_time(step * np.arange(8)).labels)) == 4
    assert len(set(by_ranges("c", 1e9 + np.arange(8) / 1e6).labels)) == 5, "four ranges, and no value"
