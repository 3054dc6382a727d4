"""Ratings and weights: from any column to finite float32."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recae.data.columns import quoted
from recae.data.interactions import ValueKind

NUMBER = r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$"


def parse_values(column: pa.Array, kind: ValueKind) -> tuple[np.ndarray, np.ndarray | None]:
    """float32 values of `column`, and a bool mask of the rows that have none (None: all have).

    A value must be a finite number, a weight also above 0.
    """
    numbers = _as_float(column)
    with np.errstate(over="ignore"):
        values = numbers.astype(np.float32)
    bad = ~np.isfinite(values)
    if kind == "weight":
        bad |= values <= 0
    return values, bad if bad.any() else None


def value_complaint(value: object, kind: ValueKind) -> str:
    """What is wrong with a value that `parse_values` marked."""
    if value is None or str(value).strip() == "":
        return f"the {kind} is missing"
    number = parse_values(pa.array([value]), "rating")[0][0]
    if np.isfinite(number):
        return f"a weight must be above 0, not {value}"
    shown = quoted(value) if isinstance(value, str) else str(value)
    if str(value).strip().lower().lstrip("+-") in ("inf", "infinity", "nan"):
        return f"{shown} is not a finite number"
    if np.isfinite(_as_float(pa.array([value]))[0]):
        return f"{shown} is too large for a {kind}"
    return f"{shown} is not a number"


def text_numbers(texts: pa.Array, pattern: str, kind: pa.DataType) -> pa.Array:
    """`texts` as numbers of type `kind`, null where they do not match `pattern` or do not fit."""
    trimmed = pc.utf8_trim_whitespace(texts)
    matching = pc.if_else(pc.match_substring_regex(trimmed, pattern), trimmed, None)
    return matching.cast(kind)


def is_text(kind: pa.DataType) -> bool:
    """Whether a column of this type holds text."""
    return pa.types.is_string(kind) or pa.types.is_large_string(kind)


def _as_float(column: pa.Array) -> np.ndarray:
    kind = column.type
    if is_text(kind):
        try:
            column = column.cast(pa.float64())
        except pa.ArrowInvalid:
            column = text_numbers(column, NUMBER, pa.float64())
    elif pa.types.is_decimal(kind):
        column = column.cast(pa.float64())
    elif not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        return np.full(len(column), np.nan)
    numbers = column.to_numpy(zero_copy_only=False).astype(np.float64, copy=False)
    if column.null_count:
        numbers = numbers.astype(np.float64)
        numbers[column.is_null().to_numpy(zero_copy_only=False)] = np.nan
    return numbers
