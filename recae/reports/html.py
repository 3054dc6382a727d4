"""A comparison as one HTML page: verdict first, then the table, the figures, and how it all came to be."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from recae.reports import plots
from recae.reports.comparison import Comparison, ModelRun, Trial
from recae.reports.datafacts import data_rows, histogram, split_rows, split_table
from recae.reports.examples import MOST_EXAMPLES, MOST_TARGETS, example
from recae.reports.page import clipped, drawn, making, meter, write_page
from recae.reports.pairs import pair_sentence
from recae.reports.standing import best_of_each
from recae.reports.verdict import Verdict, spoken
from recae.reports.wording import (
    duration,
    gained,
    has_direction,
    lower_is_better,
    metric_label,
    metric_meaning,
    score,
    setting,
    settings,
    size,
    whole,
)

MOST_TRIALS = 200


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
        plots.cost_plot(comparison),
        *plots.cutoff_plots(comparison),
        plots.spread_plot(comparison),
        plots.tail_plot(comparison),
    ]
    order = [run.name for run in comparison.leaderboard()]
    curves = [plots.curve_plot(run) for run in comparison.leaderboard()]
    return {
        "headline": clipped(judged.headline),
        "details": [clipped(sentence) for sentence in judged.details],
        "caution": judged.caution,
        "most_targets": MOST_TARGETS,
        "source": clipped(str(comparison.data.get("source") or "")),
        "stats": _stats(judged),
        "metric": metric_label(metric),
        "selected_on": clipped(comparison.selected_on),
        "columns": [_column(name) for name in comparison.metrics],
        "rows": _rows(comparison, judged),
        "plots": [drawn(plot) for plot in figures if plot],
        "curves": [drawn(plot) for plot in curves if plot],
        "pairs": [clipped(pair_sentence(test)) for test in comparison.pairs],
        "settings": [_settings(run, metric) for run in comparison.leaderboard()],
        "examples": [example(user, order) for user in comparison.examples[:MOST_EXAMPLES]],
        "data": data_rows(comparison.data),
        "histogram": histogram(comparison.data),
        "split": split_rows(comparison.split),
        "split_parts": split_table(comparison.split),
        "meanings": [(metric_label(name), metric_meaning(name)) for name in comparison.metrics if metric_meaning(name)],
        **making(comparison.facts),
    }


def _stats(judged: Verdict) -> list[dict[str, str]]:
    best = judged.best
    stats = [(f"{metric_label(judged.metric)} of {spoken(best)}", score(best.means[judged.metric]))]
    for run, gap in judged.against:
        if math.isfinite(gap.share):
            stats.append((f"against {spoken(run)}", gained(gap.share)))
    stats.append(("to fit the best model", duration(best.fit_seconds)))
    stats.append(("test users", whole(len(best.evaluation.users))))
    return [{"label": label, "value": value} for label, value in stats]


def _column(metric: str) -> dict[str, str]:
    first = "ascending" if lower_is_better(metric) else "descending"
    name, at, k = metric_label(metric).partition("@")
    return {"name": name, "at": at + k, "meaning": metric_meaning(metric), "first": first, "sort": first}


def _rows(comparison: Comparison, judged: Verdict) -> list[dict[str, Any]]:
    first, board = comparison.metrics[0], comparison.leaderboard()
    best, rivals = best_of_each(comparison), {run.name for run in judged.rivals}
    full = max(max(run.intervals.get(first, (0, run.means[first]))[1], run.means[first]) for run in board)
    return [
        {
            "name": run.name,
            "title": clipped(run.title.partition(",")[0]),
            "about": clipped(run.title.partition(",")[2].strip()),
            "tied": run.name in rivals,
            "cells": [_cell(run, metric, run.name in best.get(metric, ())) for metric in comparison.metrics],
            "bar": meter(run.means[first], run.intervals.get(first), full),
            "fit": duration(run.fit_seconds),
            "fit_seconds": run.fit_seconds,
        }
        for run in board
    ]


def _cell(run: ModelRun, metric: str, best: bool) -> dict[str, Any]:
    value = run.means.get(metric)
    return {"text": score(value), "raw": value, "best": best and has_direction(metric)}


def _settings(run: ModelRun, metric: str) -> dict[str, Any]:
    names = list(dict.fromkeys(name for trial in run.trials for name in trial.settings))
    chosen = _chosen(run, lower_is_better(metric)) if run.trials else None
    spent = duration(sum(trial.seconds for trial in run.trials))
    return {
        "name": run.name,
        "chosen": clipped(settings({name: run.config.get(name) for name in names} or run.config)),
        "search": f"{len(run.trials)} tried in {spent}" if run.trials else "not tuned",
        "cost": f"{size(run.size_bytes)}, {whole(run.users_per_second)} users/s",
        "names": [clipped(name) for name in names],
        "rows": [
            {
                "settings": [clipped(setting(trial.settings.get(name, run.config.get(name)))) for name in names],
                "value": score(trial.value),
                "seconds": duration(trial.seconds),
                "chosen": trial is chosen,
            }
            for trial in run.trials[:MOST_TRIALS]
        ],
    }


def _chosen(run: ModelRun, lower: bool) -> Trial:
    fitting = [t for t in run.trials if all(run.config.get(key) == value for key, value in t.settings.items())]
    return (min if lower else max)(fitting or run.trials, key=lambda trial: trial.value)
