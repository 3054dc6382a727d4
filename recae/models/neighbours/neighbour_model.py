"""What the neighbourhood models share: the nearest items of every item as one sparse matrix."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy import sparse

from recae.data.ids import IdIndex
from recae.models.base import Recommender, Weights
from recae.models.linear.normalised import binary_rows
from recae.models.pattern import csr_weights, restore_csr
from recae.progress import Task

BLOCK_BYTES = 128 << 20
NAMES = ("similarities", "neighbours", "starts")
"""Of the arrays in a model folder."""


class NeighbourModel(Recommender):
    """An item's score is the sum of its similarities to the items of the history, as far as they are kept."""

    _similar: sparse.csr_array
    """(n_items, n_items) float32: row i holds what item i of a history adds to the scores of others."""

    def score(self, histories: sparse.csr_array, users: IdIndex | None = None) -> np.ndarray:
        return (binary_rows(histories) @ self._similar).toarray()

    def similar_items(self, positions: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
        """As in every model; an item that shares no user has no similar items at all."""
        found, similarities = super().similar_items(positions, n)
        strangers = ~(similarities > 0)
        found[strangers], similarities[strangers] = -1, np.nan
        return found, similarities

    def weights(self) -> Weights:
        return csr_weights(self._similar, *NAMES)

    def _restore(self, weights: Weights) -> None:
        self._similar = restore_csr(weights, len(self.items), *NAMES)


def nearest(
    left: sparse.csr_array,
    right: sparse.csr_array,
    neighbours: int,
    task: Task,
    rescale: Callable[[np.ndarray, slice], None] | None = None,
) -> sparse.csr_array:
    """The greatest entries of each row of left @ right, without the diagonal; a block of rows at a time.

    Args:
        left: (n_items, n_users) float32.
        right: (n_users, n_items) float32.
        neighbours: entries kept per row, at most; only positive ones are.
        task: told of the rows that are done.
        rescale: changes a dense block of rows in place before it is compared; gets the block and which rows it is.

    Returns:
        (n_items, n_items) float32.
    """
    n_items = left.shape[0]
    size = max(1, BLOCK_BYTES // (4 * n_items))
    blocks = []
    for start in range(0, n_items, size):
        rows = slice(start, min(start + size, n_items))
        block = (left[rows] @ right).toarray()
        if rescale is not None:
            rescale(block, rows)
        own = np.arange(len(block))
        block[own, start + own] = 0
        blocks.append(_keep_best(block, min(neighbours, n_items)))
        task.advance(len(block))
    return sparse.vstack(blocks, format="csr")


def _keep_best(block: np.ndarray, width: int) -> sparse.csr_array:
    found = torch.topk(torch.from_numpy(block), width, dim=1, sorted=False)
    values, columns = found.values.numpy(), found.indices.numpy().astype(np.int32)
    row, place = np.nonzero(values > 0)
    kept = sparse.csr_array((values[row, place], (row, columns[row, place])), shape=block.shape)
    kept.sort_indices()
    return kept
