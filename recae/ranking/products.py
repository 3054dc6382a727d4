"""Lists by inner products of vectors: the few candidates from products in bf16, the lists from those in fp32.

A block of rounded scores is all there ever is beside the vectors. The k-th greatest rounded score of a row and a bound
on the rounding (`rounding`) say which items can be in its list; these are scored once more by one rule (`pairs`), and
that decides. The lists are those of the rule over all items, whatever the type, the blocks and the threads.
"""

from __future__ import annotations

import threading
from functools import cached_property

import numpy as np
import torch
from scipy import sparse

from recae.processor import multiplies_bf16
from recae.ranking.groups import candidates, group_count, kth_greatest, maxima, minima
from recae.ranking.lists import Product, TopN
from recae.ranking.narrow import NarrowVectors
from recae.ranking.order import ordered_bits, settle
from recae.ranking.pairs import pair_scores
from recae.ranking.rounding import HALF_UNIT, least_score, still_possible
from recae.ranking.rules import hide, mask
from recae.ranking.topk import top_k
from recae.workers import ALONE, Workers

_MINUS_INFINITY = np.int16(-128)
"""The bits of -inf in bf16."""
_LEAST_FINITE = np.int16(ordered_bits(np.array([_MINUS_INFINITY]))[0] + 1)
_NOBODY = np.iinfo(np.int16).max
MANY = 1.8
"""Candidates for each place of a list from which on it is worth while to look at the bounds of each."""


class ProductRanker:
    """Makes the lists of width `k` for queries against the item vectors of `product`.

    Args:
        barred: (n_items,) bool, items that nobody may get; or None.
        dtype: of the products that find candidates; None takes what the processor is faster with.
        pool: the threads that will rank. They also prepare the vectors: torch's own threads would go on spinning
            after that, on the cores where these threads should begin.
    """

    def __init__(
        self,
        product: Product,
        k: int,
        barred: np.ndarray | None = None,
        dtype: torch.dtype | None = None,
        pool: Workers = ALONE,
    ) -> None:
        self.width, self._barred = k, barred
        self._vectors = torch.from_numpy(np.require(product.vectors, np.float32, ["C", "W"]))
        self._bias = None if product.bias is None else torch.from_numpy(np.require(product.bias, np.float32, ["W"]))
        fastest = torch.bfloat16 if multiplies_bf16() else torch.float32
        self._narrow = NarrowVectors(self._vectors, self._bias, barred, dtype or fastest, pool)
        self._of_thread = threading.local()

    def rank(self, queries: np.ndarray, seen: sparse.csr_array | None, *, first_row: int = 0) -> TopN:
        """The lists of `queries` (n_rows, d), without the items of `seen` (n_rows, n_items).

        Rows that the first type leaves with too many candidates go to fp32, and what is left then is scored whole.

        Raises:
            UnsoundModelError: a score is NaN or +inf; the row is named, counted from `first_row`.
        """
        asked = torch.from_numpy(np.require(queries, np.float32, ["C", "W"]))
        lists, left = self._by_candidates(asked, seen, self._narrow)
        if len(left) and self._narrow.dtype != torch.float32:
            still = []
            # Half as many rows of numbers twice as long: the buffers stay as large.
            for rows in np.array_split(left, min(len(left), -(-2 * len(left) // len(asked)))):
                again, crowded = self._by_candidates(asked[rows], None if seen is None else seen[rows], self._wide)
                lists.items[rows], lists.scores[rows] = again.items, again.scores
                still.append(rows[crowded])
            left = np.concatenate(still)
        for row in left:
            own = self._whole(asked[row : row + 1], None if seen is None else seen[[row]], first_row + int(row))
            lists.items[row], lists.scores[row] = own.items[0], own.scores[0]
        return lists

    @cached_property
    def _wide(self) -> NarrowVectors:
        """For the rows that bf16 cannot settle; most models have none."""
        return NarrowVectors(self._vectors, self._bias, self._barred, torch.float32)

    def _by_candidates(
        self, queries: torch.Tensor, seen: sparse.csr_array | None, narrow: NarrowVectors
    ) -> tuple[TopN, np.ndarray]:
        """Lists, and the rows (ascending) whose lists are not settled."""
        block, norms = narrow.scores(queries, self._buffer(len(queries), narrow.dtype))
        bounds = narrow.bounds(norms)
        found = _narrow_candidates if narrow.dtype == torch.bfloat16 else _wide_candidates
        row, item, crowded, least = found(block, seen, bounds, self.width)
        if len(row) > MANY * self.width * len(queries):
            rounded, errors = block[row, item].float().numpy(), narrow.bounds_of_pairs(norms, row, item)
            left = still_possible(rounded, errors, least[row], bounds[row], HALF_UNIT[narrow.dtype])
            row, item = row[left], item[left]
        scores = pair_scores(queries, self._vectors, self._bias, row, item)
        return settle(row, item, scores, len(queries), self.width), np.flatnonzero(crowded)

    def _whole(self, query: torch.Tensor, seen: sparse.csr_array | None, number: int) -> TopN:
        """The list of one row, from the scores of all items."""
        n_items = len(self._vectors)
        items = np.arange(n_items)
        scores = pair_scores(query, self._vectors, self._bias, np.zeros(n_items, dtype=np.int64), items)
        return top_k(mask(scores.reshape(1, -1).copy(), seen, self._barred), self.width, first_row=number)

    def _buffer(self, n_rows: int, dtype: torch.dtype) -> torch.Tensor:
        """(n_rows, n_items) uninitialised; each thread has one and uses it again, as fresh memory is slow."""
        size, name = n_rows * len(self._vectors), str(dtype)
        buffer: torch.Tensor | None = getattr(self._of_thread, name, None)
        if buffer is None or len(buffer) < size:
            buffer = torch.empty(size, dtype=dtype)
            setattr(self._of_thread, name, buffer)
        return buffer[:size].view(n_rows, -1)


def _narrow_candidates(
    block: torch.Tensor, seen: sparse.csr_array | None, bounds: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """As `candidates`, for a block of bf16 scores, whose bits are compared as integers; and the least scores.

    Processors find the greatest of integers faster. Where the scores that matter are positive, their bits are in
    order as they stand; otherwise maxima and what is looked at are put in order first.
    """
    bits, order = block.view(torch.int16), None
    raw = bits.numpy()
    hide(raw, seen, _MINUS_INFINITY)
    n_groups = group_count(raw.shape[1], k)
    greatest = maxima(bits, n_groups)
    least = _least_bits(greatest, bounds, k)
    if (least <= 0).any():
        order = ordered_bits
        greatest = np.where(greatest >= 0, greatest, ordered_bits(minima(bits, n_groups)))
        least = _least_bits(greatest, bounds, k)
    row, item, crowded = candidates(raw, greatest, least, k, order)
    return row, item, crowded | np.isnan(bounds), _as_scores(least)


def _least_bits(greatest: np.ndarray, bounds: np.ndarray, k: int) -> np.ndarray:
    """(n_rows,) int16, in the order of `ordered_bits`: the least rounded score that a candidate can have."""
    kth, infinite = kth_greatest(greatest, k), np.full(len(greatest), _LEAST_FINITE - 1)
    # Bits that are not in order yet can stand below -inf, where there are only NaNs.
    kth = infinite if kth is None else np.maximum(kth, infinite)
    with np.errstate(invalid="ignore"):
        least = least_score(_as_scores(kth), bounds, HALF_UNIT[torch.bfloat16])
    narrowed = (ordered_bits(least.view(np.int32)) >> 16).astype(np.int16)
    return np.where(np.isnan(bounds), _NOBODY, np.maximum(narrowed, _LEAST_FINITE))


def _as_scores(ordered: np.ndarray) -> np.ndarray:
    """(n,) float32: the bf16 numbers whose bits, in the order of `ordered_bits`, are `ordered` (n,) int16."""
    return (ordered_bits(ordered).astype(np.int32) << 16).view(np.float32)


def _wide_candidates(
    block: torch.Tensor, seen: sparse.csr_array | None, bounds: np.ndarray, k: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """As `candidates`, for a block of fp32 scores; and the least scores."""
    raw = block.numpy()
    hide(raw, seen, -np.inf)
    greatest = maxima(block, group_count(raw.shape[1], k))
    kth = kth_greatest(greatest, k)
    with np.errstate(invalid="ignore"):
        least = least_score(kth if kth is not None else np.full(len(raw), -np.inf), bounds, HALF_UNIT[torch.float32])
    least = np.where(np.isnan(bounds), np.inf, np.maximum(least, np.finfo(np.float32).min)).astype(np.float32)
    row, item, crowded = candidates(raw, greatest, least, k)
    return row, item, crowded | np.isnan(bounds), least
