"""Ratings, weights, times, repeated pairs, minimum ratings and dropped rows."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recae.data.columns import ColumnChoice
from recae.data.interactions import Interactions
from recae.data.read import read
from recae.data.times import TimeParser
from recae.data.values import parse_values
from recae.errors import DataError


def saved(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array(["3", " 3.5 ", "+1e1", ".5", "-2.", "4"]), [3, 3.5, 10, 0.5, -2, 4]),
        (pa.array([1, 2**40, -3]), [1, 2**40, -3]),
        (pa.array([True, False]), [1, 0]),
        (pa.array([Decimal("1.25"), Decimal("2.5")]), [1.25, 2.5]),
        (pa.array([1, None, 3]), [1, None, 3]),
        (pa.array([0.1, float("inf"), float("nan")]), [0.1, None, None]),
        (pa.array(["x", "", "1_0", "0x10", "1,5", "NaN", "-inf", "1e39", "٣"]), [None] * 9),
        (pa.array([dt.date(2020, 1, 1)]), [None]),
    ],
)
def test_ratings_are_finite_numbers(column: pa.Array, expected: list[float | None]) -> None:
    values, bad = parse_values(column, "rating")
    assert values.dtype == np.float32
    mask = np.zeros(len(column), dtype=bool) if bad is None else bad
    assert mask.tolist() == [value is None for value in expected]
    assert values[~mask].tolist() == [np.float32(value) for value in expected if value is not None]


def test_weights_are_above_0() -> None:
    _, bad = parse_values(pa.array([1.0, 0.0, -1.0, 0.5, 1e-60]), "weight")
    assert bad is not None
    assert bad.tolist() == [False, True, True, False, True]


def times(*batches: Any) -> tuple[list[int], str]:
    parser = TimeParser()
    for batch in batches:
        column = batch if isinstance(batch, pa.Array) else pa.array(batch)
        found, bad = parser.parse(column)
        assert bad is None
        parser.keep(found)
    micros, unit = parser.finish("log")
    assert micros.dtype == np.int64
    return micros.tolist(), unit


MOMENT = 1_600_000_000
"""2020-09-13T12:26:40Z"""


@pytest.mark.parametrize(
    ("column", "unit", "expected"),
    [
        ([MOMENT, 0, -5], "s", [MOMENT * 10**6, 0, -5_000_000]),
        ([MOMENT * 1000, 7], "ms", [MOMENT * 10**6, 7000]),
        ([MOMENT * 10**6], "us", [MOMENT * 10**6]),
        ([MOMENT * 10**9 + 999], "ns", [MOMENT * 10**6]),
        ([MOMENT + 0.25], "s", [MOMENT * 10**6 + 250_000]),
        ([2019, 2021, 20210131], "number", [2019, 2021, 20210131]),
        ([0, 0], "number", [0, 0]),
        ([str(MOMENT), " 5 "], "s", [MOMENT * 10**6, 5_000_000]),
        ([f"{MOMENT}.5", "5"], "s", [MOMENT * 10**6 + 500_000, 5_000_000]),
        (["2020-09-13T12:26:40Z"], "datetime", [MOMENT * 10**6]),
        (["2020-09-13T12:26:40"], "datetime", [MOMENT * 10**6]),
        (["2020-09-13 12:26:40.5", "2020-09-13 12:26"], "datetime", [MOMENT * 10**6 + 500_000, (MOMENT - 40) * 10**6]),
        (["2020-09-13T14:26:40+02:00", "2020-09-13T12:26:40Z"], "datetime", [MOMENT * 10**6] * 2),
        (["2020-09-13 12:26:40 UTC"], "datetime", [MOMENT * 10**6]),
        (["2020-09-13 12:26:40.123456789"], "datetime", [MOMENT * 10**6 + 123_456]),
        (["1969-12-31", "2020-09-13"], "date", [-86_400 * 10**6, (MOMENT - 44_800) * 10**6]),
        ([dt.date(1970, 1, 2)], "date", [86_400 * 10**6]),
        ([dt.datetime(1970, 1, 1, 0, 0, 1)], "datetime", [10**6]),
        (pa.array([MOMENT], pa.timestamp("s", tz="Europe/Berlin")), "datetime", [MOMENT * 10**6]),
        (pa.array([MOMENT * 10**9 + 1], pa.timestamp("ns")), "datetime", [MOMENT * 10**6]),
        (pa.array([MOMENT], pa.uint32()), "s", [MOMENT * 10**6]),
    ],
)  # fmt: skip
def test_times_become_microseconds_and_remember_their_unit(column: Any, unit: str, expected: list[int]) -> None:
    assert times(column) == (expected, unit)


def test_the_unit_is_settled_for_the_whole_column() -> None:
    assert times([5, 6], [MOMENT]) == ([5_000_000, 6_000_000, MOMENT * 10**6], "s")
    assert times([5, 6], [MOMENT + 0.5])[0] == [5_000_000, 6_000_000, MOMENT * 10**6 + 500_000]
    assert times(["2020-09-13"], ["2020-09-13T12:26:40Z"])[1] == "datetime"


@pytest.mark.parametrize(
    ("first", "second"),
    [(["5"], ["2020-01-01"]), (["2020-01-01"], ["5"]), ([5], ["x"]), (["2020-01-01"], ["2020-01-32"]), ([5], [None])],
)
def test_a_time_of_another_kind_than_those_before_is_bad(first: list[Any], second: list[Any]) -> None:
    parser = TimeParser()
    assert parser.parse(pa.array(first))[1] is None
    column = pa.array(second, pa.int64()) if second == [None] else pa.array(second)
    assert parser.parse(column)[1].tolist() == [True]  # type: ignore[union-attr]


def test_fractions_that_are_no_epoch_are_refused() -> None:
    with pytest.raises(DataError, match=r"0\.25"):
        read({"user": [1, 2], "item": [1, 2], "time": [0.25, 0.5]})


@pytest.mark.parametrize(
    "column",
    [["2020-01-05", "2021-02-03"], [MOMENT, MOMENT + 1], [MOMENT * 1000 + 5], [7, 9], ["2020-01-05T00:00:01Z"]],
)
def test_times_are_written_as_they_were_read(column: list[Any]) -> None:
    n = len(column)
    first = read({"user": range(n), "item": range(n), "time": column})
    again = read(first.to_arrow())
    assert again.columns == first.columns
    assert again.timestamps.tolist() == first.timestamps.tolist()  # type: ignore[union-attr]


REPEATED = {"user": [1, 1, 1, 2], "item": [5, 5, 5, 5], "rating": [2.0, 5.0, 3.0, 1.0], "time": [30, 10, 20, 5]}


@pytest.mark.parametrize(
    ("rule", "rating", "time"), [("last", 2, 30), ("first", 5, 10), ("max", 5, 10), ("sum", 10, 30), (None, 2, 30)]
)
def test_repeated_pairs_by_every_rule(rule: Any, rating: float, time: int) -> None:
    log = read(REPEATED, dedupe=rule)
    assert log.matrix.toarray().tolist() == [[rating], [1]]
    assert log.timestamps.tolist() == [time, 5]  # type: ignore[union-attr]
    assert log.counts == {"duplicates": 2}


def test_repeated_pairs_without_times_go_by_row_and_equal_times_too() -> None:
    untimed = {name: column for name, column in REPEATED.items() if name != "time"}
    assert read(untimed).matrix.toarray().tolist() == [[3], [1]]
    assert read(untimed, dedupe="first").matrix.toarray().tolist() == [[2], [1]]
    tied = {**REPEATED, "time": [7, 7, 7, 7]}
    assert read(tied).matrix.toarray().tolist() == [[3], [1]]
    assert read(tied, dedupe="first").matrix.toarray().tolist() == [[2], [1]]


def test_weights_are_summed_and_bare_pairs_can_be_counted() -> None:
    played = {"user": [1, 1, 2], "item": [5, 5, 5], "plays": [2, 3, 4]}
    assert read(played).matrix.toarray().tolist() == [[5], [4]]
    assert read(played, dedupe="max").matrix.toarray().tolist() == [[3], [4]]
    bare = {"user": [1, 1, 2], "item": [5, 5, 5]}
    assert read(bare).matrix.toarray().tolist() == [[1], [1]]
    counted = read(bare, dedupe="sum")
    assert counted.matrix.toarray().tolist() == [[2], [1]]
    assert (counted.columns.value, counted.columns.value_kind) == ("count", "weight")


def test_sums_are_finite_and_counts_take_no_other_column_s_name() -> None:
    with pytest.raises(DataError, match="add up to 6e"):
        read({"user": [1, 1], "item": [2, 2], "weight": [3e38, 3e38]})
    log = read({"count": [7, 7], "item": [2, 2]}, columns=ColumnChoice(user="count"), dedupe="sum")
    assert log.to_arrow().to_pylist() == [{"count": 7, "item": 2, "weight": 2.0}]


def test_no_repeats_is_no_error() -> None:
    assert read({"user": [1, 1], "item": [5, 6]}, dedupe="error").counts == {}


def test_the_minimum_rating_looks_at_the_rating_that_counts() -> None:
    log = read({"user": [1, 1, 2, 3], "item": [5, 5, 5, 6], "rating": [5, 2, 4, 3.5]}, min_rating=4)
    assert log.users.values.to_pylist() == [2]
    assert log.items.values.to_pylist() == [5]
    assert log.counts == {"duplicates": 1, "below min rating": 2}


def test_a_rating_of_0_is_an_interaction() -> None:
    log = read({"user": [1, 2], "item": [5, 6], "rating": [0, 3]})
    assert log.nnz == 2
    assert log.matrix.data.tolist() == [0, 3]


DIRTY = """user_id,item_id,rating,timestamp
1,10,4,978300760
,10,4,978300760
1,,4,978300760
2,11,x,978300760
2,11,inf,978300760
2,11,3
2,11,3,soon
2,11,3,978300761,7
nan,11,3,978300761
3,12,2,978300762
"""


def test_bad_rows_are_dropped_and_counted(tmp_path: Path) -> None:
    log = read(saved(tmp_path / "log.csv", DIRTY), on_bad="drop")
    assert log.counts == {"bad rows": 8}
    assert log.users.values.to_pylist() == [1, 3]
    assert log.users.values.type == pa.int64()
    assert log.items.values.to_pylist() == [10, 12]
    assert log.matrix.toarray().tolist() == [[4, 0], [0, 2]]
    assert log.timestamps.tolist() == [978300760_000_000, 978300762_000_000]  # type: ignore[union-attr]


def test_bad_json_lines_are_dropped_and_counted(tmp_path: Path) -> None:
    content = '{"user":1,"item":2,"rating":1}\n{oops\n[1]\n{"user":"x","item":2,"rating":1}\n{"item":2,"rating":1}\n'
    log = read(saved(tmp_path / "log.jsonl", content + '{"user":3,"item":2,"rating":2.5}\n'), on_bad="drop")
    assert log.counts == {"bad rows": 4}
    assert log.users.values.to_pylist() == [1, 3]
    assert log.matrix.toarray().tolist() == [[1], [2.5]]


@pytest.mark.parametrize("line", ["[" * 100_000, '{"user": 1, "item": ' + "1" * 5000 + "}"])
def test_json_beyond_all_limits_is_refused(line: str, tmp_path: Path) -> None:
    path = saved(tmp_path / "log.jsonl", '{"user": 1, "item": 2}\n' + line + "\n")
    with pytest.raises(DataError, match="line 2: JSON with a number or a nesting too long"):
        read(path)
    assert read(path, on_bad="drop").counts == {"bad rows": 1}


def test_bad_rows_of_a_frame_are_dropped_and_counted() -> None:
    kinds = pd.Categorical(["a", "b", "a"], categories=["z", "b", "a"])
    assert read(pd.DataFrame({"user": [1, 2, 3], "item": kinds})).items.values.to_pylist() == ["a", "b"]
    frame = pd.DataFrame({"user": [1, np.nan, 3], "item": ["a", "b", "c"], "weight": [1.0, 2.0, -1.0]})
    log = read(frame, on_bad="drop")
    assert log.counts == {"bad rows": 2}
    assert (log.users.values.to_pylist(), log.items.values.to_pylist()) == ([1], ["a"])


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.integers(0, 5), st.integers(0, 4), st.integers(1, 5), st.integers(0, 3)), min_size=1, max_size=40
    ),
    rule=st.sampled_from(["last", "first", "max", "sum"]),
)
def test_every_rule_agrees_with_a_loop_over_the_rows(rows: list[tuple[int, int, int, int]], rule: Any) -> None:
    users, items, ratings, moments = (list(column) for column in zip(*rows, strict=True))
    log = read({"user": users, "item": items, "rating": ratings, "time": moments}, dedupe=rule)
    expected: dict[tuple[int, int], tuple[int, int]] = {}
    for user, item, rating, moment in rows:
        pair = (user, item)
        if pair not in expected:
            expected[pair] = (rating, moment)
            continue
        old_rating, old_moment = expected[pair]
        if rule == "sum":
            expected[pair] = (old_rating + rating, max(old_moment, moment))
        elif (
            (rule == "last" and moment >= old_moment)
            or (rule == "first" and moment < old_moment)
            or (rule == "max" and (rating, moment) >= (old_rating, old_moment))
        ):
            expected[pair] = (rating, moment)
    assert entries(log) == expected
    assert log.counts.get("duplicates", 0) == len(rows) - len(expected)


def entries(log: Interactions) -> dict[Any, Any]:
    table = log.to_arrow().to_pydict()
    columns = [table[name] for name in ("user", "item", "rating", "time")]
    return {(user, item): (rating, moment) for user, item, rating, moment in zip(*columns, strict=True)}


def test_a_chosen_weight_column_leaves_the_ratings_alone() -> None:
    source = {"user": [1], "item": [2], "rating": [4], "plays": [9]}
    assert read(source, columns=ColumnChoice(weight="plays")).matrix.data.tolist() == [9]
    assert read(source, columns=ColumnChoice(rating="rating")).matrix.data.tolist() == [4]
