"""SLIM: sparse non-negative item-item weights, each column an elastic net."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from scipy import sparse

from recae.data.ids import IdIndex
from recae.data.interactions import Interactions
from recae.data.split import HeldOut
from recae.models.base import ModelInfo, Recommender, Weights, param
from recae.models.cost import Cost, Shape
from recae.models.linear.costs import slim_cost
from recae.models.linear.elastic_net import solve_columns
from recae.models.linear.gram import gram
from recae.models.linear.gram_model import PowersConfig, weigh_users
from recae.models.linear.normalised import binary_rows
from recae.models.pattern import csr_weights, restore_csr
from recae.options import RunOptions


class SlimConfig(PowersConfig):
    """Hyper-parameters of SLIM."""

    l1: float = param(5.0, ge=0, tune=(0.1, 100.0), scale="log")
    """Weight of the sum of absolute weights (lambda in the paper): only items that share more than this many users can
    have a weight, so that the greater it is, the fewer there are."""
    l2: float = param(100.0, gt=0, tune=(1.0, 2000.0), scale="log")
    """Weight of half the sum of squared weights (beta in the paper)."""


class Slim(Recommender):
    """Column j of W minimises 1/2 |x_j - X w|^2 + l2 / 2 |w|^2 + l1 |w|_1 with w >= 0 and w_j = 0, and the scores of a
    binary history x are x W: a sum over the few items of the history that speak for an item."""

    info: ClassVar = ModelInfo(
        name="slim",
        title="SLIM, the sparse linear method",
        source="Ning, Karypis (2011): SLIM: Sparse linear methods for top-N recommender systems. ICDM 2011; powers: "
        "Park, Yoo, Lee (2025): Why is normalization necessary for linear recommenders? SIGIR 2025",
        family="linear",
        cost="time items * (neighbours^3 + items * neighbours), memory 4 * items^2 bytes while fitting and 8 * items * "
        "neighbours afterwards, for columns of that many weights above 0",
    )
    Config = SlimConfig
    grid: ClassVar = ({}, {"l1": 10.0}, {"l1": 2.0, "l2": 200.0}, {"l1": 1.0, "l2": 10.0})

    _weights: sparse.csr_array
    """(n_items, n_items) float32: W, history items in the rows, scored items in the columns, nothing below 0."""

    def cost(self, shape: Shape) -> Cost:
        return slim_cost(shape)

    def _fit(self, train: Interactions, valid: HeldOut | None, options: RunOptions) -> None:
        settings, n_items = self.config, train.n_items
        matrix = torch.from_numpy(gram(weigh_users(train.binary(), settings.user_power)))
        with options.progress.task("slim: solving", n_items, "items") as task:
            weights = solve_columns(matrix, settings.l1, settings.l2, done=task.advance)
        scale = (np.maximum(self.item_counts, 1) ** settings.item_power).astype(np.float32)
        weights.data *= np.repeat(scale, np.diff(weights.indptr)) / scale[weights.indices]
        self._weights = weights

    def score(self, histories: sparse.csr_array, users: IdIndex | None = None) -> np.ndarray:
        return (binary_rows(histories) @ self._weights).toarray()

    def weights(self) -> Weights:
        return csr_weights(self._weights)

    def _restore(self, weights: Weights) -> None:
        self._weights = restore_csr(weights, len(self.items))
