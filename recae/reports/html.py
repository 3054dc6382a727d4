"""A comparison as one HTML page: verdict first, then the table, the figures, and how it all came to be."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from recae.reports import plots
from recae.reports.comparison import Comparison
from recae.reports.costs import costs_context
from recae.reports.datafacts import data_rows, histogram, split_rows, split_table
from recae.reports.error_section import errors_context
from recae.reports.examples import MOST_EXAMPLES, MOST_TARGETS, example
from recae.reports.gates import gates_context
from recae.reports.item_map import map_context, map_name
from recae.reports.model_plots import curve_plot
from recae.reports.models_table import models_table
from recae.reports.page import drawn, making, write_page
from recae.reports.pairs import pair_sentence
from recae.reports.similar_items import silent, similar_context
from recae.reports.slice_section import slices_context
from recae.reports.slices import tables_of
from recae.reports.split_by_split import splits_table
from recae.reports.standing import interval_words
from recae.reports.text import one_line
from recae.reports.trials import settings_context
from recae.reports.verdict import Verdict, spoken
from recae.reports.wording import duration, gained, metric_label, metric_meaning, score, whole


def write_html(comparison: Comparison, path: str | Path) -> None:
    """Write the page to `path`: one file that loads nothing, in light and dark, for screen, phone and paper.

    Raises:
        ConfigError: jinja2 is not installed (`pip install 'recae[report]'`).
        StorageError: the file could not be written.
    """
    write_page("comparison.html.j2", path, _context(comparison))


def _context(comparison: Comparison) -> dict[str, Any]:
    judged, metric = comparison.verdict, comparison.metrics[0]
    figures = [
        plots.interval_plot(comparison),
        *plots.cutoff_plots(comparison),
        plots.spread_plot(comparison),
        plots.tail_plot(comparison),
    ]
    order = [run.name for run in comparison.leaderboard()]
    curves = [curve_plot(run) for run in comparison.leaderboard()]
    return {
        "headline": one_line(judged.headline),
        "details": [one_line(sentence) for sentence in judged.details],
        "caution": judged.caution,
        "most_targets": MOST_TARGETS,
        "source": one_line(str(comparison.data.get("source") or "")),
        "stats": _stats(judged),
        "metric": metric_label(metric),
        "intervals": interval_words(comparison),
        "selected_on": one_line(comparison.selected_on),
        "table": models_table(comparison),
        "plots": [drawn(plot) for plot in figures if plot],
        "curves": [drawn(plot) for plot in curves if plot],
        "splits": splits_table(comparison),
        "pairs": [one_line(pair_sentence(test)) for test in comparison.pairs],
        "settings": [settings_context(run, metric) for run in comparison.leaderboard()],
        "examples": [example(user, order) for user in comparison.examples[:MOST_EXAMPLES]],
        "similar": similar_context(comparison),
        "silent": [one_line(name) for name in silent(comparison)],
        "map": None if comparison.item_map is None else map_context(comparison.item_map, map_name(comparison)),
        "data": data_rows(comparison.data),
        "histogram": histogram(comparison.data),
        "split": split_rows(comparison.split),
        "split_parts": split_table(comparison.split),
        "meanings": [(metric_label(name), metric_meaning(name)) for name in comparison.metrics if metric_meaning(name)],
        **slices_context(tables_of(comparison), plots.series_of(comparison)),
        **costs_context(comparison),
        **errors_context(comparison.errors, order, metric),
        **gates_context(comparison.gates),
        **making(comparison.facts),
    }


def _stats(judged: Verdict) -> list[dict[str, str]]:
    best = judged.best
    stats = [(one_line(f"{metric_label(judged.metric)} of {spoken(best)}", 60), score(best.means[judged.metric]))]
    for run, gap in judged.against:
        if math.isfinite(gap.share):
            unsure = "" if gap.clear else ", not clearly"
            stats.append((one_line(f"against {spoken(run)}", 60) + unsure, gained(gap.share)))
    stats.append(("to fit the best model", duration(best.fit_seconds)))
    stats.append(("test users", whole(len(best.evaluation.users))))
    return [{"label": label, "value": value} for label, value in stats]
