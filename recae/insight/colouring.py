"""Few groups of items to be told apart by colour: the commonest values of a column, or bands of an amount."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

NAMED = 7
"""Values that get a colour of their own; the eighth is for the rest."""
BANDS = 5
REST = "other"
DASH = "\N{EN DASH}"


@dataclass(frozen=True, eq=False)
class Colouring:
    """Every item in one group."""

    column: str
    """What the groups are of."""
    labels: tuple[str, ...]
    group: np.ndarray
    """(n,) int64: positions in `labels`."""
    ordered: bool
    """From little to much; otherwise the commonest first, and the last may be the rest."""


def by_values(column: str, values: Sequence[Sequence[str]]) -> Colouring:
    """The `NAMED` commonest values and the rest; an item with several of them takes the rarest.

    The rarest says most about it: a film that is filed under drama, war and romance is a war film to whoever looks
    for dramas.
    """
    counts = Counter(value for given in values for value in set(given))
    named = [value for value, _ in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:NAMED]]
    place = {value: rank for rank, value in enumerate(named)}
    group = [max((place[value] for value in given if value in place), default=len(named)) for given in values]
    labels = (*named, REST) if len(named) in group else tuple(named)
    return Colouring(column, labels, np.array(group, dtype=np.int64), ordered=False)


def by_amount(column: str, amounts: np.ndarray, *, separators: bool = True) -> Colouring:
    """Up to `BANDS` bands of about as many items each, from little to much; items without an amount (NaN) are the rest.

    Args:
        amounts: (n,) numbers; shown as they are, with `separators` between thousands.
    """
    known = amounts[np.isfinite(amounts)]
    shares = np.arange(1, BANDS) / BANDS
    edges = np.unique(np.quantile(known, shares, method="higher")) if len(known) else np.empty(0)
    edges = edges[edges > known.min()] if len(known) else edges
    group = np.searchsorted(edges, amounts, side="right").astype(np.int64)
    inside = [known[np.searchsorted(edges, known, side="right") == band] for band in range(len(edges) + 1)]
    labels = [_band(part, separators) for part in inside if len(part)]
    if len(known) < len(amounts):
        group[~np.isfinite(amounts)] = len(labels)
        labels.append(REST)
    return Colouring(column, tuple(labels), group, ordered=True)


def _band(part: np.ndarray, separators: bool) -> str:
    low, high = (_number(float(value), separators) for value in (part.min(), part.max()))
    return low if low == high else f"{low}{DASH}{high}"


def _number(value: float, separators: bool) -> str:
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value):,}" if separators else str(int(value))
    return f"{value:.4g}"
