"""Popularity: every user gets the items that most users have."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from scipy import sparse

from recae.data.ids import IdIndex
from recae.data.interactions import Interactions
from recae.data.split import HeldOut
from recae.models.base import ModelConfig, ModelInfo, Recommender, Weights
from recae.models.cost import FLOAT, Cost, Shape, Work, fit_common
from recae.options import RunOptions


class Popularity(Recommender):
    """Scores an item by the number of its training users: the floor that every model has to clear."""

    info: ClassVar = ModelInfo(
        name="popularity",
        title="Most popular items",
        source="Cremonesi, Koren, Turrin (2010): Performance of recommender algorithms on top-N recommendation tasks, "
        "section 3.1 (TopPop)",
        family="baseline",
        cost="time nnz, memory 8 * items bytes",
    )

    class Config(ModelConfig):
        """Popularity has no hyper-parameters."""

    def cost(self, shape: Shape) -> Cost:
        return Cost(fit_common(shape), 8 * shape.items, Work(), Work(moved=FLOAT * shape.items))

    def _fit(self, train: Interactions, valid: HeldOut | None, options: RunOptions) -> None:
        pass  # `item_counts`, which every model keeps, is all there is to learn.

    def score(self, histories: sparse.csr_array, users: IdIndex | None = None) -> np.ndarray:
        return np.tile(self.item_counts.astype(np.float32), (histories.shape[0], 1))

    def weights(self) -> Weights:
        return {}

    def _restore(self, weights: Weights) -> None:
        pass
