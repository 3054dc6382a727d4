"""The figures of a comparison: each says what to look at, and is drawn only where there is something to show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from recae.reports.comparison import Comparison, ModelRun
from recae.reports.standalone import standalone
from recae.reports.standing import interval_words
from recae.reports.svg import LETTER, Drawing, Point, Scale, number, spread, x_axis, y_axis
from recae.reports.text import name_of
from recae.reports.verdict import POPULARITY
from recae.reports.wording import (
    base_name,
    cutoff,
    duration,
    joined,
    lower_is_better,
    metric_label,
    percent,
    score,
    whole,
)

WIDTH = 460
LONGEST_NAME = 22
_SERIES = 7
_LENGTHS = (1, 5, 10, 20, 50, 100)
_BY_LENGTH = ("ndcg", "recall")


@dataclass(frozen=True)
class Plot:
    """A drawing with its heading and a sentence on how to read it."""

    title: str
    lead: str
    svg: str = field(repr=False)

    def _repr_svg_(self) -> str:
        """How a notebook shows it."""
        return standalone(self.title, self.svg)


def with_list_lengths(metrics: Sequence[str]) -> tuple[str, ...]:
    """`metrics` and, behind them, what `cutoff_plots` needs: NDCG and recall, if asked for, at other list lengths."""
    bases = dict.fromkeys(base_name(metric) for metric in metrics if base_name(metric) in _BY_LENGTH)
    return tuple(dict.fromkeys([*metrics, *(f"{base}@{k}" for base in bases for k in _LENGTHS)]))


def series_of(comparison: Comparison) -> dict[str, str]:
    """Model -> style class of its colour: the best has the accent, popularity is grey."""
    board = comparison.leaderboard()
    others = [run.name for run in board[1:] if run.name != POPULARITY]
    colours = {name: f"s{2 + i % (_SERIES - 1)}" for i, name in enumerate(others)}
    if board[-1].name == POPULARITY or any(run.name == POPULARITY for run in board[1:]):
        colours[POPULARITY] = "s0"
    return {board[0].name: "s1"} | colours


def interval_plot(comparison: Comparison) -> Plot | None:
    """The first metric of every model with its interval."""
    metric, board = comparison.metrics[0], comparison.leaderboard()
    if metric not in board[0].intervals:
        return None
    spans = [run.intervals[metric] for run in board]
    left, right, top, step = _name_width(board), WIDTH - 60, 8, 30
    bottom = top + step * len(board)
    pad = 0.06 * (max(high for _, high in spans) - min(low for low, _ in spans) or 1)
    low, high = min(low for low, _ in spans) - pad, max(high for _, high in spans) + pad
    scale = Scale(low, high, left, right)
    told = [
        f"{called(run)} {score(run.means[metric])}, {score(lower)} to {score(upper)}"
        for run, (lower, upper) in zip(board, spans, strict=True)
    ]
    drawing = Drawing(WIDTH, bottom + 44, f"{metric_label(metric)} of each model with its 95% interval", told)
    x_axis(drawing, scale, bottom, top, {v: number(v) for v in scale.ticks(4)}, metric_label(metric))
    drawing.box(scale(spans[0][0]), top, scale(spans[0][1]) - scale(spans[0][0]), bottom - top, "band")
    colours = series_of(comparison)
    for row, (run, (lower, upper)) in enumerate(zip(board, spans, strict=True)):
        y, mean, css = top + step * (row + 0.5), run.means[metric], colours[run.name]
        tip = f"{run.title}: {score(mean)}, {score(lower)} to {score(upper)}"
        drawing.text((left - 10, y + 4), called(run), "label strong" if row == 0 else "label", "end")
        drawing.line((scale(lower), y), (scale(upper), y), f"whisker {css}")
        drawing.dot((scale(mean), y), f"dot {css}", 4.5, tip)
        drawing.text((WIDTH - 4, y + 4), score(mean), "label strong" if row == 0 else "label", "end")
    lead = f"Dot: mean. Line: {interval_words(comparison)}. The band is the interval of the best model."
    return Plot("How sure the order is", lead, drawing.render())


def cost_plot(comparison: Comparison) -> Plot | None:
    """The first metric against the time to fit."""
    metric, board = comparison.metrics[0], comparison.leaderboard()
    if len(board) < 2:
        return None
    seconds = [max(run.fit_seconds, 0.001) for run in board]
    values = [run.means[metric] for run in board]
    top, bottom, left = 10, _bottom(board), 52
    across = Scale(min(seconds) / 1.6, max(seconds) * 1.6, left, WIDTH - 10, log=True)
    pad = 0.12 * (max(values) - min(values) or 1)
    up = Scale(min(values) - pad, max(values) + pad, bottom, top)
    told = [f"{called(run)} {score(run.means[metric])} in {duration(run.fit_seconds)}" for run in board]
    drawing = Drawing(WIDTH, bottom + 42, f"{metric_label(metric)} against the time to fit", told)
    y_axis(drawing, up, left, WIDTH - 10, {v: number(v) for v in up.ticks(5)})
    x_axis(drawing, across, bottom, top, {v: _seconds(v) for v in across.ticks()}, "time to fit (logarithmic)")
    colours, points = series_of(comparison), list(zip(map(across, seconds), map(up, values), strict=True))
    for run, point in zip(board, points, strict=True):
        tip = f"{run.title}: {score(run.means[metric])}, fitted in {duration(run.fit_seconds)}"
        drawing.dot(point, f"dot {colours[run.name]}", 5, tip)
    for run, place in zip(board, label_places(points, board), strict=True):
        drawing.text(place, called(run))
    better = "lower" if lower_is_better(metric) else "higher"
    lead = (
        f"Further left is cheaper, {better} is better. Time is for the chosen setting only, without the search for it."
    )
    return Plot("Quality against cost", lead, drawing.render())


def cutoff_plots(comparison: Comparison) -> list[Plot]:
    """One figure for each metric that was measured at three list lengths or more, of every model."""
    measured: dict[str, list[str]] = {}
    first, *others = [run.means for run in comparison.leaderboard()]
    for metric in first:
        by_length = cutoff(metric) is not None and base_name(metric) in _BY_LENGTH
        if by_length and all(metric in means for means in others):
            measured.setdefault(base_name(metric), []).append(metric)
    return [_cutoff_plot(comparison, sorted(m, key=lambda x: cutoff(x) or 0)) for m in measured.values() if len(m) >= 3]


def _cutoff_plot(comparison: Comparison, metrics: list[str]) -> Plot:
    board, colours = comparison.leaderboard(), series_of(comparison)
    lengths = [cutoff(metric) or 1 for metric in metrics]
    name = metric_label(base_name(metrics[0]))
    top, bottom, left, right = 10, _bottom(board), 48, WIDTH - 14 - max(len(called(run)) for run in board) * LETTER
    across = Scale(lengths[0], lengths[-1], left, right, log=True)
    highest = max(run.means[metric] for run in board for metric in metrics)
    up = Scale(0, highest * 1.05, bottom, top)
    told = [f"{called(run)} {' '.join(score(run.means[metric]) for metric in metrics)}" for run in board]
    at = f"{name} of each model in the first {joined([str(k) for k in lengths])} places"
    drawing = Drawing(WIDTH, bottom + 42, at, told)
    y_axis(drawing, up, left, right, {v: number(v) for v in up.ticks(5)})
    x_axis(drawing, across, bottom, top, {float(k): str(k) for k in lengths}, "places of the list that count")
    ends = spread([up(run.means[metrics[-1]]) for run in board], 15, top + 4, bottom)
    for run, end in reversed(list(zip(board, ends, strict=True))):
        points = [(across(k), up(run.means[metric])) for k, metric in zip(lengths, metrics, strict=True)]
        drawing.path(points, f"curve {colours[run.name]}")
        for point, metric in zip(points, metrics, strict=True):
            tip = f"{run.title}: {metric_label(metric)} {score(run.means[metric])}"
            drawing.dot(point, f"dot {colours[run.name]}", 3, tip)
        drawing.text((right + 10, end + 4), called(run), f"label {colours[run.name]}")
    return Plot(
        f"{name} by list length",
        "Whether the order of the models holds for shorter and longer lists.",
        drawing.render(),
    )


def tail_plot(comparison: Comparison) -> Plot | None:
    """How many users each item of the catalogue has, most popular first."""
    counts = np.asarray(comparison.popularity_curve, dtype=float)
    if len(counts) < 2 or counts.max() <= 0:
        return None
    top, bottom, left, right = 10, 230, 52, WIDTH - 18
    across, up = Scale(0, 1, left, right), Scale(0, float(counts.max()) * 1.04, bottom, top)
    shares = np.arange(len(counts)) / (len(counts) - 1)
    points = [(across(float(x)), up(float(y))) for x, y in zip(shares, counts, strict=True)]
    half = float(shares[int(np.searchsorted(counts.cumsum(), counts.sum() / 2))])
    told = [f"the first {percent(half)} of the items hold half of all interactions"]
    drawing = Drawing(WIDTH, bottom + 42, "Users per item, from the most to the least popular item", told)
    y_axis(drawing, up, left, right, {v: number(v) for v in up.ticks(4)})
    x_axis(
        drawing, across, bottom, top, {v: percent(v) for v in (0, 0.25, 0.5, 0.75, 1.0)}, "items, most popular first"
    )
    head = [point for point in points if point[0] <= across(half) + 0.01]
    drawing.area(points, bottom, "area")
    if len(head) > 1:
        drawing.area(head, bottom, "area more")
    drawing.path(points, "curve s1")
    x = across(half)
    drawing.line((x, top + 26), (x, bottom), "mark")
    drawing.text((x + 8, top + 36), f"{percent(half)} of the items", "label strong")
    drawing.text((x + 8, top + 52), "hold half of all interactions", "label")
    return Plot(
        "The long tail of the data",
        "Training users per item; the steeper, the better plain popularity does.",
        drawing.render(),
    )


def spread_plot(comparison: Comparison) -> Plot | None:
    """How the first metric is distributed over the test users."""
    metric = comparison.metrics[0]
    board = comparison.leaderboard()
    if any(metric not in run.evaluation.per_user for run in board):
        return None
    colours, names, right, top, step = series_of(comparison), _name_width(board), WIDTH - 8, 22, 36
    left = names + 48
    highest = max(float(run.evaluation.per_user[metric].max()) for run in board) or 1.0
    edges = np.linspace(0, highest, 21)
    # Users without any hit are told in figures: their bar would flatten all others.
    values = [run.evaluation.per_user[metric] for run in board]
    shares = [np.histogram(value[value > 0], edges)[0] / len(value) for value in values]
    tallest = max(float(share.max()) for share in shares) or 1.0
    bottom, across = top + step * len(board), Scale(0, highest, left, right)
    zeros = [float((value == 0).mean()) for value in values]
    told = [f"{called(run)} {percent(zero)} at 0" for run, zero in zip(board, zeros, strict=True)]
    drawing = Drawing(WIDTH, bottom + 44, f"Distribution of {metric_label(metric)} over the test users", told)
    x_axis(drawing, across, bottom, top, {v: number(v) for v in across.ticks(5)}, f"{metric_label(metric)} of a user")
    drawing.text((left - 8, top - 8), "at 0", "tick", "end")
    for row, (run, share, zero) in enumerate(zip(board, shares, zeros, strict=True)):
        base = top + step * (row + 1)
        drawing.text((names - 10, base - 6), called(run), "label", "end")
        drawing.text((left - 8, base - 6), percent(zero), "tick", "end")
        for i, part in enumerate(share):
            height = float(part) / tallest * (step - 8)
            x, width = across(edges[i]), across(edges[i + 1]) - across(edges[i])
            tip = f"{percent(float(part))} of users between {edges[i]:.2f} and {edges[i + 1]:.2f}"
            drawing.box(x + 0.5, base - height, width - 1, height, f"bar {colours[run.name]}", tip)
        mean = across(run.means[metric])
        drawing.line((mean, base - step + 8), (mean, base), "mark")
    lead = f"Share of test users by their {metric_label(metric)}; who is at 0 saw no hit. Dashed: the mean."
    return Plot("Not every user is served alike", lead, drawing.render())


def label_places(points: Sequence[Point], board: Sequence[ModelRun]) -> list[Point]:
    """Where each label begins: on the side of its dot where it covers least of other dots and labels."""
    taken = [(x - 6, y - 6, x + 6, y + 6) for x, y in points]
    places = []
    for (x, y), run in zip(points, board, strict=True):
        wide = len(called(run)) * LETTER
        sides = [(x + 9, y + 4), (x - 9 - wide, y + 4), (x - wide / 2, y - 10), (x - wide / 2, y + 19)]
        boxes = [(left, base - 11, left + wide, base + 3) for left, base in sides]
        cost = [sum(_overlap(box, other) for other in taken) + 1e4 * (box[0] < 40 or box[2] > WIDTH) for box in boxes]
        best = cost.index(min(cost))
        taken.append(boxes[best])
        places.append(sides[best])
    return places


def _overlap(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    wide, high = min(one[2], other[2]) - max(one[0], other[0]), min(one[3], other[3]) - max(one[1], other[1])
    return wide * high if wide > 0 and high > 0 else 0.0


def called(run: ModelRun) -> str:
    """A model's name where there is room for a label."""
    return name_of(run.name, LONGEST_NAME)


def _bottom(board: Sequence[ModelRun]) -> int:
    """Where the axis lies under lines with a label each."""
    return max(250, 20 + 16 * len(board))


def _name_width(board: Sequence[ModelRun]) -> float:
    return max(len(called(run)) for run in board) * LETTER + 18


def _seconds(value: float) -> str:
    return f"{value:g} s" if value < 60 else f"{whole(value)} s"
