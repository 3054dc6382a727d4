"""The figure of a slice: group by group, every model's figure on one line."""

from __future__ import annotations

from collections.abc import Mapping

from recae.reports.plots import WIDTH, Plot
from recae.reports.slices import SliceRow, SliceTable, leaders, note
from recae.reports.svg import LETTER, Drawing, Scale, number, x_axis
from recae.reports.wording import metric_label, score

_STEP, _LINE, _TOP = 38, 17, 6
_LONGEST = 42
"""Letters of a group's label; longer ones end in an ellipsis."""


def slice_plot(table: SliceTable, colours: Mapping[str, str]) -> Plot | None:
    """A row for each group with a dot for each model; the leader over all has its interval as a line.

    `colours` are style classes by model. None where there is nothing but the row of everything.
    """
    shown = [row for row in table.rows if row.values]
    if len(shown) < 2:
        return None
    first = table.leader(shown[0]) or next(iter(shown[0].values))
    legend = _legend(table.models) if len(table.models) > 1 else []
    bottom = _TOP + _STEP * len(shown) + 4
    drawing = Drawing(WIDTH, bottom + 46 + _LINE * len(legend), f"{metric_label(table.metric)} {table.title.lower()}")
    scale = _scale(shown, first)
    x_axis(drawing, scale, bottom, _TOP, {v: number(v) for v in scale.ticks(5)}, metric_label(table.metric))
    for at, row in enumerate(shown):
        _row(drawing, table, row, _TOP + _STEP * at, scale, colours, first, strong=at == 0)
    for line, names in enumerate(legend):
        x = 8.0
        for name in names:
            y = bottom + 54 + _LINE * line
            drawing.dot((x, y - 4), f"dot {colours[name]}", 4)
            drawing.text((x + 9, y), name, "label")
            x += _width(name)
    return Plot(table.title, " ".join(part for part in (note(table), leaders(table)) if part), drawing.render())


def _row(
    drawing: Drawing,
    table: SliceTable,
    row: SliceRow,
    top: float,
    scale: Scale,
    colours: Mapping[str, str],
    first: str,
    *,
    strong: bool,
) -> None:
    label = row.label if len(row.label) <= _LONGEST else row.label[: _LONGEST - 1] + "…"
    drawing.text((4, top + 14), label, "label strong" if strong else "label")
    drawing.text((WIDTH - 4, top + 14), table.counted(row), "tick", "end")
    y = top + 27
    drawing.line((scale.start, y), (scale.end, y), "grid")
    leading = row.values.get(first)
    if leading is not None and leading.low is not None and leading.high is not None:
        drawing.line((scale(leading.low), y), (scale(leading.high), y), f"whisker {colours[first]}")
    for model, estimate in reversed(row.values.items()):
        tip = f"{', '.join(filter(None, (model, row.label)))}: {score(estimate.value)}"
        if estimate.low is not None and estimate.high is not None:
            tip += f" (95% interval {score(estimate.low)} to {score(estimate.high)})"
        drawing.dot((scale(estimate.value), y), f"dot {colours[model]}", 4.5, tip)


def _scale(rows: list[SliceRow], first: str) -> Scale:
    """From 0 to the largest figure or end of the leader's intervals; below 0 where figures are."""
    ends = [one.value for row in rows for one in row.values.values()]
    for row in rows:
        leading = row.values.get(first)
        if leading is not None and leading.low is not None and leading.high is not None:
            ends += [leading.low, leading.high]
    low, high = min(0.0, *ends), max(0.0, *ends)
    return Scale(low, high + 0.02 * (high - low or 1), 8, WIDTH - 8)


def _legend(models: tuple[str, ...]) -> list[list[str]]:
    """The models in lines that fit."""
    lines: list[list[str]] = [[]]
    for model in models:
        if lines[-1] and sum(map(_width, lines[-1])) + _width(model) > WIDTH:
            lines.append([])
        lines[-1].append(model)
    return lines


def _width(name: str) -> float:
    return len(name) * LETTER + 24
