"""A log in figures: sizes, density, histories, popularity, values, times, and what reading left out."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np

from recae.counted import counted
from recae.data.columns import listed
from recae.data.interactions import Interactions
from recae.errors import DataError

_HISTOGRAM_VALUES = 20
"""More distinct ratings than this are told as quantiles."""


def describe(log: Interactions) -> dict[str, Any]:
    """Everything worth knowing about a log, as plain JSON values.

    "gini" is the Gini coefficient of the items' popularity (0: all alike, near 1: few items have all);
    "top_1_percent" the share of interactions that the most popular 1 % of the items have, one item at least.
    Times are ISO 8601 in UTC, or plain numbers where the log has such.

    Raises:
        DataError: the log is empty.
    """
    if log.nnz == 0:
        raise DataError("There are no interactions to describe.")
    popularity = np.sort(log.item_counts())
    return {
        "users": log.n_users,
        "items": log.n_items,
        "interactions": log.nnz,
        "density": log.nnz / (log.n_users * log.n_items),
        "items_per_user": _spread(log.user_counts()),
        "users_per_item": _spread(popularity),
        "gini": gini(popularity),
        "top_1_percent": float(popularity[-max(1, len(popularity) // 100) :].sum() / log.nnz),
        "values": _values(log),
        "times": _times(log),
        "left_out": dict(log.counts),
        "columns": {
            "user": log.columns.user,
            "item": log.columns.item,
            "value": log.columns.value,
            "time": log.columns.time,
        },
        "columns_not_used": list(log.unread),
    }


def summary_text(summary: dict[str, Any]) -> str:
    """What `describe` found, in a few aligned lines for a person."""
    users, items = summary["items_per_user"], summary["users_per_item"]
    lines = [
        ("users", f"{summary['users']:,}"),
        ("items", f"{summary['items']:,}"),
        ("interactions", f"{summary['interactions']:,}  ({summary['density']:.3%} of all pairs)"),
        ("items per user", _spread_text(users)),
        ("users per item", _spread_text(items)),
        ("popularity", f"Gini {summary['gini']:.3f}; the top 1 % of the items have {summary['top_1_percent']:.1%}"),
    ]
    if summary["values"] is not None:
        lines.append((summary["columns"]["value"], _values_text(summary["values"])))
    if summary["times"] is not None:
        times = summary["times"]
        lines.append(("time", f"{times['first']} to {times['last']}; {counted(times['distinct'], 'moment')}"))
    lines += [("left out", f"{name}: {count:,}") for name, count in summary["left_out"].items()]
    lines.append(("columns used", listed([name for name in summary["columns"].values() if name is not None])))
    if summary["columns_not_used"]:
        lines.append(("not used", listed(summary["columns_not_used"])))
    width = max(len(name) for name, _ in lines)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in lines)


def gini(counts: np.ndarray) -> float:
    """Gini coefficient of non-negative `counts`: sum_i (2 i - n - 1) c_i / (n sum c), c sorted, i from 1.

    >>> gini(np.array([1, 1, 1])), gini(np.array([0, 0, 3]))
    (0.0, 0.6666666666666666)
    """
    ordered = np.sort(counts).astype(np.float64)
    n = len(ordered)
    return float(((2 * np.arange(1, n + 1) - n - 1) * ordered).sum() / (n * ordered.sum()))


def _spread(counts: np.ndarray) -> dict[str, float | int]:
    return {
        "min": int(counts.min()),
        "median": float(np.median(counts)),
        "mean": float(counts.mean()),
        "max": int(counts.max()),
    }


def _spread_text(spread: dict[str, Any]) -> str:
    return f"{spread['min']:,} to {spread['max']:,}; median {spread['median']:,g}, mean {spread['mean']:,.1f}"


def _values(log: Interactions) -> dict[str, Any] | None:
    if log.columns.value is None:
        return None
    values = log.matrix.data
    kind: dict[str, Any] = {"kind": log.columns.value_kind, "mean": float(values.mean(dtype=np.float64))}
    distinct, counts = np.unique(values, return_counts=True)
    if log.has_ratings and len(distinct) <= _HISTOGRAM_VALUES:
        return kind | {"histogram": {f"{value:g}": int(n) for value, n in zip(distinct, counts, strict=True)}}
    levels = (0, 0.25, 0.5, 0.75, 0.95, 1)
    quantiles = np.quantile(values.astype(np.float64), levels)
    return kind | {"quantiles": {f"{level:g}": float(q) for level, q in zip(levels, quantiles, strict=True)}}


def _values_text(values: dict[str, Any]) -> str:
    if "histogram" in values:
        total = sum(values["histogram"].values())
        shares = ", ".join(f"{value}: {n / total:.0%}" for value, n in values["histogram"].items())
        return f"{values['kind']}, mean {values['mean']:.2f}; {shares}"
    q = values["quantiles"]
    return f"{values['kind']}, {q['0']:,g} to {q['1']:,g}; median {q['0.5']:,g}, mean {values['mean']:,.2f}"


def _times(log: Interactions) -> dict[str, Any] | None:
    if log.timestamps is None:
        return None
    # NumPy's unique hashes whole numbers, which takes a minute for 20 million different ones; sorting takes a second.
    moments = np.sort(log.timestamps)
    return {
        "first": _written(moments[0].item(), log.columns.time_unit),
        "last": _written(moments[-1].item(), log.columns.time_unit),
        "distinct": 1 + int(np.count_nonzero(moments[1:] != moments[:-1])),
    }


def _written(moment: float, unit: str) -> str | float:
    if unit == "number":
        return moment
    try:
        return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=moment)).isoformat().replace("+00:00", "Z")
    except OverflowError:
        return moment
