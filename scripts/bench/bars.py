"""One picture for each table: how long everybody took, as an SVG file that needs no style sheet beside it."""

from __future__ import annotations

from collections.abc import Sequence

from recae.reports.svg import LETTER, Drawing, Scale, number, x_axis

STYLE = """<style>
text{font:12px system-ui,sans-serif;fill:#444}.strong{font-weight:600}.grid{stroke:#ddd}.title{font-size:11px}
.us{fill:#2563eb}.peer{fill:#9aa7b8}.own{fill:#cbd2db}@media(prefers-color-scheme:dark){text{fill:#ccc}.grid{stroke:#444}}
</style>"""
WIDTH, ROW, TOP = 640, 26, 8


def bars(rows: Sequence[tuple[str, float, str]], unit: str, label: str) -> str:
    """(name, value, class of its colour) as horizontal bars from the shortest to the longest; the axis is logarithmic
    where the longest is more than 20 times the shortest."""
    rows = sorted(rows, key=lambda row: row[1])
    low, high = rows[0][1], rows[-1][1]
    log = high > 20 * low
    left = 16 + LETTER * max(len(name) for name, _, _ in rows)
    right, bottom = WIDTH - 70, TOP + ROW * len(rows)
    scale = Scale(low / 2 if log else 0.0, high, left, right, log)
    drawing = Drawing(WIDTH, bottom + 42, label)
    x_axis(drawing, scale, bottom, TOP, {value: number(value) for value in scale.ticks(5)}, unit)
    for place, (name, value, css) in enumerate(rows):
        y = TOP + ROW * place
        drawing.text((left - 8, y + ROW / 2 + 4), name, "label strong" if css == "us" else "label", "end")
        drawing.box(left, y + 4, scale(value) - left, ROW - 8, css)
        drawing.text((scale(value) + 6, y + ROW / 2 + 4), f"{value:,.3g}" if value < 1000 else f"{value:,.0f}")
    svg = drawing.render().replace("<svg ", f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" ', 1)
    return svg.replace(">", ">" + STYLE.replace("\n", ""), 1) + "\n"
