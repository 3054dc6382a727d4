"""The figures of one model: its learning curve, and how a metric is distributed over the users."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from recae.counted import counted
from recae.reports.comparison import ModelRun
from recae.reports.plots import WIDTH, Plot
from recae.reports.svg import Drawing, Scale, number, x_axis, y_axis
from recae.reports.text import one_line
from recae.reports.wording import metric_label, percent, score
from recae.training.curve import LearningCurve


def distribution_plot(metric: str, values: np.ndarray) -> Plot:
    """One metric's distribution over users; users at 0 are counted in words, so that they do not flatten the rest."""
    left, right, top, bottom = 48, WIDTH - 10, 10, 180
    highest = float(values.max()) or 1.0
    edges = np.linspace(0, highest, 26)
    shares = np.histogram(values[values > 0], edges)[0] / len(values)
    across, up = Scale(0, highest, left, right), Scale(0, float(shares.max()) * 1.08 or 1.0, bottom, top)
    zero = percent(float((values == 0).mean()))
    told = [f"mean {score(float(values.mean()))}", f"{zero} at 0"]
    drawing = Drawing(WIDTH, bottom + 42, f"Distribution of {metric_label(metric)} over the users", told)
    y_axis(drawing, up, left, right, {v: percent(v) for v in up.ticks(4)})
    x_axis(drawing, across, bottom, top, {v: number(v) for v in across.ticks(5)}, f"{metric_label(metric)} of a user")
    for i, share in enumerate(shares):
        x, y = across(edges[i]), up(float(share))
        tip = f"{percent(float(share))} of users between {edges[i]:.2f} and {edges[i + 1]:.2f}"
        drawing.box(x + 0.5, y, across(edges[i + 1]) - x - 1, bottom - y, "bar s1", tip)
    mean = across(float(values.mean()))
    drawing.line((mean, top), (mean, bottom), "mark")
    lead = f"Share of users by their {metric_label(metric)}, without the {zero} who are at 0. Dashed: the mean of all."
    return Plot(metric_label(metric), lead, drawing.render())


def curve_plot(run: ModelRun) -> Plot | None:
    """The validation metric and the training loss by epoch."""
    curve = run.curve
    if curve is None or len(curve.points) < 2:
        return None
    best = f"epoch {curve.best_epoch} of {len(curve.points)} was kept"
    drawing = Drawing(WIDTH, 196, f"Learning curve of {one_line(run.title)}", [best])
    epochs = [float(point.epoch) for point in curve.points]
    judged = [(float(p.epoch), p.metric) for p in curve.points if p.metric is not None]
    middle = WIDTH / 2
    if len(judged) > 1:
        name = metric_label(curve.metric_name) if curve.metric_name else "metric"
        kept = next((value for epoch, value in judged if epoch == curve.best_epoch), None)
        _panel(drawing, judged, (44, middle - 12), f"{name}, validation", "s1", (curve.best_epoch, kept))
    losses = list(curve.points[0].losses)
    if losses:
        values = [point.losses.get(losses[0], float("nan")) for point in curve.points]
        known = [(e, v) for e, v in zip(epochs, values, strict=True) if np.isfinite(v)]
        if len(known) > 1:
            label = "training loss" if losses[0] in ("loss", "train") else losses[0]
            _panel(drawing, known, (middle + 44, WIDTH - 8), label, "s0", (0, None))
    return Plot(one_line(run.title), _course(curve), drawing.render())


def curves_markdown(runs: Sequence[ModelRun], escape: Callable[[str], str]) -> list[str]:
    """How each training went, in words; `escape` makes any text safe on one line."""
    lines = []
    for run in runs:
        if run.curve is not None and len(run.curve.points) >= 2:
            told = f"{_course(run.curve)} {_reached(run.curve)}".strip()
            lines.append(f"- **{escape(run.name)}**: {escape(told)}")
    return ["## Training", "\n".join(lines)] if lines else []


def _course(curve: LearningCurve) -> str:
    stop = "stopped early" if curve.stopped_early else "ran to the end"
    return f"{counted(len(curve.points), 'epoch')}, {stop}; the weights of epoch {curve.best_epoch} were kept."


def _reached(curve: LearningCurve) -> str:
    """The validation metric of the first epoch, of the one that was kept, and of the last."""
    judged = [(point.epoch, point.metric) for point in curve.points if point.metric is not None]
    if not judged:
        return ""
    shown = dict([judged[0], *[one for one in judged if one[0] == curve.best_epoch], judged[-1]])
    values = ", ".join(f"{score(value)} after epoch {epoch}" for epoch, value in sorted(shown.items()))
    return f"Validation {metric_label(curve.metric_name or 'metric')}: {values}."


def _panel(
    drawing: Drawing,
    points: Sequence[tuple[float, float]],
    sides: tuple[float, float],
    title: str,
    css: str,
    best: tuple[int, float | None],
) -> None:
    top, bottom = 26, 152
    low, high = min(v for _, v in points), max(v for _, v in points)
    pad = 0.08 * (high - low or abs(high) or 1)
    across = Scale(points[0][0], points[-1][0], *sides)
    up = Scale(low - pad, high + pad, bottom, top)
    drawing.text((sides[0], 14), title, "label")
    y_axis(drawing, up, sides[0], sides[1], {v: number(v) for v in up.ticks(4)})
    whole_epochs = sorted({round(v) for v in across.ticks(4)})
    x_axis(drawing, across, bottom, top, {float(v): str(v) for v in whole_epochs}, "epoch")
    drawing.path([(across(e), up(v)) for e, v in points], f"curve {css}")
    if best[1] is not None:
        drawing.dot((across(best[0]), up(best[1])), f"dot {css}", 4.5, f"epoch {best[0]}: {score(best[1])}")
