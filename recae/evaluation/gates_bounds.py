"""What quality gates are measured by: bounds of metrics as they are typed, `ndcg@100=0.30`, and usual levels."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

from recae.errors import ConfigError
from recae.evaluation.metrics import LOWER_IS_BETTER, NO_DIRECTION, UNBOUNDED, parse_metrics

ALPHA = 0.05
"""Level of the two-sided paired tests. A claim is in one direction, so that it is false with a chance of half of it."""
TOLERANCE = 0.005
"""How much worse than before a figure may be."""
ROUNDING = 1e-12
"""A figure that is short of its bound by no more than this is on it: sums of 64-bit numbers are no better."""

_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?", re.IGNORECASE)
_EXAMPLE = {True: "rmse=0.9", False: "ndcg@100=0.30"}


@dataclass(frozen=True)
class Bound:
    """A figure that must be reached, or must not be exceeded."""

    metric: str
    limit: float
    upper: bool
    """Whether `limit` is the largest value that passes, else it is the smallest."""

    def __str__(self) -> str:
        return f"{'fail-over' if self.upper else 'fail-under'} {self.metric}={self.limit:g}"


def parse_bound(text: str, *, upper: bool) -> Bound:
    """The bound that `ndcg@100=0.30` asks for.

    Raises:
        ConfigError: it is not METRIC=NUMBER, there is no such metric, its better side is the other one, or the metric
            can never pass it or never fail it.

    >>> parse_bound("ndcg@100=0.30", upper=False)
    Bound(metric='ndcg@100', limit=0.3, upper=False)
    """
    flag, other = ("--fail-over", "--fail-under") if upper else ("--fail-under", "--fail-over")
    name, equals, number = text.partition("=")
    if not equals or not _NUMBER.fullmatch(number.strip()):
        raise ConfigError(f"{flag} {text!r} must be written METRIC=NUMBER, e.g. {flag} {_EXAMPLE[upper]}.")
    metric, limit = parse_metrics([name])[0], float(number)
    if not math.isfinite(limit):
        raise ConfigError(f"{flag} {text}: {number.strip()} is too large a number.")
    if metric.name not in NO_DIRECTION and (metric.name in LOWER_IS_BETTER) is not upper:
        better = "lower" if metric.name in LOWER_IS_BETTER else "higher"
        raise ConfigError(f"{flag} {text}: {better} is better of {metric}; write {other} {metric}={number.strip()}.")
    if metric.name not in UNBOUNDED and not 0 <= limit <= 1:
        hint = f"; did you mean {metric}={limit / 100:g}?" if 1 < limit <= 100 else "."
        raise ConfigError(f"{flag} {text}: {metric} lies between 0 and 1{hint}")
    return Bound(str(metric), limit, upper)
