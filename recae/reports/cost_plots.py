"""Quality against the memory that it costs."""

from __future__ import annotations

from recae.reports import plots
from recae.reports.comparison import Comparison
from recae.reports.plots import WIDTH, Plot, series_of
from recae.reports.svg import Drawing, Scale, number, x_axis, y_axis
from recae.reports.wording import lower_is_better, metric_label, score, size

LEAST = 10**6
"""Bytes below which a peak is drawn as if it were so many: it is lost in what a process takes anyway."""


def memory_plot(comparison: Comparison) -> Plot | None:
    """The first metric against the memory that the fit took; None where it is not known of two models or more."""
    metric = comparison.metrics[0]
    board = [run for run in comparison.leaderboard() if run.fit_peak_bytes is not None]
    if len(board) < 2:
        return None
    taken = [float(max(run.fit_peak_bytes or 0, LEAST)) for run in board]
    values = [run.means[metric] for run in board]
    top, bottom, left = 10, 250, 52
    across = Scale(min(taken) / 1.6, max(taken) * 1.6, left, WIDTH - 26, log=True)
    pad = 0.12 * (max(values) - min(values) or 1)
    up = Scale(min(values) - pad, max(values) + pad, bottom, top)
    drawing = Drawing(WIDTH, bottom + 42, f"{metric_label(metric)} against the memory of the fit, model by model")
    y_axis(drawing, up, left, WIDTH - 26, {v: number(v) for v in up.ticks(5)})
    ticks = {value: size(round(value)) for value in across.ticks()}
    x_axis(drawing, across, bottom, top, ticks, "peak memory of the fit (logarithmic)")
    colours, points = series_of(comparison), list(zip(map(across, taken), map(up, values), strict=True))
    for run, point in zip(board, points, strict=True):
        tip = f"{run.title}: {score(run.means[metric])}, fitted with {size(run.fit_peak_bytes or 0)}"
        drawing.dot(point, f"dot {colours[run.name]}", 5, tip)
    for run, place in zip(board, plots.label_places(points, board), strict=True):
        drawing.text(place, plots.called(run))
    better = "lower" if lower_is_better(metric) else "higher"
    lead = (
        f"Further left is cheaper, {better} is better. Main memory at its peak, beside the data that was there before."
    )
    return Plot("Quality against memory", lead, drawing.render())
