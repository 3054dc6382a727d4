"""The few scores of a wide row that can be in its list, found by way of the maxima of groups of items.

The k best items of a row stand in the groups with the k greatest maxima, so the k-th of the maxima is a bound from
below on the k-th score. Group g of G is the items g, g + G, g + 2 G, ...: its maximum is taken over slices of the row,
which processors do many items at a time.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

GROUPS = 4
"""Groups for each place of a list: about a seventh more than k items then reach the bound. With more, fewer do; but up
to 512 maxima, enough for lists of 100, fit into registers, where NumPy finds the k-th several times as fast."""
WIDE = 2_000
"""Items for each place of a list from which on the groups tell where to look; before, all scores are looked at."""
HITS_BYTES = 2**20
"""Of scores compared with the bound at a time: what came out stays in the cache."""
LIMIT = 8
"""Rows in which more than so many times k items reach the bound are crowded and left to a slower way."""


def group_count(n_items: int, k: int) -> int:
    """How many groups: fewer are faster, and make the bound worse, as more of the k best share a group."""
    # In wide rows the square root balances looking at maxima against looking into groups.
    size = round((n_items / k) ** 0.5) if n_items > WIDE * k else n_items // (GROUPS * k)
    return max(1, -(-n_items // max(1, size)))


def maxima(block: torch.Tensor, n_groups: int) -> np.ndarray:
    """(n_rows, n_groups) the greatest of each group's scores, NaN where one is NaN; `block` (n_rows, n_items) is
    contiguous."""
    return _extremes(block, n_groups, torch.amax, torch.maximum)


def minima(block: torch.Tensor, n_groups: int) -> np.ndarray:
    """As `maxima`, the least."""
    return _extremes(block, n_groups, torch.amin, torch.minimum)


def _extremes(
    block: torch.Tensor, n_groups: int, of_slices: Callable[..., torch.Tensor], of_two: Callable[..., torch.Tensor]
) -> np.ndarray:
    n_rows, n_items = block.shape
    if n_groups == n_items:
        return block.numpy()
    whole, rest = divmod(n_items, n_groups)
    found = of_slices(block.as_strided((n_rows, whole, n_groups), (n_items, n_groups, 1)), dim=1)
    if rest:
        of_two(found[:, :rest], block[:, whole * n_groups :], out=found[:, :rest])
    return found.numpy()


def kth_greatest(values: np.ndarray, k: int) -> np.ndarray | None:
    """(n_rows,) the k-th greatest of each row, None where rows are shorter than k."""
    width = values.shape[1]
    return None if k > width else np.partition(values, width - k, axis=1)[:, width - k]


def candidates(
    block: np.ndarray,
    greatest: np.ndarray,
    least: np.ndarray,
    k: int,
    order: Callable[[np.ndarray], np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `reaching`, the quicker way; `greatest` (n_rows, n_groups) are the `maxima`, in order."""
    if block.shape[1] > WIDE * k:
        return reaching_in_groups(block, greatest, least, k, order)
    return reaching(block, least, k, order)


def reaching(
    block: np.ndarray, least: np.ndarray, k: int, order: Callable[[np.ndarray], np.ndarray] | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The items whose score is at least `least` (n_rows,), of rows that are not crowded.

    Args:
        block: (n_rows, n_items) scores, contiguous.
        order: what makes scores comparable to `least`, if they are not as they stand.

    Returns:
        Rows (ascending) and items of the candidates, and (n_rows,) bool: who is crowded.
    """
    n_rows, crowd = len(block), LIMIT * k + 64
    found, width = _true(block, least, crowd, order)
    counts = np.diff(np.searchsorted(found, np.arange(n_rows + 1) * width))
    crowded = counts > crowd
    row = np.repeat(np.arange(n_rows), counts)
    if crowded.any():
        free = ~crowded[row]
        found, row = found[free], row[free]
    return row, found - row * width, crowded


def reaching_in_groups(
    block: np.ndarray,
    greatest: np.ndarray,
    least: np.ndarray,
    k: int,
    order: Callable[[np.ndarray], np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `reaching`, by looking into the groups that reach the bound; a row is crowded by its groups."""
    n_rows, n_groups = greatest.shape
    row, group = np.divmod(np.flatnonzero(greatest >= least[:, None]), n_groups)
    crowded = np.bincount(row, minlength=n_rows) > LIMIT * k + 64
    if crowded.any():
        free = ~crowded[row]
        row, group = row[free], group[free]
    hit = _members_reaching(block, row, group, n_groups, least[row], order)
    found, member = np.divmod(np.flatnonzero(hit), hit.shape[1])
    return row[found], group[found] + n_groups * member, crowded


def _members_reaching(
    block: np.ndarray,
    row: np.ndarray,
    group: np.ndarray,
    n_groups: int,
    least: np.ndarray,
    order: Callable[[np.ndarray], np.ndarray] | None,
) -> np.ndarray:
    """(n, size) bool: which members of each (row, group) reach `least` (n,)."""
    whole, rest = divmod(block.shape[1], n_groups)
    strides = (block.strides[0], block.strides[1], n_groups * block.strides[1])
    members = np.lib.stride_tricks.as_strided(block, (len(block), n_groups, whole), strides)[row, group]
    hit = np.zeros((len(row), whole + (rest > 0)), dtype=bool)
    np.greater_equal(members if order is None else order(members), least[:, None], out=hit[:, :whole])
    if rest:  # the first groups have one member more
        longer = np.flatnonzero(group < rest)
        last = block[row[longer], whole * n_groups + group[longer]]
        hit[longer, whole] = (last if order is None else order(last)) >= least[longer]
    return hit


def _true(
    block: np.ndarray, least: np.ndarray, crowd: int, order: Callable[[np.ndarray], np.ndarray] | None
) -> tuple[np.ndarray, int]:
    """Where the scores of `block` (n_rows, n_items) are at least `least` (n_rows,): row x width + item, ascending, and
    the width, which is n_items or a little more.

    Where most rows have more than `crowd` of them, those rows tell so many and one more, whichever.
    """
    n_rows, n_items = block.shape
    width = 8 * -(-n_items // 8)
    step = max(1, HITS_BYTES // width)
    hit = np.zeros((min(step, n_rows), width), dtype=bool)
    found = []
    for start in range(0, n_rows, step):
        part, rows = hit[: n_rows - start], slice(start, start + step)
        scores = block[rows] if order is None else order(block[rows])
        np.greater_equal(scores, least[rows, None], out=part[:, :n_items])
        # Eight scores at a time: most words have none that reaches the bound.
        eights = part.reshape(-1).view(np.uint64)
        some = np.flatnonzero(eights != 0)
        if 2 * len(some) > crowd * len(part):
            _cut(part, crowd)
            some = np.flatnonzero(eights != 0)
        inside = np.flatnonzero(eights[some].view(bool))
        places = 8 * some[inside >> 3] + (inside & 7)
        places += start * width
        found.append(places)
    return np.concatenate(found) if found else np.empty(0, dtype=np.int64), width


def _cut(hit: np.ndarray, most: int) -> None:
    """Leave `most` + 1, whichever, of the rows of `hit` (n_rows, width) that have more, in place."""
    crowded = np.count_nonzero(hit, axis=1) > most
    hit[crowded] = np.arange(hit.shape[1]) <= most
