"""EASE: the linear autoencoder whose item-item weights are solved in closed form."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from scipy import sparse

from recae.data.ids import IdIndex
from recae.data.interactions import Interactions
from recae.data.split import HeldOut
from recae.errors import ConfigError
from recae.models.base import ModelConfig, ModelInfo, Recommender, Weights, param
from recae.models.capacity import require_memory
from recae.models.linear.gram import gram, sum_of_rows
from recae.models.linear.spd import PIVOT, TILE, inverse_in_place
from recae.options import RunOptions
from recae.store.tensors import expect


class Ease(Recommender):
    """B minimises |X - X B|^2 + l2 |B|^2 with a zero diagonal; the scores of a binary history x are x B."""

    info: ClassVar = ModelInfo(
        name="ease",
        title="EASE, the closed-form linear autoencoder",
        source="Steck (2019): Embarrassingly shallow autoencoders for sparse data. WWW 2019, equation 8",
        family="linear",
        cost="time items^3 / 2 multiply-adds once, memory 4 * items^2 bytes and a tenth more",
    )
    grid: ClassVar = ({}, {"l2": 100.0}, {"l2": 250.0}, {"l2": 1000.0}, {"l2": 2000.0})

    class Config(ModelConfig):
        """The one hyper-parameter of EASE."""

        l2: float = param(500.0, gt=0, tune=(20.0, 5000.0), scale="log")
        """Weight of the L2 penalty on the item-item weights (lambda in the paper); grows with the size of the data."""

    _weights: np.ndarray
    """(n_items, n_items) float32: B, the history's item in the row, the scored item in the column."""

    def _fit(self, train: Interactions, valid: HeldOut | None, options: RunOptions) -> None:
        n_items = train.n_items
        require_memory(
            memory_needed(n_items),
            options.max_memory,
            f"EASE on {n_items} items",
            "drop rare items (--min-item-users), or choose pure-svd, ials or item-knn, whose memory grows with the "
            "interactions",
        )
        matrix = gram(train.binary())
        matrix[np.diag_indices(n_items)] += self.config.l2
        with options.progress.task("EASE: inverting the Gram matrix", n_items, "items") as task:
            try:
                inverse_in_place(torch.from_numpy(matrix), done=task.advance)
            except ValueError as error:
                raise ConfigError(
                    f"EASE cannot be solved with l2={self.config.l2:g}: {error}; choose a greater l2."
                ) from None
        matrix /= -matrix.diagonal().copy()
        np.fill_diagonal(matrix, 0)
        self._weights = matrix

    def score(self, histories: sparse.csr_array, users: IdIndex | None = None) -> np.ndarray:
        return sum_of_rows(histories, self._weights)

    def weights(self) -> Weights:
        return {"weights": self._weights}

    def _restore(self, weights: Weights) -> None:
        self._weights = expect(weights, "weights", (len(self.items), len(self.items)))


def memory_needed(n_items: int) -> int:
    """Bytes that fitting takes at its peak: the matrix itself and the panels of its inversion."""
    return 4 * n_items * (n_items + 2 * PIVOT + TILE) + (64 << 20)
