"""What the page of benchmarks says of large logs and of growth, drawn from the keys "scale" and "curves"."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import stored

from recae.reports.svg import LETTER, Drawing, Scale, number, spread, x_axis, y_axis

Record = dict[str, Any]

STYLE = """<style>
text{font:12px system-ui,sans-serif;fill:#444}.title,.tick{font-size:11px}.grid{stroke:#ddd}
.curve{fill:none;stroke-width:2}
.s0{stroke:#2563eb}.s1{stroke:#c2410c}.s2{stroke:#15803d}.s3{stroke:#7e22ce}.s4{stroke:#0e7490}.s5{stroke:#a16207}
.s6{stroke:#be185d}.s7{stroke:#4d7c0f}.s8{stroke:#64748b}
@media(prefers-color-scheme:dark){text{fill:#ccc}.grid{stroke:#444}}
</style>"""
WIDTH, HEIGHT, TOP, LEFT = 640, 360, 14, 62
NAMES = {
    "read": "reading",
    "ease": "EASE",
    "elsa": "ELSA, an epoch",
    "mult-vae": "Mult-VAE, an epoch",
    "ials": "iALS, 3 epochs",
    "sansa": "SANSA",
    "item-knn": "item-KNN",
    "rank": "top-100",
    "evaluate": "evaluation",
}
LOGS = {
    "": "A million users",
    "-items": "A million items",
}
"""Heading of the stages whose name ends so."""
ABOUT_SCALE = """Logs made up by `scripts/bench/generate.py`: rows in the order of time, log-normal activity, a power
law of popularity, groups of items that users prefer. Every step is a process of its own, started anew; its memory is
the peak of the whole process, with Python, the libraries and the part of the data that was looked at. Models are
judged on 2,000 users of whom training has seen nothing, given four fifths of their items."""
ABOUT_CURVES = """One of users, items and interactions is doubled while the other two stay. The exponent is the slope
of log time over log size at the last three sizes: 1 is linear, 0 does not grow. Theory gives the greatest exponent
that the number of operations allows; below it, parts that do not grow weigh more. Memory is what a job takes beside
the log and the libraries. `python scripts/bench/curves.py` measures it anew."""


def sections(results: Record, pictures: Path | None = None) -> list[str]:
    """Lines of Markdown; the pictures are written to the folder `pictures` (default: where the page looks for them)."""
    folder = stored.PATH.with_suffix("") if pictures is None else pictures
    lines = []
    if "scale" in results:
        lines += _scale(results["scale"])
    if results.get("curves"):
        folder.mkdir(parents=True, exist_ok=True)
        lines += _curves(results["curves"], folder)
    return lines


def _scale(scale: Record) -> list[str]:
    dates = sorted({one["date"] for one in scale["stages"].values()})
    when = dates[0] if len(dates) == 1 else f"{dates[0]} to {dates[-1]}"
    lines = [
        "## Large logs",
        "",
        ABOUT_SCALE,
        "",
        f"{when}, {scale['processor']}, {scale['machine']}. All of it: `python scripts/bench/scale.py`.",
        "",
    ]
    for suffix, heading in LOGS.items():
        found = {name: one for name, one in scale["stages"].items() if name.endswith("-items") == bool(suffix)}
        if found:
            size = next(iter(found.values()))["log"]
            sizes = f"{size['users']:,} users x {size['items']:,} items, {size['interactions']:,} interactions"
            head = ["step", "minutes", "peak memory", "at most", "NDCG@10", "recall@100", "users/s"]
            rows = [_stage(one) for one in found.values()]
            lines += [f"### {heading}", "", f"{sizes}.", "", *table(head, rows, "lrrrrrr"), ""]
    return lines


def _stage(stage: Record) -> list[str]:
    bounds = [f"{stage['at most minutes']:g} min"] if stage.get("at most minutes") else []
    bounds += [f"{stage['at most GB']:g} GB"] if stage.get("at most GB") else []
    if "failed" in stage:
        return [stage["what"], f"`{stage['failed'].replace('`', chr(39))}`", "", ", ".join(bounds), "", "", ""]
    opened = f" ({stage['open seconds']:.2g} s without the start of Python)" if "open seconds" in stage else ""
    return [
        stage["what"] + opened,
        f"{stage['seconds'] / 60:.2f}",
        f"{stage['peak GB']:.2f} GB",
        ", ".join(bounds),
        f"{stage['ndcg@10']:.4f}" if "ndcg@10" in stage else "",
        f"{stage['recall@100']:.4f}" if "recall@100" in stage else "",
        f"{stage['users/s']:,.0f}" if "users/s" in stage else "",
    ]


def _curves(curves: Record, folder: Path) -> list[str]:
    lines = [
        "## How cost grows",
        "",
        ABOUT_CURVES,
        "",
    ]
    for axis, found in curves.items():
        others = " and ".join(f"{value:,} {name}" for name, value in found["fixed"].items())
        lines += [f"### {axis.capitalize()}", "", f"With {others}; {found['date']}, {found['processor']}.", ""]
        for unit, title in (("seconds", "seconds"), ("MB", "memory")):
            picture = folder / f"curves-{axis}-{title}.svg"
            series = {
                NAMES.get(name, name): (job[axis], [max(value, FLOORS[unit]) for value in job[unit]])
                for name, job in found["jobs"].items()
                if len(job[axis]) > 1
            }
            picture.write_text(growth(series, axis, unit, f"{unit} by {axis}"), encoding="utf-8")
            lines.append(f"![{title} by {axis}]({folder.name}/{picture.name})")
        lines += ["", *_growth_table(axis, found["jobs"]), ""]
    return lines


FLOORS = {"seconds": 1e-3, "MB": 1.0}
"""Less than this is not drawn as less."""


def _growth_table(axis: str, jobs: Record) -> list[str]:
    rows = []
    for name, job in jobs.items():
        done = len(job[axis]) > 0
        failed = f" (`{job['failed'][0]}`)" if job["failed"] else ""
        rows.append(
            [
                NAMES.get(name, name) + failed,
                f"{job['seconds'][0]:.3g} to {job['seconds'][-1]:.3g}" if done else "",
                "" if job["exponent"] is None else f"{job['exponent']:.2f}",
                f"{job['theory']:g}",
                f"{job['MB'][0]:,.0f} to {job['MB'][-1]:,.0f} MB" if done else "",
            ]
        )
    counts = next(iter(jobs.values()))[axis]
    span = f"{counts[0]:,.0f} to {counts[-1]:,.0f} {axis}"
    return table([span, "seconds", "exponent", "in theory at most", "memory"], rows, "lrrrr")


def growth(series: dict[str, tuple[Sequence[float], Sequence[float]]], across: str, up: str, label: str) -> str:
    """Lines over logarithmic axes, each with its name at its end, as an SVG file that needs nothing beside it."""
    sizes = sorted({size for xs, _ in series.values() for size in xs})
    values = [value for _, ys in series.values() for value in ys]
    right, bottom = WIDTH - 24 - LETTER * max(map(len, series)), HEIGHT - 44
    x = Scale(sizes[0], sizes[-1], LEFT, right, log=True)
    y = Scale(min(values) / 1.2, max(values) * 1.2, bottom, TOP, log=True)
    drawing = Drawing(WIDTH, HEIGHT, label)
    x_axis(drawing, x, bottom, TOP, {size: number(size) for size in sizes}, across)
    y_axis(drawing, y, LEFT, right, {value: number(value) for value in y.ticks()})
    drawing.text((4, TOP - 3), up, "title")
    places = spread([y(ys[-1]) for _, ys in series.values()], 14, TOP, bottom)
    for number_of, ((name, (xs, ys)), place) in enumerate(zip(series.items(), places, strict=True)):
        drawing.path([(x(size), y(value)) for size, value in zip(xs, ys, strict=True)], f"curve s{number_of % 9}")
        drawing.line((x(xs[-1]), y(ys[-1])), (right + 12, place), f"s{number_of % 9}")
        drawing.text((right + 15, place + 4), name)
    svg = drawing.render().replace("<svg ", f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" ', 1)
    return svg.replace(">", ">" + STYLE.replace("\n", ""), 1) + "\n"


def table(head: list[str], rows: list[list[str]], sides: str) -> list[str]:
    """A Markdown table; columns without any entry are left out."""
    kept = [at for at in range(len(head)) if at == 0 or any(row[at] for row in rows)]
    rule = ["---:" if side == "r" else "---" for side in sides]
    return ["| " + " | ".join(cells[at] for at in kept) + " |" for cells in (head, rule, *rows)]
