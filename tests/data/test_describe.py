"""The summary of a log against figures worked out by hand."""

from __future__ import annotations

import json

import pytest

from recae.data.columns import ColumnChoice
from recae.data.describe import describe, summary_text
from recae.data.read import read
from recae.errors import DataError


def test_known_answers(make_log):
    log = make_log([("a", "x", 5, 0), ("a", "y", 3, 60), ("b", "x", 5, 86_400), ("c", "x", 1, 60)])
    summary = describe(log.keep(log.matrix.data > 0, bad_rows=2))
    assert summary["users"] == 3
    assert summary["items"] == 2
    assert summary["interactions"] == 4
    assert summary["density"] == pytest.approx(4 / 6)
    assert summary["items_per_user"] == {"min": 1, "median": 1.0, "mean": pytest.approx(4 / 3), "max": 2}
    assert summary["users_per_item"]["max"] == 3
    # Two items with 1 and 3 users: (-1 * 1 + 1 * 3) / (2 * 4).
    assert summary["gini"] == pytest.approx(0.25)
    assert summary["top_1_percent"] == pytest.approx(0.75)
    assert summary["values"]["histogram"] == {"1": 1, "3": 1, "5": 2}
    assert summary["times"] == {"first": "1970-01-01T00:00:00Z", "last": "1970-01-02T00:00:00Z", "distinct": 3}
    json.dumps(summary, allow_nan=False)


def test_weights_have_quantiles(make_log):
    summary = describe(make_log([("a", k, k) for k in range(101)], value_kind="weight"))
    assert summary["values"]["kind"] == "weight"
    assert summary["values"]["quantiles"]["0.5"] == 50
    assert "median 50" in summary_text(summary)


def test_plain_numbers_stay_numbers(make_log):
    log = make_log([("a", "x", 1, 7), ("a", "y", 1, 9)], time_unit="number")
    assert describe(log)["times"] == {"first": 7, "last": 9, "distinct": 2}


def test_text_has_a_line_for_everything(make_log):
    log = make_log([("a", "x", 5, 0), ("b", "y", 4, 60)])
    text = summary_text(describe(log.keep(log.matrix.data > 0, duplicates=12)))
    assert "interactions    2  (50.000% of all pairs)" in text
    assert "left out        duplicates: 12" in text
    assert "4: 50%, 5: 50%" in text
    bare = summary_text(describe(make_log([("a", "x")])))
    assert "time" not in bare
    assert "rating" not in bare


def test_an_empty_log_is_refused(make_log):
    log = make_log([("a", "x", 5)])
    with pytest.raises(DataError, match="no interactions"):
        describe(log.keep(log.matrix.data > 9))


def test_columns_that_are_used_and_those_that_are_not_are_named():
    frame = {"user_id": [1, 1], "item_id": ["a", "b"], "rating": [3, 4], "happened": [7, 8], "genre": ["x", "y"]}
    summary = describe(read(frame))
    assert summary["columns"] == {"user": "user_id", "item": "item_id", "value": "rating", "time": None}
    assert summary["columns_not_used"] == ["happened", "genre"]
    assert 'columns used    "user_id", "item_id", "rating"\n' in summary_text(summary)
    assert 'not used        "happened", "genre"' in summary_text(summary)
    told = describe(read(frame, columns=ColumnChoice(time="happened")))
    assert told["columns"]["time"] == "happened"
    assert told["columns_not_used"] == ["genre"]
    assert "not used" not in summary_text(describe(read({"user": [1], "item": [2]})))
