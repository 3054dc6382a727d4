"""The table of models: one row each, a column for every metric, grouped so that sixty of them can still be read."""

from __future__ import annotations

import math
from typing import Any

from recae.reports.comparison import Comparison, ModelRun
from recae.reports.page import meter
from recae.reports.standing import best_of_each
from recae.reports.text import LONGEST, name_of, one_line
from recae.reports.wording import (
    base_name,
    duration,
    lower_is_better,
    metric_label,
    metric_meaning,
    score,
)

ON_PAPER = 8
"""Metrics that stand side by side on paper; all of them follow below, one a row, where there are more."""
FAMILIES = ("Ranking", "Beyond accuracy", "Ratings")
_OF_RATINGS = ("rmse", "mae")
_BEYOND = (
    "coverage", "novelty", "popularity", "popularity-lift", "ild", "unexpectedness", "serendipity", "miscalibration",
    "gini", "entropy", "personalisation", "ndcg-gap", "recall-gap", "hit-gap",
)  # fmt: skip


def family(metric: str) -> str:
    """What kind of thing a metric judges, one of `FAMILIES`."""
    base = base_name(metric)
    return FAMILIES[2] if base in _OF_RATINGS else FAMILIES[1] if base in _BEYOND else FAMILIES[0]


def grouped(metrics: tuple[str, ...]) -> dict[str, list[str]]:
    """Metrics by their name without the cut-off, in the order in which they first come: all NDCG, then all recall."""
    groups: dict[str, list[str]] = {}
    for metric in metrics:
        groups.setdefault(base_name(metric), []).append(metric)
    return groups


def models_table(comparison: Comparison) -> dict[str, Any]:
    """`groups` of columns, the same `columns` in one row, and `rows`, best model first, for the template `models`."""
    first, board, judged = comparison.metrics[0], comparison.leaderboard(), comparison.verdict
    best, rivals = best_of_each(comparison), {run.name for run in judged.rivals}
    groups = _groups(comparison.metrics)
    columns = [column for group in groups for column in group["columns"]]
    full = max(max(run.intervals.get(first, (0, run.means[first]))[1], run.means[first]) for run in board)
    rows = [
        {
            "name": one_line(run.name),
            "title": name_of(run.title.partition(",")[0].strip() or run.name, LONGEST),
            "about": one_line(run.title.partition(",")[2].strip()),
            "tied": run.name in rivals,
            "cells": [_cell(run, column["metric"], best, column["extra"]) for column in columns],
            "bar": meter(run.means[first], run.intervals.get(first), full),
            "fit": duration(run.fit_seconds),
            "fit_seconds": run.fit_seconds,
        }
        for run in board
    ]
    return {
        "groups": groups,
        "columns": columns,
        "two_rows": any(len(group["columns"]) > 1 for group in groups),
        "rows": rows,
        "by_metric": _by_metric(comparison, best) if len(columns) > ON_PAPER else None,
    }


def _groups(metrics: tuple[str, ...]) -> list[dict[str, Any]]:
    groups, shown = [], 0
    for base, members in grouped(metrics).items():
        extra = shown > 0 and shown + len(members) > ON_PAPER
        shown += len(members)
        columns = [_column(metric, metrics[0], extra) for metric in members]
        groups.append({"name": metric_label(base), "extra": extra, "columns": columns})
    return groups


def _column(metric: str, first: str, extra: bool) -> dict[str, Any]:
    direction = "ascending" if lower_is_better(metric) else "descending"
    name, at, k = metric_label(metric).partition("@")
    return {
        "metric": metric, "name": one_line(name), "at": one_line(at + k), "meaning": metric_meaning(metric),
        "first": direction, "sort": direction if metric == first else "", "extra": extra,
    }  # fmt: skip


def _cell(run: ModelRun, metric: str, best: dict[str, tuple[str, ...]], extra: bool = False) -> dict[str, Any]:
    value = run.means.get(metric)
    known = value is not None and math.isfinite(value)
    leads = run.name in best.get(metric, ())
    css = " ".join(name for name, wanted in (("best", leads), ("extra", extra)) if wanted)
    return {"text": score(value), "raw": value if known else "", "best": leads, "css": css}


def _by_metric(comparison: Comparison, best: dict[str, tuple[str, ...]]) -> dict[str, Any]:
    """The same figures with a row for each metric, by family."""
    board = comparison.leaderboard()
    ordered = [metric for members in grouped(comparison.metrics).values() for metric in members]
    families = {kind: [metric for metric in ordered if family(metric) == kind] for kind in FAMILIES}
    return {
        "models": [one_line(run.name) for run in board],
        "families": [
            {
                "name": kind,
                "rows": [
                    {
                        "label": metric_label(metric),
                        "cells": [_cell(run, metric, best) for run in board],
                    }
                    for metric in metrics
                ],
            }
            for kind, metrics in families.items()
            if metrics
        ],
    }
