"""Times in every usual form: to int64 microseconds since 1970 in UTC."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from recae.data.columns import quoted
from recae.data.interactions import TimeUnit
from recae.data.values import NUMBER, is_text, text_numbers
from recae.errors import DataError

_WHOLE = r"^[+-]?\d{1,18}$"
_CALENDAR = r"^\d{4}-\d{2}-\d{2}"
_FRACTION = r"(\.\d{6})\d+"
_LIMITS: tuple[tuple[float, TimeUnit], ...] = ((1e8, "number"), (1e11, "s"), (1e14, "ms"), (1e17, "us"))
"""The largest value of a column below ... decides its unit; 1e8 s is March 1973, 1e11 ms too, and so on."""
_WORDS = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
_MICROSECONDS = {"s": 1_000_000, "ms": 1_000, "us": 1}


class TimeParser:
    """Parses one time column batch by batch; the unit of plain numbers is settled at the end, for all of them.

    Numbers are epoch seconds, milliseconds, microseconds or nanoseconds by the size of the largest; if that is
    below 1e8, they are plain numbers such as years or steps and stay as they are. Calendar times are ISO 8601,
    taken as UTC where they name no zone.
    """

    def __init__(self) -> None:
        self._kind: Literal["number", "datetime", "date"] | None = None
        self._chunks: list[np.ndarray] = []

    def parse(self, column: pa.Array) -> tuple[np.ndarray, np.ndarray | None]:
        """(n,) int64 microseconds, or int64 or float64 numbers, and a bool mask of the rows without a time."""
        kind = column.type
        if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
            return self._numbers(column)
        if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
            self._settle("date" if pa.types.is_date(kind) else "datetime")
            return _filled(column.cast(pa.timestamp("us"), safe=False), self._kind == "number")
        if is_text(kind):
            return self._texts(column)
        return np.zeros(len(column), dtype=np.int64), np.ones(len(column), dtype=bool)

    def keep(self, times: np.ndarray) -> None:
        """Add the parsed times of a batch, without those marked as bad."""
        self._chunks.append(times)

    def finish(self, where: str) -> tuple[np.ndarray, TimeUnit]:
        """All times kept as int64 microseconds (plain numbers as they are), and how they were written.

        Raises:
            DataError: seconds and milliseconds, say, are mixed, or plain numbers have fractions.
        """
        times = np.concatenate(self._chunks) if self._chunks else np.zeros(0, dtype=np.int64)
        self._chunks = []
        if self._kind == "number":
            return _from_numbers(times, where)
        return times, self._kind or "datetime"

    def _settle(self, kind: Literal["number", "datetime", "date"]) -> None:
        if self._kind is None or (self._kind == "date" and kind == "datetime"):
            self._kind = kind

    def _numbers(self, column: pa.Array) -> tuple[np.ndarray, np.ndarray | None]:
        self._settle("number")
        clash = self._kind != "number"
        if pa.types.is_integer(column.type) and not pa.types.is_uint64(column.type):
            return _filled(column.cast(pa.int64()), clash)
        numbers = column.cast(pa.float64(), safe=False).fill_null(np.nan).to_numpy(zero_copy_only=False)
        bad = ~np.isfinite(numbers) | (np.abs(numbers) >= 2**63) | clash
        if bad.any():
            numbers = np.where(bad, 0.0, numbers)
        whole = (np.trunc(numbers) == numbers).all()
        return numbers.astype(np.int64) if whole else numbers, bad if bad.any() else None

    def _texts(self, column: pa.Array) -> tuple[np.ndarray, np.ndarray | None]:
        if self._kind in (None, "number"):
            try:
                whole = column.cast(pa.int64())
            except pa.ArrowInvalid:
                whole = text_numbers(column, _WHOLE, pa.int64())
            if whole.null_count == 0:
                return self._numbers(whole)
            numbers = text_numbers(column, NUMBER, pa.float64())
            if self._kind == "number" or numbers.null_count <= len(column) // 2:
                return self._numbers(whole if whole.null_count == numbers.null_count else numbers)
        return self._calendar(column)

    def _calendar(self, column: pa.Array) -> tuple[np.ndarray, np.ndarray | None]:
        texts = pc.utf8_trim_whitespace(column)
        only_dates = pc.all(pc.less_equal(pc.utf8_length(texts), 10)).as_py()
        try:
            times = texts.cast(pa.timestamp("us"))
        except pa.ArrowInvalid:
            times = _any_iso(texts)
        if times.null_count < len(times):
            self._settle("date" if only_dates else "datetime")
        return _filled(times, self._kind == "number")


def time_complaint(value: object) -> str:
    """What is wrong with a time that `TimeParser.parse` marked."""
    if value is None or str(value).strip() == "":
        return "the time is missing"
    return (
        f"{quoted(str(value))} is not a time like the others: epoch numbers, or ISO 8601 such as 2026-01-31T12:00:00Z"
    )


def _any_iso(texts: pa.Array) -> pa.Array:
    """Timestamps in microseconds from ISO 8601 with and without zones, null where a text is something else."""
    zoned = pc.replace_substring_regex(texts, r"\s*UTC$", "Z")
    shaped = pc.if_else(pc.match_substring_regex(zoned, _CALENDAR), zoned, None)
    shaped = pc.replace_substring_regex(shaped, _FRACTION, r"\1")
    parsed = pd.to_datetime(shaped.to_pandas(), errors="coerce", format="ISO8601", utc=True)
    return pa.Array.from_pandas(parsed).cast(pa.timestamp("us"), safe=False)


def _filled(column: pa.Array, all_bad: bool) -> tuple[np.ndarray, np.ndarray | None]:
    numbers = column.cast(pa.int64())
    bad = None
    if all_bad or numbers.null_count:
        bad = column.is_null().to_numpy(zero_copy_only=False) | all_bad
        numbers = numbers.fill_null(0)
    return numbers.to_numpy(zero_copy_only=False), bad


def _from_numbers(times: np.ndarray, where: str) -> tuple[np.ndarray, TimeUnit]:
    unit = _unit_of(float(np.abs(times).max())) if len(times) else "number"
    odd = [other for limit, other in _LIMITS[1:] if _is_mixed(times, other, unit)]
    if odd:
        raise DataError(f"{where} mixes epoch times in {_WORDS[odd[0]]} and in {_WORDS[unit]}; write all in one unit.")
    if unit == "number":
        if times.dtype != np.int64:
            raise DataError(f"{where} holds fractions such as {times[times % 1 != 0][0]:g}: no known kind of time.")
        return times, unit
    if times.dtype != np.int64:
        return np.rint(times * (1e-3 if unit == "ns" else _MICROSECONDS[unit])).astype(np.int64), unit
    if unit == "ns":
        times //= 1_000
    else:
        times *= _MICROSECONDS[unit]
    return times, unit


def _unit_of(largest: float) -> TimeUnit:
    return next((unit for limit, unit in _LIMITS if largest < limit), "ns")


def _is_mixed(times: np.ndarray, other: TimeUnit, unit: TimeUnit) -> bool:
    if other == unit:
        return False
    index = [name for _, name in _LIMITS].index(other)
    low, high = _LIMITS[index - 1][0], _LIMITS[index][0]
    return bool(((times >= low) & (times < high)).any())
