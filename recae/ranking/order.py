"""The final order of candidates: by score, descending, then by item position, settled by one sort of integers."""

from __future__ import annotations

import numpy as np

from recae.ranking.lists import NO_ITEM, TopN

_NOTHING = np.iinfo(np.int64).max
_LOW_HALF = np.int64(0xFFFFFFFF)


def ordered_bits(bits: np.ndarray) -> np.ndarray:
    """Signed integers in the order of the floats that the signed integers `bits` are the bits of.

    Positive floats stand in the order of their bits already, negative ones in the reverse. The map is its own inverse.
    """
    return bits ^ ((bits >> (8 * bits.itemsize - 1)) & np.iinfo(bits.dtype).max)


def settle(row: np.ndarray, item: np.ndarray, score: np.ndarray, n_rows: int, k: int) -> TopN:
    """The `k` best candidates of each of `n_rows` rows.

    Args:
        row: (n,) ascending: whose candidate it is.
        item: (n,) positions, each once in a row.
        score: (n,) float32, neither NaN nor -inf.
    """
    # One integer says it all: the score upside down in the upper half, the position in the lower.
    bits = ordered_bits((score + np.float32(0)).view(np.int32))  # -0 + 0 is 0, which it equals
    keys = (~bits).astype(np.int64) << 32 | item
    counts = np.diff(np.searchsorted(row, np.arange(n_rows + 1)))
    width = max(k, int(counts.max(initial=0)))
    table = np.full((n_rows, width), _NOTHING)
    table[np.arange(width) < counts[:, None]] = keys
    table.sort(axis=1)
    best = table[:, :k]
    lists = TopN(best & _LOW_HALF, ordered_bits((~(best >> 32)).astype(np.int32)).view(np.float32))
    if counts.min(initial=k) < k:
        padding = best == _NOTHING
        lists.items[padding], lists.scores[padding] = NO_ITEM, np.nan
    return lists
