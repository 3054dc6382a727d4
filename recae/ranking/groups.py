"""The few scores of a wide row that can be in its list, found by way of the maxima of groups of items.

The k best items of a row stand in the groups with the k greatest maxima, so the k-th of the maxima is a bound from
below on the k-th score, and only groups that reach it need to be looked at. Group g of G is the items g, g + G,
g + 2 G, ...: its maximum is taken over slices of the row, which processors do many items at a time.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

SCANNED = 16_384
"""In rows of up to so many items each score is compared with the bound: what groups spare is less than they take."""
LIMIT = 4
"""Rows in which more than so many times k groups reach the bound are crowded and left to a slower way."""


def group_count(n_items: int, k: int) -> int:
    """How many groups: the square root balances looking at maxima against looking into groups."""
    size = max(1, round((n_items / k) ** 0.5))
    return max(1, -(-n_items // size))


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


def reaching(
    block: np.ndarray,
    greatest: np.ndarray,
    least: np.ndarray,
    k: int,
    order: Callable[[np.ndarray], np.ndarray] | None = None,
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The items whose score is at least `least` (n_rows,), of rows that are not crowded.

    Args:
        block: (n_rows, n_items) scores, contiguous.
        greatest: (n_rows, n_groups) from `maxima`.
        order: what makes scores comparable to `least`, if they are not as they stand.

    Returns:
        Rows (ascending) and items of the candidates, and (n_rows,) bool: who is crowded.
    """
    if block.shape[1] <= SCANNED:
        return _scanned(block if order is None else order(block), least, k)
    n_rows, n_groups = greatest.shape
    row, group = np.divmod(np.flatnonzero(greatest >= least[:, None]), n_groups)
    crowded = np.bincount(row, minlength=n_rows) > LIMIT * k + 64
    if crowded.any():
        row, group = row[~crowded[row]], group[~crowded[row]]
    hit = _reached(block, row, group, n_groups, least[row], order)
    found, member = np.divmod(np.flatnonzero(hit), hit.shape[1])
    return row[found], group[found] + n_groups * member, crowded


def _scanned(block: np.ndarray, least: np.ndarray, k: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """As `reaching`, by looking at every score; a row is crowded where too many reach the bound themselves."""
    n_rows, n_items = block.shape
    found = np.flatnonzero(block >= least[:, None])
    counts = np.diff(np.searchsorted(found, np.arange(n_rows + 1) * n_items))
    crowded = counts > LIMIT * k + 64
    row = np.repeat(np.arange(n_rows), counts)
    if crowded.any():
        found, row = found[~crowded[row]], row[~crowded[row]]
    return row, found - row * n_items, crowded


def _reached(
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
