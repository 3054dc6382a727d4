"""A drawing of the report as an SVG file of its own, for a notebook or a slide: with its title, colours and a paper."""

from __future__ import annotations

import re
from html import escape

from recae.reports.page import style_sheet
from recae.reports.text import one_line

_TITLE = 30
"""Pixels above the drawing for its title."""
_MARGIN = 10


def standalone(title: str, svg: str) -> str:
    """The element `svg` of a page as a whole SVG document, on white, whatever is around it.

    Its rules hold for itself alone: a notebook may put it into a page of its own.
    """
    found = re.match(r'<svg ([^>]*)viewBox="0 0 ([\d.]+) ([\d.]+)">', svg)
    if found is None:
        raise ValueError("this is no drawing of a report")
    width, height = float(found[2]), float(found[3])
    whole = f"{width + 2 * _MARGIN:g}", f"{height + _TITLE + 2 * _MARGIN:g}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="recae-plot" {found[1]}width="{whole[0]}" height="{whole[1]}" '
        f'viewBox="{-_MARGIN} {-_TITLE - _MARGIN} {whole[0]} {whole[1]}"><style>{_rules()}</style>'
        f'<rect class="paper" x="{-_MARGIN}" y="{-_TITLE - _MARGIN}" width="{whole[0]}" height="{whole[1]}"/>'
        f'<text class="strong heading" x="0" y="-12">{escape(one_line(title))}</text>{svg[found.end() :]}'
    )


def _rules() -> str:
    """Of the page's style sheet the colours on white, and what is about drawings on a screen."""
    lines = style_sheet().splitlines()
    root = lines.index(":root {")
    colours = "".join(line.strip() for line in lines[root + 1 : lines.index("}", root)] if line.strip()[:2] == "--")
    drawings = " ".join(line for line in lines if line.startswith("svg "))
    own = re.sub(
        r"(^|[},] *)svg ", r"\1.recae-plot ", drawings.partition("svg text")[1] + drawings.partition("svg text")[2]
    )
    return (
        f".recae-plot {{{colours} font-family: system-ui, sans-serif;}} {own} "
        ".recae-plot .paper { fill: var(--paper); stroke: none; } .recae-plot .heading { font-size: 15px; }"
    )
