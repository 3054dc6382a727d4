"""Moments as people write them, against times worked out with the standard library."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from recae.data.interactions import Columns
from recae.data.moments import parse_time
from recae.errors import ConfigError

NEW_YEAR = int(datetime(2021, 1, 1, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("moment", "unit", "expected"),
    [
        ("2021-01-01", "s", NEW_YEAR * 10**6),
        ("2021-01-01", "date", NEW_YEAR * 10**6),
        ("2021-01-01T00:00:00.000001", "us", NEW_YEAR * 10**6 + 1),
        ("2021-01-01 01:00:00+01:00", "datetime", NEW_YEAR * 10**6),
        ("2021-01-01T00:00:00Z", "ms", NEW_YEAR * 10**6),
        ("1969-12-31", "s", -86_400 * 10**6),
        (str(NEW_YEAR), "s", NEW_YEAR * 10**6),
        (NEW_YEAR + 0.5, "s", NEW_YEAR * 10**6 + 500_000),
        (NEW_YEAR * 1000, "ms", NEW_YEAR * 10**6),
        (str(NEW_YEAR * 10**9 + 1001), "ns", NEW_YEAR * 10**6 + 1),
        ("17", "number", 17),
        ("1.5", "number", 1.5),
    ],
)
def test_known_moments(moment, unit, expected):
    assert parse_time(moment, Columns(time="t", time_unit=unit)) == expected


@pytest.mark.parametrize(
    ("moment", "unit"),
    [
        ("yesterday", "s"),
        ("2021-13-01", "s"),
        ("nan", "s"),
        ("inf", "number"),
        ("2021-01-01", "number"),
        ("17", "date"),
    ],
)
def test_what_is_no_moment_is_refused(moment, unit):
    with pytest.raises(ConfigError, match="not a time that fits the data"):
        parse_time(moment, Columns(time="t", time_unit=unit))
