"""Small drawings for the page: inline SVG that takes its colours and fonts from the page's style sheet."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

from recae.reports.text import one_line

Point = tuple[float, float]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""
MOST_TOLD = 20
"""Figures that are read out."""
LONGEST_LABEL = 64
LETTER = 6.9
"""Width of a letter in pixels, on average, at the font size of labels."""


@dataclass(frozen=True)
class Scale:
    """Values to pixels along one axis."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high, value = (map(math.log10, (self.low, self.high, value))) if self.log else (self.low, self.high, value)
        share = (value - low) / (high - low) if high > low else 0.5
        return self.start + share * (self.end - self.start)

    def ticks(self, about: int = 5) -> list[float]:
        """Round values within the scale, some `about` of them."""
        return _decades(self.low, self.high) if self.log else _round_steps(self.low, self.high, about)


class Drawing:
    """One figure, built element by element; every text is escaped, every number rounded to a tenth of a pixel."""

    def __init__(self, width: int, height: int, label: str, told: Sequence[str] = ()) -> None:
        """`label` and the figures `told` are what somebody learns who cannot see the drawing."""
        more = [f"and {len(told) - MOST_TOLD} more"] if len(told) > MOST_TOLD else []
        said = f"{label}: {'; '.join([*told[:MOST_TOLD], *more])}" if told else label
        self.width, self.height, self._label = width, height, one_line(said, 2_000)
        self._parts: list[str] = []

    def line(self, start: Point, end: Point, css: str) -> None:
        self._parts.append(
            f'<line class="{css}" x1="{start[0]:.1f}" y1="{start[1]:.1f}" x2="{end[0]:.1f}" y2="{end[1]:.1f}"/>'
        )

    def path(self, points: Iterable[Point], css: str) -> None:
        """A line through all points."""
        self._parts.append(f'<path class="{css}" d="{_d(points)}"/>')

    def area(self, points: Sequence[Point], base: float, css: str) -> None:
        """The surface between the points and the height `base`."""
        closed = [(points[0][0], base), *points, (points[-1][0], base)]
        self._parts.append(f'<path class="{css}" d="{_d(closed)}Z"/>')

    def dot(self, at: Point, css: str, radius: float = 4.0, tip: str = "") -> None:
        self._shape(f'<circle class="{css}" cx="{at[0]:.1f}" cy="{at[1]:.1f}" r="{radius:.1f}"', "circle", tip)

    def box(self, x: float, y: float, width: float, height: float, css: str, tip: str = "") -> None:
        size = f'x="{x:.1f}" y="{y:.1f}" width="{max(width, 0):.1f}" height="{max(height, 0):.1f}"'
        self._shape(f'<rect class="{css}" {size}', "rect", tip)

    def text(self, at: Point, text: str, css: str = "label", anchor: str = "start") -> None:
        self._parts.append(
            f'<text class="{css}" x="{at[0]:.1f}" y="{at[1]:.1f}" text-anchor="{anchor}">'
            f"{escape(one_line(text, LONGEST_LABEL))}</text>"
        )

    def render(self) -> str:
        """The finished `<svg>` element."""
        head = f'<svg role="img" aria-label="{escape(self._label)}" viewBox="0 0 {self.width} {self.height}">'
        return head + "".join(self._parts) + "</svg>"

    def _shape(self, opening: str, name: str, tip: str) -> None:
        self._parts.append(f"{opening}><title>{escape(one_line(tip))}</title></{name}>" if tip else f"{opening}/>")


def x_axis(drawing: Drawing, scale: Scale, y: float, top: float, labels: dict[float, str], title: str = "") -> None:
    """Vertical grid lines from `top` to `y` with labels below, and what they count."""
    for value, label in labels.items():
        x = scale(value)
        drawing.line((x, top), (x, y), "grid")
        drawing.text((x, y + 16), label, "tick", "middle")
    if title:
        drawing.text(((scale.start + scale.end) / 2, y + 34), title, "title", "middle")


def y_axis(drawing: Drawing, scale: Scale, left: float, right: float, labels: dict[float, str]) -> None:
    """Horizontal grid lines with labels on the left."""
    for value, label in labels.items():
        y = scale(value)
        drawing.line((left, y), (right, y), "grid")
        drawing.text((left - 7, y + 4), label, "tick", "end")


def spread(wanted: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Positions near `wanted`, in the same order, at least `gap` apart and as far as possible within the bounds."""
    order = sorted(range(len(wanted)), key=lambda i: wanted[i])
    placed: list[float] = []
    for i in order:
        placed.append(max(wanted[i], placed[-1] + gap if placed else low))
    limit = high
    for i in reversed(range(len(placed))):
        placed[i] = min(placed[i], limit)
        limit = placed[i] - gap
    result = [0.0] * len(wanted)
    for place, i in zip(placed, order, strict=True):
        result[i] = place
    return result


def overlap(one: Box, other: Box) -> float:
    """The area that two boxes share."""
    wide, high = min(one[2], other[2]) - max(one[0], other[0]), min(one[3], other[3]) - max(one[1], other[1])
    return wide * high if wide > 0 and high > 0 else 0.0


def number(value: float) -> str:
    """A tick label without needless digits."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.6g}"


def _d(points: Iterable[Point]) -> str:
    return "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _round_steps(low: float, high: float, about: int) -> list[float]:
    if high <= low:
        return [low]
    raw = (high - low) / about
    power = 10 ** math.floor(math.log10(raw))
    step = min((1, 2, 2.5, 5, 10), key=lambda s: abs(math.log(s * power / raw))) * power
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(i * step, 12) for i in range(first, last + 1)]


def _decades(low: float, high: float) -> list[float]:
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for steps in ((1,), (1, 3), (1, 2, 3, 5, 7)) if len(powers) > 3 else ((1, 3), (1, 2, 3, 5, 7)):
        found = [s * 10.0**p for p in powers for s in steps if low * 0.999 <= s * 10.0**p <= high * 1.001]
        if len(found) > 1:
            break
    return found
