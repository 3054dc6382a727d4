"""Exact top-k of score rows: higher scores first, equal scores in the order of item position."""

from __future__ import annotations

import numpy as np
import torch

from recae.counted import counted
from recae.errors import ConfigError, UnsoundModelError
from recae.ranking.groups import candidates, group_count, kth_greatest, maxima
from recae.ranking.lists import NO_ITEM, TopN
from recae.ranking.order import settle

TIE_COLUMNS = 8192
"""Columns looked at together while ties are settled: bounds the memory, and constant rows end in the first step."""

LEAST_FINITE = np.finfo(np.float32).min


def top_k(scores: np.ndarray | torch.Tensor, k: int, *, first_row: int = 0) -> TopN:
    """The `k` best items of every row, exactly, whatever the ties, threads or device.

    Args:
        scores: (n_rows, n_items) floats; -inf means "never list". Left unchanged.
        k: length of the lists, at least 1; where fewer than `k` items may be listed, the rest is padding.
        first_row: number of the first row where `scores` is a block of more, so that errors name the right one.

    Returns:
        (n_rows, k) item positions and float32 scores, ordered by score (descending), then by position (ascending).

    Raises:
        ConfigError: `k` is less than 1.
        UnsoundModelError: a score is NaN or +inf; the row is named.

    >>> top_k(np.array([[0.5, 2.0, 0.5, -np.inf, 0.5]]), 3).items.tolist()
    [[1, 0, 2]]
    """
    if k < 1:
        raise ConfigError(f"Lists need at least one place (top {k} was asked for).")
    block = _as_tensor(scores)
    n_rows, n_items = block.shape
    if block.dtype == torch.float32 and block.device.type == "cpu" and block.is_contiguous() and n_rows and n_items:
        return _by_groups(block, k, first_row)
    return _by_search(block, k, first_row)


def _by_groups(block: torch.Tensor, k: int, first_row: int) -> TopN:
    """By way of the maxima of groups of items, which is several times faster on a processor; crowded rows apart."""
    scores = block.numpy()
    greatest = maxima(block, group_count(scores.shape[1], k))
    _refuse_impossible(greatest.max(axis=1), first_row)
    kth = kth_greatest(greatest, k)
    least = np.full(len(scores), LEAST_FINITE) if kth is None else np.maximum(kth, LEAST_FINITE)
    row, item, crowded = candidates(scores, greatest, least, k)
    lists = settle(row, item, scores[row, item], len(scores), k)
    left = np.flatnonzero(crowded)
    if len(left):
        slow = _by_search(block if len(left) == len(scores) else block[left], k, first_row)
        lists.items[left], lists.scores[left] = slow.items, slow.scores
    return lists


def _by_search(block: torch.Tensor, k: int, first_row: int) -> TopN:
    n_rows, n_items = block.shape
    items = np.full((n_rows, k), NO_ITEM, dtype=np.int64)
    listed = np.full((n_rows, k), np.nan, dtype=np.float32)
    width = min(k, n_items)
    if n_rows and width:
        values, positions = _best(block, width, first_row)
        real = values != -np.inf
        items[:, :width] = np.where(real, positions, NO_ITEM)
        listed[:, :width] = np.where(real, values, np.nan)
    return TopN(items, listed)


def _as_tensor(scores: np.ndarray | torch.Tensor) -> torch.Tensor:
    if isinstance(scores, np.ndarray):
        floats = scores if scores.dtype in (np.float32, np.float64) else scores.astype(np.float64)
        # torch cannot look at read-only or backward-running arrays.
        return torch.from_numpy(np.require(floats, requirements=["C", "W"]))
    block = scores.detach()
    return block if block.dtype in (torch.float32, torch.float64) else block.float()


def _best(block: torch.Tensor, width: int, first_row: int) -> tuple[np.ndarray, np.ndarray]:
    """Values and positions of the `width` best per row, each (n_rows, width), in the final order."""
    # One place more than wanted: only where it equals the last wanted one can a tie cross the end of the list.
    found = torch.topk(block, min(width + 1, block.shape[1]), dim=1)
    values, positions = found.values.cpu().numpy(), found.indices.cpu().numpy()
    _refuse_impossible(values[:, 0], first_row)
    if values.shape[1] > width:
        last = values[:, width - 1]
        unsettled = np.flatnonzero((values[:, width] == last) & (last != -np.inf))
        values, positions = values[:, :width], positions[:, :width]
        if len(unsettled):
            positions[unsettled] = _settle_last(block, values[unsettled], positions[unsettled], unsettled)
    return values, _order_equals(values, positions)


def _refuse_impossible(best: np.ndarray, first_row: int) -> None:
    """NaN and +inf come out on top, so the best score of each row tells about all."""
    wrong = np.flatnonzero(~(best < np.inf))
    if len(wrong):
        row = int(wrong[0])
        raise UnsoundModelError(
            f"The model gave scores that cannot be ranked ({best[row]}) in row {first_row + row}"
            f" ({len(wrong)} of {counted(len(best), 'row')} in this block); its training has probably diverged: "
            "train it again with other settings."
        )


def _settle_last(block: torch.Tensor, values: np.ndarray, positions: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Positions for `rows` where more items share the last listed score than have room: the first ones get it.

    `values` and `positions` are (len(rows), width), sorted by score; all greater scores are among them for sure.
    """
    last = values[:, -1]
    fixed = positions.copy()
    filled = (values > last[:, None]).sum(axis=1)  # places taken by greater scores, later by settled ties
    active = np.arange(len(rows))
    for start in range(0, block.shape[1], TIE_COLUMNS):
        chunk = _columns(block, rows[active], start)
        hit, column = np.nonzero(chunk == last[active][:, None])
        before = np.searchsorted(hit, np.arange(len(active)))
        place = filled[active][hit] + np.arange(len(hit)) - before[hit]
        room = place < values.shape[1]
        fixed[active[hit[room]], place[room]] = column[room] + start
        filled[active] += np.bincount(hit, minlength=len(active))
        active = active[filled[active] < values.shape[1]]
        if len(active) == 0:
            break
    return fixed


def _columns(block: torch.Tensor, rows: np.ndarray, start: int) -> np.ndarray:
    """The scores of `rows` in the columns from `start` on, at most `TIE_COLUMNS` of them."""
    part = block[:, start : start + TIE_COLUMNS]
    if len(rows) < len(block):
        part = part[torch.from_numpy(rows).to(block.device)]
    return part.cpu().numpy()


def _order_equals(values: np.ndarray, positions: np.ndarray) -> np.ndarray:
    """`positions` with each run of equal values sorted by position."""
    swapped = (values[:, 1:] == values[:, :-1]) & (positions[:, 1:] < positions[:, :-1])
    rows = np.flatnonzero(swapped.any(axis=1))
    if len(rows):
        order = np.lexsort((positions[rows], -values[rows]), axis=1)
        positions[rows] = np.take_along_axis(positions[rows], order, axis=1)
    return positions
