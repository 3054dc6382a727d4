"""A map of the items as a drawing with a legend, and what one has to know to read it."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from recae.counted import counted
from recae.insight.colouring import REST
from recae.insight.item_map import NEAREST, WITHIN, ItemMap
from recae.reports.comparison import Comparison
from recae.reports.page import drawn, making, write_page
from recae.reports.plots import Plot
from recae.reports.svg import Box, Drawing, Point, overlap
from recae.reports.text import one_line
from recae.reports.wording import percent, whole

WIDTH, MARGIN = 820.0, 14.0
SMALLEST, LARGEST = 2.3, 9.5
"""Radius of the dots of the least and the most popular item of a full map."""
FULL = 2_000
"""Dots for which these radii are meant; fewer may be larger."""
LABELS = {"wide": (12.5, 36), "narrow": (27.0, 11)}
"""For a desktop and for a phone: the height of the letters in the drawing's units, and the most labels."""
LONGEST_LABEL = 24
LARGE = 300
"""Labels keep off the dots of so many most popular items, as far as they can."""


def write_map(found: ItemMap, path: str | Path, name: str, facts: Mapping[str, Any]) -> None:
    """Write a page with the map alone; `name` is what the model is called.

    Raises:
        ConfigError: jinja2 is not installed (`pip install 'recae[report]'`).
        StorageError: the file could not be written.
    """
    headline = f"{counted(len(found.ids), 'item')} as {one_line(name)} sees them"
    write_page("item_map_page.html.j2", path, {"headline": headline, "map": map_context(found, name), **making(facts)})


def map_markdown(found: ItemMap | None, escaped: Callable[[str], str]) -> list[str]:
    """What the map says in words, as parts of a Markdown text: a drawing it cannot hold."""
    if found is None:
        return []
    sizes = Counter(found.group)
    groups = ", ".join(f"{escaped(one_line(label))} {whole(sizes[at])}" for at, label in enumerate(found.groups))
    said = " ".join(escaped(sentence) for sentence in reading(found, found.model))
    kind = escaped(one_line(found.colour).capitalize())
    return ["## A map of the items", f"{said} It is drawn in report.html.", f"- {kind}: {groups}"]


def map_context(found: ItemMap, name: str) -> dict[str, Any]:
    """The map for the template `map` of item_map.html.j2."""
    css = _classes(found)
    sizes = Counter(found.group)
    return {
        "drawing": drawn(Plot("", "", _drawing(found, css))),
        "sentences": reading(found, name),
        "colour": one_line(found.colour).capitalize(),
        "several": "" if found.ordered else "An item with several takes the rarest of those shown.",
        "legend": [
            {"name": one_line(label), "css": css[place], "count": whole(sizes[place])}
            for place, label in enumerate(found.groups)
        ],
    }


def map_name(comparison: Comparison) -> str:
    """What the model is called whose map the comparison shows; nothing where it is the log's."""
    model = "" if comparison.item_map is None else comparison.item_map.model
    return next((run.title.partition(",")[0] for run in comparison.runs if run.name == model), model)


def reading(found: ItemMap, name: str) -> list[str]:
    """How the map is to be read, sentence by sentence."""
    shown, model = len(found.ids), one_line(name)
    every = f"All {whole(shown)} items" if shown >= found.catalogue else (
        f"The {whole(shown)} most popular of {whole(found.catalogue)} items"
    )  # fmt: skip
    near = {
        "vectors": f"two lie near each other where {model} holds them to be alike (by the angle between their vectors)",
        "lists": f"two lie near each other where {model} recommends the same things beside them",
        "log": "two lie near each other where the same users have them (by the log's main directions)",
    }[found.source]
    said = [f"{every}: {near}. Larger dots have more users."]
    within = found.kept.get(f"{NEAREST} in {WITHIN}")
    if within is not None and len(found.ids) > WITHIN + 1:
        said.append(
            f"No plane can keep every neighbourhood: of an item's {NEAREST} nearest, {percent(within)} are among the "
            f"{WITHIN} dots around it here ({percent(found.by_chance())} if dots were scattered at random). "
            "Distances between far dots and the directions mean nothing."
        )
    return said


def _classes(found: ItemMap) -> list[str]:
    """The style of each group: a ramp for amounts, a series for names, grey for the rest."""
    count = len(found.groups)
    rest = count > 0 and found.groups[-1] == REST
    if not found.ordered:
        return ["s0" if rest and place == count - 1 else f"s{1 + place % 7}" for place in range(count)]
    bands = count - rest
    ramp = [f"r{round(4 * place / max(bands - 1, 1))}" for place in range(bands)]
    return [*ramp, "s0"] if rest else ramp


def _drawing(found: ItemMap, css: list[str]) -> str:
    places, height = _places(found)
    kinds = f", coloured by {one_line(found.colour)}" if found.groups else ""
    drawing = Drawing(int(WIDTH), int(height), f"Map of {whole(len(found.ids))} items{kinds}; like items lie together")
    radii = _radii(found.users)
    for place, at in enumerate(places):
        group = one_line(found.groups[found.group[place]])
        about = [f"{whole(found.users[place])} users"] + ([] if found.ordered else [group])
        tip = f"{one_line(found.titles[place])} ({', '.join(about)})"
        drawing.dot(at, f"dot {css[found.group[place]]}", radii[place], tip)
    for kind, (letters, most) in LABELS.items():
        for at, anchor, text in _labels(found, places, radii, height, letters, most):
            drawing.text(at, text, f"name-{kind}", anchor)
    return drawing.render()


def _places(found: ItemMap) -> tuple[list[Point], float]:
    """Pixels of every item, and the height of the drawing."""
    if not found.ids:
        return [], 2 * MARGIN
    low, high = min(found.y), max(found.y)
    scale = WIDTH - 2 * MARGIN - 2 * LARGEST
    edge = MARGIN + LARGEST
    points = [(edge + x * scale, edge + (high - y) * scale) for x, y in zip(found.x, found.y, strict=True)]
    return points, max((high - low) * scale + 2 * edge, 60.0)


def _radii(users: tuple[int, ...]) -> list[float]:
    most, larger = max(users, default=1), min(2.0, (FULL / max(len(users), 1)) ** 0.5)
    return [min(larger * (SMALLEST + (LARGEST - SMALLEST) * (count / most) ** 0.8), 1.4 * LARGEST) for count in users]


def _labels(
    found: ItemMap, places: list[Point], radii: list[float], height: float, letters: float, most: int
) -> list[tuple[Point, str, str]]:
    """Titles of the most popular items, none over another or over the edge: where, anchor and text."""
    taken: list[Box] = []
    large = [(x - r, y - r, x + r, y + r) for (x, y), r in zip(places[:LARGE], radii, strict=False)]
    named: list[tuple[Point, str, str]] = []
    for (x, y), radius, title in zip(places, radii, found.titles, strict=True):
        text = _label(title)
        wide, gap = letters * sum(_width(letter) for letter in text), radius + 0.25 * letters
        able: list[tuple[float, int, Box, Point, str]] = []
        for anchor, start, at in (
            ("start", x + gap, (x + gap, y + 0.35 * letters)),
            ("end", x - gap - wide, (x - gap, y + 0.35 * letters)),
            ("middle", x - wide / 2, (x, y - gap)),
            ("middle", x - wide / 2, (x, y + gap + 0.7 * letters)),
        ):
            box = (start, at[1] - 0.95 * letters, start + wide, at[1] + 0.3 * letters)
            inside = box[0] > 2 and box[1] > 2 and box[2] < WIDTH - 2 and box[3] < height - 2
            if inside and not any(overlap(box, other) for other in taken):
                able.append((sum(overlap(box, dot) for dot in large), len(able), box, at, anchor))
        if able:
            _, _, box, at, anchor = min(able)
            taken.append((box[0] - letters, box[1] - 0.6 * letters, box[2] + letters, box[3] + 0.6 * letters))
            named.append((at, anchor, text))
        if len(named) == most:
            break
    return named


def _label(title: str) -> str:
    text = one_line(title).strip()
    if len(text) <= LONGEST_LABEL:
        return text
    cut = text[: LONGEST_LABEL - 1]
    return (cut.rsplit(" ", 1)[0] if " " in cut[LONGEST_LABEL // 2 :] else cut).rstrip(" ,:;-(") + "…"


def _width(letter: str) -> float:
    """Of the height of the letters, on average."""
    return 1.0 if unicodedata.east_asian_width(letter) in "WF" else 0.56
