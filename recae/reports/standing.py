"""Who leads in each column of the table."""

from __future__ import annotations

import math

from recae.reports.comparison import Comparison
from recae.reports.wording import has_direction, lower_is_better


def best_of_each(comparison: Comparison) -> dict[str, tuple[str, ...]]:
    """Metric -> names of the models with its best value (several where it is shared).

    Metrics without a better side, such as novelty, are left out, and so is a comparison of one model.
    """
    best: dict[str, tuple[str, ...]] = {}
    if len(comparison.runs) < 2:
        return best
    for metric in filter(has_direction, comparison.metrics):
        figures = {run.name: run.means.get(metric, math.nan) for run in comparison.runs}
        values = {name: value for name, value in figures.items() if math.isfinite(value)}
        if values:
            top = min(values.values()) if lower_is_better(metric) else max(values.values())
            best[metric] = tuple(name for name, value in values.items() if value == top)
    return best
