"""What each model costs beside what it is worth: time, memory and size, as a table and as figures."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from recae.reports import plots
from recae.reports.comparison import Comparison, ModelRun
from recae.reports.cost_plots import memory_plot
from recae.reports.page import drawn
from recae.reports.text import one_line
from recae.reports.wording import DASH, duration, metric_label, score, size, whole

HEADINGS = ("Fit", "Users/s", "Peak memory of the fit", "Foretold, at most", "Weights", "On disk")
"""What is told of each model beside its name and first metric."""


def costs_context(comparison: Comparison) -> dict[str, Any]:
    """What the template costs.html.j2 shows."""
    metric, board = comparison.metrics[0], comparison.leaderboard()
    figures = [plots.cost_plot(comparison), memory_plot(comparison)]
    return {
        "cost_plots": [drawn(plot) for plot in figures if plot is not None],
        "costs": {
            "headings": [metric_label(metric), *HEADINGS],
            "rows": [
                {
                    "name": one_line(run.name),
                    "cells": [{"text": score(run.means[metric]), "raw": run.means[metric]}, *_cells(run)],
                }
                for run in board
            ],
        },
    }


def costs_markdown(comparison: Comparison, escape: Callable[[str], str]) -> list[str]:
    """A heading and a table; `escape` makes any text safe on one line of a table."""
    metric = comparison.metrics[0]
    lines = [["model", metric_label(metric), *(heading.lower() for heading in HEADINGS)]]
    lines.append([":--", *("--:" for _ in lines[0][1:])])
    lines += [
        [escape(run.name), score(run.means[metric]), *(cell["text"] for cell in _cells(run))]
        for run in comparison.leaderboard()
    ]
    return ["## Cost", NOTE, "\n".join(f"| {' | '.join(line)} |" for line in lines)]


NOTE = (
    "Of the chosen setting. Users/s: scored, ranked and judged. Peak memory: main memory while fitting beside the data "
    "that was there; foretold: the most that was expected before."
)


def _cells(run: ModelRun) -> list[dict[str, Any]]:
    told: tuple[tuple[Any, Callable[[Any], str]], ...] = (
        (run.fit_seconds, duration),
        (run.users_per_second, whole),
        (run.fit_peak_bytes, size),
        (run.fit_foretold_bytes, size),
        (run.size_bytes, size),
        (run.disk_bytes, size),
    )
    return [
        {"text": DASH if value is None else in_words(value), "raw": -1 if value is None else value}
        for value, in_words in told
    ]
