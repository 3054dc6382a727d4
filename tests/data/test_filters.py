"""Filters: what stays, what is counted, and the k-core against a slow reference."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recae.data.filters import Filters, filter_log
from recae.errors import ConfigError, DataError

DAY = 86_400


def pairs(log):
    return set(
        zip(log.users.take(log.row_of_entry()).to_pylist(), log.items.take(log.matrix.indices).to_pylist(), strict=True)
    )


def slow_core(rows, k_user, k_item):
    rows = set(rows)
    while True:
        users = {u: sum(1 for row in rows if row[0] == u) for u, _ in rows}
        items = {i: sum(1 for row in rows if row[1] == i) for _, i in rows}
        kept = {(u, i) for u, i in rows if users[u] >= k_user and items[i] >= k_item}
        if kept == rows:
            return rows
        rows = kept


@settings(max_examples=60, deadline=None)
@given(
    rows=st.sets(st.tuples(st.integers(0, 12), st.integers(0, 12)), min_size=1, max_size=90),
    k_user=st.integers(0, 5),
    k_item=st.integers(0, 5),
)
def test_core_is_that_of_the_slow_reference(make_log, rows, k_user, k_item):
    expected = slow_core(rows, k_user, k_item)
    log = make_log(sorted(rows))
    if not expected:
        with pytest.raises(DataError, match="minimum counts"):
            filter_log(log, min_user_items=k_user, min_item_users=k_item)
        return
    kept = filter_log(log, min_user_items=k_user, min_item_users=k_item)
    assert pairs(kept) == expected
    assert kept.counts.get("below min counts", 0) == len(rows) - len(expected)
    assert kept.user_counts().min() >= max(k_user, 1)
    assert kept.item_counts().min() >= max(k_item, 1)


def test_a_chain_unravels_to_its_end(make_log):
    # Each drop makes the next one due: user k has items k and k+1 only, and a far dense block stays.
    chain = [(k, k + d) for k in range(60) for d in (0, 1)]
    block = [(1000 + u, 1000 + i) for u in range(3) for i in range(3)]
    kept = filter_log(make_log(chain + block), min_user_items=2, min_item_users=2)
    assert pairs(kept) == set(block)


def test_minimum_rating_keeps_equal_ones_and_times_stay_beside_them(make_log):
    log = make_log([("a", "x", 4, 1), ("a", "y", 3.5, 2), ("b", "y", 5, 3)])
    kept = filter_log(log, min_rating=4)
    assert kept.to_arrow().to_pylist() == [
        {"user_id": "a", "item_id": "x", "rating": 4.0, "timestamp": 1},
        {"user_id": "b", "item_id": "y", "rating": 5.0, "timestamp": 3},
    ]
    assert kept.counts == {"below min rating": 1}
    assert log.nnz == 3


def test_a_minimum_that_is_no_binary_fraction(make_log):
    assert filter_log(make_log([("a", "x", 0.1)]), min_rating=0.1).nnz == 1


def test_binarize_forgets_the_values(make_log):
    log = filter_log(make_log([("a", "x", 0, 1), ("a", "y", 3, 2)]), binarize=True)
    assert log.matrix.data.tolist() == [1, 1]
    assert log.columns.value is None
    assert log.columns.value_kind is None
    assert log.timestamps is not None


def test_a_rating_of_zero_is_an_interaction(make_log):
    kept = filter_log(make_log([("a", "x", 0), ("a", "y", 3), ("b", "x", 0), ("b", "y", 0)]), min_user_items=2)
    assert kept.nnz == 4


@pytest.mark.parametrize(
    ("start", "end", "kept"),
    [
        ("1970-01-02", None, {"y", "z"}),
        (None, "1970-01-02", {"x"}),
        ("1970-01-02", "1970-01-03", {"y"}),
        (DAY, 2 * DAY, {"y"}),
        ("1970-01-01T12:00:00+00:00", None, {"y", "z"}),
        ("1970-01-02T01:00:00+01:00", None, {"y", "z"}),
    ],
)
def test_time_range_has_its_start_and_not_its_end(make_log, start, end, kept):
    log = make_log([("a", "x", 1, 0), ("a", "y", 1, DAY), ("a", "z", 1, 2 * DAY)])
    assert {item for _, item in pairs(filter_log(log, start=start, end=end))} == kept


def test_users_and_items_without_interactions_go(make_log):
    kept = filter_log(make_log([("a", "x", 1), ("b", "y", 5)]), min_rating=3)
    assert (kept.users.values.to_pylist(), kept.items.values.to_pylist()) == (["b"], ["y"])


@pytest.mark.parametrize(
    ("filters", "said"),
    [
        (Filters(min_rating=6), "rating of 6 or more .the highest is 5"),
        (Filters(min_user_items=9), "at least 9 items per user"),
        (Filters(min_item_users=9), "9 users per item"),
        (Filters(start="1980-01-01"), "from 1980-01-01 to the end"),
        (Filters(end="1960-01-01"), "from the beginning to 1960-01-01"),
    ],
)
def test_an_empty_result_names_the_filter(make_log, filters, said):
    with pytest.raises(DataError, match=said):
        filters.apply(make_log([("a", "x", 5, 0), ("a", "y", 3, DAY)]))


def test_a_missing_column_is_named(make_log):
    with pytest.raises(DataError, match="needs a rating column and there is none"):
        filter_log(make_log([("a", "x")]), min_rating=1)
    with pytest.raises(DataError, match="no time column"):
        filter_log(make_log([("a", "x")]), start="2020-01-01")
    with pytest.raises(ConfigError, match="'soon' is not a time"):
        filter_log(make_log([("a", "x", 1, 1)]), start="soon")


def test_no_filter_changes_nothing(make_log):
    log = make_log([("a", "x", 5, 0), ("a", "y", 3, DAY)])
    assert Filters().apply(log) is log
    assert not Filters().active
    assert np.array_equal(filter_log(log, min_user_items=1).matrix.data, log.matrix.data)
