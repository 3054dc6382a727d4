"""GF-CF: a linear filter on the graph of items, and an ideal low-pass filter on top of it."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from scipy import sparse

from recae.data.ids import IdIndex
from recae.data.interactions import Interactions
from recae.data.split import HeldOut
from recae.models.base import ModelConfig, ModelInfo, Recommender, Weights, param
from recae.models.cost import Cost, Shape
from recae.models.linear.costs import graph_filter_cost
from recae.models.linear.gram import sum_of_rows
from recae.models.linear.inverse import sparse_times_dense
from recae.models.linear.normalised import binary_rows, degree_normalised, inverse_roots
from recae.models.linear.pure_svd import leading_directions
from recae.models.pattern import pattern_weights, restore_pattern
from recae.options import RunOptions
from recae.store.tensors import expect

BLOCK_BYTES = 128 << 20
CROWDED = 0.02
"""From this share of the users on that have an item in common with a history, products with all users are quicker."""


class GfCf(Recommender):
    """Two filters with nothing to learn, on R~ = D_U^-1/2 R D_I^-1/2: a history r has the scores
    r R~^T R~ + ideal_weight * r D_I^-1/2 V V^T D_I^1/2, with V the leading right singular vectors of R~.
    """

    info: ClassVar = ModelInfo(
        name="gf-cf",
        title="GF-CF, graph filtering in closed form",
        source="Shen, Wu, Zhang, Shan, Zhang, Letaief, Li (2021): How powerful is graph convolution for "
        "recommendation? CIKM 2021",
        family="linear",
        cost="time nnz * factors * rounds + (users + items) * (2 factors)^2 to fit and, for a row to score, the sum of "
        "the lengths of all histories that share an item with it; memory 8 * nnz + 4 * items * factors bytes",
    )
    grid: ClassVar = ({}, {"ideal_weight": 0.0}, {"ideal_weight": 0.1}, {"ideal_weight": 1.0}, {"factors": 64})

    class Config(ModelConfig):
        """How wide the low-pass filter is, and how much it counts."""

        factors: int = param(256, ge=1, tune=(16, 1024), scale="log")
        """Singular directions that the low-pass filter lets through; no more than the data has are used."""
        ideal_weight: float = param(0.3, ge=0, tune=(0.0, 2.0))
        """alpha of the paper: the weight of the low-pass filter beside the linear one; 0 leaves it out."""

    _normalised: sparse.csr_array
    """(n_users, n_items) float32: R~ of the training data."""
    _vectors: np.ndarray
    """(n_items, factors) float32: V."""

    def cost(self, shape: Shape) -> Cost:
        return graph_filter_cost(shape, self.config.factors if self.config.ideal_weight else 0)

    def _fit(self, train: Interactions, valid: HeldOut | None, options: RunOptions) -> None:
        self._take_over(train.binary())
        if self.config.ideal_weight == 0:
            self._vectors = np.zeros((train.n_items, 0), dtype=np.float32)
            return
        with options.progress.task("GF-CF: decomposing", 1) as task:
            _, vectors = leading_directions(self._normalised, self.config.factors, options.seed)
            task.advance()
        self._vectors = np.ascontiguousarray(vectors, dtype=np.float32)

    def _take_over(self, binary: sparse.csr_array) -> None:
        self._item_roots = inverse_roots(self.item_counts)
        self._normalised = degree_normalised(binary, self._item_roots)
        self._by_item = self._normalised.T.tocsr()

    def score(self, histories: sparse.csr_array, users: IdIndex | None = None) -> np.ndarray:
        scores = self._linear(binary_rows(histories))
        low = sum_of_rows(histories, self._vectors * self._item_roots[:, None]) @ self._vectors.T
        low *= self.config.ideal_weight * np.sqrt(self.item_counts).astype(np.float32)
        scores += low
        return scores

    def _linear(self, binary: sparse.csr_array) -> np.ndarray:
        """(n_rows, n_items): r R~^T R~, by way of the users that share an item with r, a block of rows at a time."""
        scores = np.empty(binary.shape, dtype=np.float32)
        n_users = self._normalised.shape[0]
        step = max(1, BLOCK_BYTES // (12 * n_users))
        for start in range(0, binary.shape[0], step):
            rows = slice(start, start + step)
            shared = binary[rows] @ self._by_item
            if shared.nnz > CROWDED * shared.shape[0] * n_users:
                dense = torch.from_numpy(shared.T.toarray())
                scores[rows] = sparse_times_dense(self._by_item, dense).numpy().T
            else:
                scores[rows] = (shared @ self._normalised).toarray()
        return scores

    def weights(self) -> Weights:
        return pattern_weights(self._normalised) | {"item_vectors": self._vectors}

    def _restore(self, weights: Weights) -> None:
        self._vectors = expect(weights, "item_vectors", (len(self.items), None))
        self._take_over(restore_pattern(weights, len(self.items)))
