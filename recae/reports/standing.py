"""Who leads in each column of the table, and what is to be known of its figures."""

from __future__ import annotations

import math

from recae.counted import counted
from recae.reports.comparison import Comparison, ModelRun
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


def interval_words(comparison: Comparison) -> str:
    """What the intervals of the table are: `"95% bootstrap interval over test users"`."""
    if comparison.n_splits == 1:
        return "95% bootstrap interval over test users"
    return f"95% interval over {counted(comparison.n_splits, 'split')} and their test users"


def test_words(comparison: Comparison) -> str:
    """What the pairs of models were tested with."""
    return "paired randomisation test" if comparison.n_splits == 1 else "corrected resampled t-test over the splits"


def failed_words(run: ModelRun) -> str:
    """`", 2 failed"` of the settings that were tried; empty where none did."""
    failed = sum(bool(trial.failed) for trial in run.trials)
    return f", {failed} failed" if failed else ""
