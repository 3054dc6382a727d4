"""Moments as a person writes them, in the numbers that `Interactions.timestamps` holds."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from recae.data.interactions import Columns
from recae.errors import ConfigError

_MICROSECONDS = {"s": (1_000_000, 1), "ms": (1_000, 1), "us": (1, 1), "ns": (1, 1_000)}


def parse_time(moment: str | float, columns: Columns) -> int | float:
    """An ISO date or time (UTC unless it says otherwise), or a number in the unit of the log's time column.

    >>> parse_time("1970-01-02", Columns(time="t", time_unit="s")) == parse_time(86400, Columns(time="t"))
    True

    Raises:
        ConfigError: it is neither, or the time column holds plain numbers and this is a date.
    """
    number = _number(moment)
    if number is not None and columns.time_unit == "number":
        return number
    if number is not None and columns.time_unit in _MICROSECONDS:
        times, over = _MICROSECONDS[columns.time_unit]
        return number * times // over if isinstance(number, int) else round(number * times / over)
    try:
        parsed = datetime.fromisoformat(str(moment).strip())
    except ValueError:
        parsed = None
    if parsed is None or columns.time_unit == "number":
        wanted = "a number, like the time column" if columns.time_unit == "number" else "a date such as 2021-01-31"
        raise ConfigError(f"'{moment}' is not a time that fits the data: give {wanted}.")
    moment_utc = parsed.replace(tzinfo=UTC) if parsed.tzinfo is None else parsed.astimezone(UTC)
    since = moment_utc - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds


def _number(moment: str | float) -> int | float | None:
    try:
        return int(moment) if isinstance(moment, str) else moment
    except ValueError:
        pass
    try:
        number = float(moment)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
