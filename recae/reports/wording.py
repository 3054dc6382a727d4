"""Numbers and names as a person reads them, the same in every report."""

from __future__ import annotations

import math
from typing import Any

from recae.evaluation.metrics import LOWER_IS_BETTER, NO_DIRECTION

MINUS, DASH = "\N{MINUS SIGN}", "\N{EN DASH}"
_METRIC_LABELS = {
    "ndcg": "NDCG",
    "recall": "Recall",
    "trecall": "Truncated recall",
    "precision": "Precision",
    "map": "MAP",
    "mrr": "MRR",
    "hit": "Hit",
    "coverage": "Coverage",
    "novelty": "Novelty",
    "rmse": "RMSE",
    "mae": "MAE",
    "rprecision": "R-precision",
    "map-all": "MAP (of all relevant)",
    "rbp50": "RBP (p 0.5)",
    "rbp80": "RBP (p 0.8)",
    "rbp95": "RBP (p 0.95)",
    "ndcg-graded": "Graded NDCG",
    "ndcg-exp": "Graded NDCG (exponential)",
    "auc": "AUC",
    "psp": "PSP",
    "npsp": "Normalised PSP",
    "popularity": "Popularity",
    "popularity-lift": "Popularity lift",
    "ild": "Intra-list distance",
    "unexpectedness": "Unexpectedness",
    "serendipity": "Serendipity",
    "miscalibration": "Miscalibration",
    "gini": "Gini",
    "entropy": "Entropy",
    "personalisation": "Personalisation",
    "ndcg-gap": "NDCG gap",
    "recall-gap": "Recall gap",
    "hit-gap": "Hit gap",
    "found": "Found",
}
_METRIC_MEANINGS = {
    "ndcg": "How well the hidden items are ranked within the first {k} places: a hit counts more the higher it "
    "stands; 1 is the best possible order.",
    "recall": "Share of a user's hidden items found within the first {k} places.",
    "trecall": "Hidden items found within the first {k} places, out of as many as could be found there: "
    "{k}, or all of them where there are fewer.",
    "precision": "Share of the first {k} places that hold a hidden item.",
    "map": "Mean of the precision at the place of every hit within the first {k} places.",
    "mrr": "One divided by the place of the first hit within the first {k} places, 0 where there is none.",
    "hit": "Share of users with a hit within the first {k} places.",
    "coverage": "Share of the catalogue that appears in anybody's first {k} places.",
    "novelty": "How little known the listed items are (mean self-information in bits over the first {k} places).",
    "rmse": "Root of the mean squared error of the predicted ratings; lower is better.",
    "mae": "Mean absolute error of the predicted ratings; lower is better.",
    "rprecision": "Share of hits among as many first places as the user has hidden items.",
    "map-all": "Sum of the precision at the place of every hit within the first {k} places, divided by the number of "
    "hidden items.",
    "rbp50": "Hits within the first {k} places as an impatient reader meets them, who goes on with a chance of 50%.",
    "rbp80": "Hits within the first {k} places as a reader meets them who goes on with a chance of 80%.",
    "rbp95": "Hits within the first {k} places as a patient reader meets them, who goes on with a chance of 95%.",
    "ndcg-graded": "NDCG within the first {k} places where a hidden item counts as much as its rating.",
    "ndcg-exp": "NDCG within the first {k} places where a hidden item counts 2 to the power of its rating, minus 1.",
    "auc": "How often a hidden item is ranked above another one, over the whole catalogue; 0.5 is chance.",
    "psp": "Precision within the first {k} places where hits on rare items count more; it can exceed 1.",
    "npsp": "Hits within the first {k} places, those on rare items counting more, out of the most that was possible.",
    "popularity": "Share of the training users who have an item of the first {k} places, on average.",
    "popularity-lift": "How much more popular the items of the first {k} places are than those of the histories.",
    "ild": "How different the items within the first {k} places are from each other (mean cosine distance).",
    "unexpectedness": "How different the first {k} items are from the user's history (mean cosine distance).",
    "serendipity": "Share of the first {k} places with a hit, each counting how far it is from the user's history.",
    "miscalibration": "How far the genres of the first {k} items are from those of the user's history (in nats); lower "
    "is better.",
    "gini": "How unevenly the first {k} places of all lists are shared among the items; 0 is evenly.",
    "entropy": "How evenly the first {k} places of all lists are shared among the items, in bits; more is more evenly.",
    "personalisation": "How little the first {k} places of two users have in common; 1 is nothing.",
    "ndcg-gap": "Difference of NDCG within {k} places between the users served best and worst; lower is better.",
    "recall-gap": "Difference of recall within {k} places between the users served best and worst; lower is better.",
    "hit-gap": "Difference of the hit rate within {k} places between the users served best and worst; lower is better.",
}
MOST_PERCENT = 2.0
"""Gains above it are easier to grasp as a multiple than in percent."""


def base_name(metric: str) -> str:
    """`"ndcg"` of `"ndcg@10"`."""
    return metric.partition("@")[0]


def cutoff(metric: str) -> int | None:
    """10 of `"ndcg@10"`; None where there is no cut-off."""
    _, _, k = metric.partition("@")
    return int(k) if k.isdigit() else None


def metric_label(metric: str) -> str:
    """A metric's name as it is printed: `"NDCG@10"`."""
    name, at, k = metric.partition("@")
    return _METRIC_LABELS.get(name, name) + at + k


def metric_meaning(metric: str) -> str:
    """What the metric says, in one sentence; empty where it is not known."""
    return _METRIC_MEANINGS.get(base_name(metric), "").format(k=cutoff(metric))


def lower_is_better(metric: str) -> bool:
    """Whether the metric measures an error, a distance from what is wanted, or a gap."""
    return base_name(metric) in LOWER_IS_BETTER


def has_direction(metric: str) -> bool:
    """Whether more of it (or less) is better at all; novelty, for one, only describes."""
    return base_name(metric) not in NO_DIRECTION


def score(value: float | None) -> str:
    """A metric's value: `"0.3375"`, `"12.35"`."""
    if value is None or not math.isfinite(value):
        return DASH
    return f"{value:.4f}" if abs(value) < 10 else f"{value:.2f}"


def change(value: float) -> str:
    """A difference with its sign: `"+0.0123"`."""
    return f"{value:+.4f}".replace("-", MINUS)


def percent(share: float) -> str:
    """0.794 as `"79%"`, small shares with the digits that matter."""
    if not math.isfinite(share):
        return DASH
    points = 100 * share
    digits = 0 if abs(points) >= 9.95 or points == 0 else 1 if abs(points) >= 0.95 else 2
    return f"{points:.{digits}f}%".replace("-", MINUS)


def gained(share: float) -> str:
    """A gain for a label: 0.79 as `"+79%"`, more than twice as much again as `"11.7 times"`."""
    if share > MOST_PERCENT:
        return f"{_times(share)} times"
    shown = percent(share)
    return shown if shown.startswith(MINUS) else f"+{shown}"


def better_than(share: float, other: str) -> str:
    """`"79% better than popularity"`, `"11.7 times as good as popularity"`; without a figure where there is none."""
    if not math.isfinite(share):
        return f"better than {other}"
    return (
        f"{_times(share)} times as good as {other}" if share > MOST_PERCENT else f"{percent(share)} better than {other}"
    )


def _times(share: float) -> str:
    return f"{1 + share:.1f}" if share < 99 else whole(1 + share)


def duration(seconds: float) -> str:
    """`"4 ms"`, `"0.42 s"`, `"37 s"`, `"4 min 10 s"`, `"2 h 5 min"`."""
    if seconds < 0.0995:
        return f"{1000 * seconds:.0f} ms" if seconds >= 0.001 else "< 1 ms"
    if seconds < 9.95:
        return f"{seconds:.2f} s" if seconds < 0.995 else f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 100:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def size(count: int) -> str:
    """Bytes in the unit that fits: `"12.3 MB"`."""
    amount = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 999.5 or unit == "GB":
            break
        amount /= 1000
    return f"{amount:.0f} {unit}" if unit == "B" or amount >= 99.5 else f"{amount:.1f} {unit}"


def whole(count: float) -> str:
    """An integer with separators between thousands: `"100,000"`."""
    return f"{round(count):,}"


def plain(value: Any) -> str:
    """Any value of a setting or a fact on one line."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 10_000 and value == int(value) else f"{value:.4g}"
    if isinstance(value, dict):
        return ", ".join(f"{key} {plain(inner)}" for key, inner in value.items()) or "none"
    if isinstance(value, (list, tuple)):
        return ", ".join(plain(inner) for inner in value) or "none"
    return str(value)


def joined(names: list[str]) -> str:
    """`"a"`, `"a and b"`, `"a, b and c"`."""
    return names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]


def settings(values: dict[str, Any]) -> str:
    """Hyper-parameters on one line: `"l2 = 500, rank = 40"`."""
    return ", ".join(f"{key} = {setting(value)}" for key, value in values.items()) or "defaults"


def setting(value: Any) -> str:
    """One hyper-parameter's value, without separators, so that it can be typed again."""
    return f"{value:g}" if isinstance(value, float) else plain(value) if not isinstance(value, int) else str(value)
