"""`ItemMap`: the best-known items on a plane on which the like lie near each other, in plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from recae.insight.colouring import Colouring
from recae.insight.layout import lay_out
from recae.insight.nearness import kept_neighbours
from recae.insight.vectors import Source
from recae.progress import SILENT, Progress

NEAREST, WITHIN = 10, 50
"""How many nearest items should be found again on the map, and among how many of the nearest there."""
LARGEST_COUNT = (1 << 63) - 1
LONGEST_TITLE = 80
"""Letters of a title that a map keeps: it holds thousands of them."""


@dataclass(frozen=True)
class ItemMap:
    """Where items lie, by popularity (the most popular first); the fields from `ids` to `group` have one value each.

    Raises:
        ValueError: they have not, or a place, a group or a number of users is impossible.
    """

    source: Source
    model: str
    """The name of the model; empty where the map is of the log itself."""
    catalogue: int
    """How many items there are; the map has the most popular of them."""
    ids: tuple[str, ...]
    titles: tuple[str, ...]
    """Untrusted text."""
    x: tuple[float, ...]
    y: tuple[float, ...]
    """From 0 to 1 along the longer side, in one scale with `x`; y grows upwards."""
    users: tuple[int, ...]
    """Users of the training data who have the item, at least one."""
    group: tuple[int, ...]
    """Position in `groups`."""
    colour: str
    """What the groups are: the name of a column of the catalogue, or "users"."""
    ordered: bool
    """The groups go from little to much; otherwise they are names, and the last may be the rest."""
    groups: tuple[str, ...]
    kept: dict[str, float]
    """ "10 in 10" and "10 in 50": the share of an item's 10 nearest that are among the nearest 10 or 50 on the map."""

    def __post_init__(self) -> None:
        count = len(self.ids)
        for name in ("titles", "x", "y", "users", "group"):
            if len(getattr(self, name)) != count:
                raise ValueError(f"the map has {count} items and not as many of {name}")
        if not all(0 <= place <= 1 for place in (*self.x, *self.y)):
            raise ValueError("the map has places outside of it")
        if not all(0 <= place < len(self.groups) for place in self.group):
            raise ValueError("the map has items of groups that it does not name")
        if not all(1 <= users <= LARGEST_COUNT for users in self.users):
            raise ValueError("the map has items with impossible numbers of users")

    def by_chance(self) -> float:
        """What "10 in 50" would be if the items were scattered at random."""
        return min(1.0, WITHIN / max(len(self.ids) - 1, 1))


def most_popular(counts: np.ndarray, top: int) -> np.ndarray:
    """Positions of the `top` items that most users have, most first, ties in the order of items; none without users."""
    order = np.argsort(-counts, kind="stable")[:top]
    return order[counts[order] > 0]


def item_map(
    vectors: np.ndarray,
    *,
    ids: Sequence[str],
    titles: Sequence[str],
    users: np.ndarray,
    colouring: Colouring,
    source: Source,
    model: str,
    catalogue: int,
    progress: Progress = SILENT,
) -> ItemMap:
    """Lay out items by the cosine of their (n, d) `vectors`; everything else is by item, most popular first."""
    places = _in_unit_box(lay_out(vectors, progress=progress))
    kept = {
        f"{NEAREST} in {within}": round(kept_neighbours(vectors, places, NEAREST, within), 4)
        for within in (NEAREST, WITHIN)
        if len(vectors) > NEAREST
    }
    return ItemMap(
        source=source,
        model=model,
        catalogue=catalogue,
        ids=tuple(ids),
        titles=tuple(_short(title) for title in titles),
        x=tuple(places[:, 0].tolist()),
        y=tuple(places[:, 1].tolist()),
        users=tuple(users.tolist()),
        group=tuple(colouring.group.tolist()),
        colour=colouring.column,
        ordered=colouring.ordered,
        groups=colouring.labels,
        kept=kept,
    )


def _in_unit_box(places: np.ndarray) -> np.ndarray:
    """Moved and scaled, both directions alike, into the box from 0 to 1; to four digits."""
    if not len(places):
        return places
    corner, size = places.min(axis=0), np.ptp(places, axis=0)
    scaled = (places - corner - size / 2) / max(float(size.max()), 1e-12) + 0.5
    return np.round(scaled, 4)


def _short(title: str) -> str:
    return title if len(title) <= LONGEST_TITLE else title[: LONGEST_TITLE - 1].rstrip() + "…"
