"""The summary of the data and of its split as rows for a page; keys that nobody foresaw are shown as they are."""

from __future__ import annotations

from typing import Any

from recae.reports.text import LONGEST, name_of, one_line
from recae.reports.wording import DASH, percent, plain, whole

Row = tuple[str, str]

_PARTS = {"train": "training", "valid": "validation", "test": "test"}
_NOT_AS_ROWS = ("source", "columns", "columns_not_used", "values", "times", "left_out", "parts", "notes")


def data_rows(data: dict[str, Any]) -> list[Row]:
    """What `describe` found, in words."""
    rows = [_row(key, value) for key, value in data.items() if key not in _NOT_AS_ROWS and value is not None]
    values, times = data.get("values"), data.get("times")
    if isinstance(values, dict) and "mean" in values:
        rows.append(("Mean " + str(values.get("kind") or "value"), f"{values['mean']:.2f}"))
    if isinstance(times, dict) and "first" in times:
        rows.append(("Time", f"{_moment(times['first'])} to {_moment(times.get('last'))}"))
    rows += [(f"Left out: {key}", plain(count)) for key, count in (data.get("left_out") or {}).items()]
    return [(one_line(name), one_line(value)) for name, value in rows]


def histogram(data: dict[str, Any]) -> dict[str, Any] | None:
    """The ratings as bars, where there are few enough different ones."""
    values = data.get("values")
    counts = values.get("histogram") if isinstance(values, dict) else None
    if not counts or len(counts) > 10 or not sum(counts.values()):
        return None
    total, tallest = sum(counts.values()), max(counts.values())
    bars = [
        {"value": str(value), "share": percent(count / total), "height": round(70 * count / tallest, 1)}
        for value, count in counts.items()
    ]
    label = ", ".join(f"{bar['value']}: {bar['share']}" for bar in bars)
    return {"title": "Ratings", "label": f"Share of each rating: {label}", "bars": bars}


def split_rows(split: dict[str, Any]) -> list[Row]:
    """How the split was made."""
    rows = [_row(key, value) for key, value in split.items() if key not in _NOT_AS_ROWS and value is not None]
    rows += [(str(key).capitalize(), plain(count)) for key, count in (split.get("notes") or {}).items()]
    return [(one_line(name), one_line(value)) for name, value in rows]


def split_table(split: dict[str, Any]) -> dict[str, Any] | None:
    """The sizes of training, validation and test data, side by side."""
    parts = split.get("parts")
    if not isinstance(parts, dict) or not parts:
        return None
    order = ("users", "items", "interactions", "history", "targets", "unknown_targets")
    names = [name for name in order if any(part.get(name) for part in parts.values())]
    rows = [
        {"name": _PARTS.get(part, name_of(part, LONGEST)), "values": [_count(sizes.get(name)) for name in names]}
        for part, sizes in parts.items()
    ]
    return {"names": [name.replace("_", " ") for name in names], "rows": rows}


def _row(key: str, value: Any) -> Row:
    name = {
        "gini": "Gini of popularity",
        "top_1_percent": "Share of the top 1% of items",
        "spec": "Strategy",
    }.get(key, key.replace("_", " ").capitalize())
    if key in ("density", "top_1_percent"):
        return name, percent(float(value))
    if key == "gini":
        return name, f"{value:.3f}"
    if isinstance(value, dict) and {"min", "median", "max"} <= value.keys():
        return name, f"{whole(value['min'])} to {whole(value['max'])}, median {value['median']:,g}"
    if isinstance(value, int) and not isinstance(value, bool) and key != "seed":
        return name, whole(value)
    return name, plain(value)


def _moment(value: Any) -> str:
    text = str(value)
    return text[:10] if len(text) > 10 and text[4:5] == "-" and text[10:11] == "T" else text


def _count(value: Any) -> str:
    return DASH if value is None else whole(value)
