"""What each model reached on each of several splits, as a table."""

from __future__ import annotations

from typing import Any

from recae.reports.comparison import Comparison
from recae.reports.text import name_of
from recae.reports.wording import metric_label, score

OF_THE_FIRST = (
    "Groups of users and items, examples, the map, learning curves, seconds and sizes are those of the first split."
)
"""What else a report of several splits shows."""
MOST_SPLITS = 20
"""More columns than these are not read; report.json has them."""


def splits_table(comparison: Comparison) -> dict[str, Any] | None:
    """The first metric of every model on every split with its mean, best model first; None of one split."""
    metric = comparison.metrics[0]
    if comparison.n_splits == 1:
        return None
    shown = min(comparison.n_splits, MOST_SPLITS)
    rows = []
    for run in comparison.leaderboard():
        values = run.over_splits.means.get(metric, ()) if run.over_splits is not None else ()
        rows.append({"name": name_of(run.name), "values": [score(value) for value in values[:shown]]})
        rows[-1]["mean"] = score(run.means[metric])
    return {
        "metric": metric_label(metric),
        "columns": [str(number) for number in range(1, shown + 1)],
        "rows": rows,
        "more": comparison.n_splits - shown,
        "note": OF_THE_FIRST,
    }
