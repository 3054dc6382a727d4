"""Items that go with an item, from a model's item vectors or from what it makes of a history of that one item."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import sparse

from recae.ranking.lists import Scorer
from recae.ranking.topk import top_k

BLOCK_BYTES = 64 << 20


def by_cosine(vectors: np.ndarray, positions: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Rank items by the cosine of their (n_items, latent) float32 `vectors`.

    Returns:
        (len(positions), n) int64 item positions and float32 cosines, the best first, without the item itself;
        -1 and NaN after the end where there are fewer than n other items. An item with a zero vector has
        cosine 0 with every other.
    """
    with np.errstate(invalid="ignore", over="ignore"):  # what is no number is refused where it is ranked
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit = vectors / np.where(lengths > 0, lengths, 1)
    return _best(lambda block: unit[block] @ unit.T, positions, n, len(vectors))


def by_score(model: Scorer, positions: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """Rank items by the score that `model` gives them for a history of one item.

    Returns:
        As `by_cosine`, with scores in place of cosines.
    """
    n_items = len(model.items)

    def score(block: np.ndarray) -> np.ndarray:
        ones = np.ones(len(block), dtype=np.float32)
        single = sparse.csr_array((ones, block, np.arange(len(block) + 1)), shape=(len(block), n_items))
        return model.score(single)

    return _best(score, positions, n, n_items)


def _best(
    score: Callable[[np.ndarray], np.ndarray], positions: np.ndarray, n: int, n_items: int
) -> tuple[np.ndarray, np.ndarray]:
    positions = np.asarray(positions, dtype=np.int64)
    found = np.full((len(positions), n), -1, dtype=np.int64)
    scores = np.full((len(positions), n), np.nan, dtype=np.float32)
    width = min(n, n_items - 1)
    if width < 1:
        return found, scores
    rows = max(1, BLOCK_BYTES // (4 * n_items))
    for start in range(0, len(positions), rows):
        block = positions[start : start + rows]
        values = score(block)
        values[np.arange(len(block)), block] = -np.inf
        best = top_k(values, width)
        found[start : start + rows, :width], scores[start : start + rows, :width] = best.items, best.scores
    return found, scores
