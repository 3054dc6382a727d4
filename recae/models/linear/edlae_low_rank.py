"""EDLAE of low rank: the weights are a product of two thin matrices, with the diagonal left out of the product."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from scipy import sparse

from recae.data.ids import IdIndex
from recae.data.interactions import Interactions
from recae.data.split import HeldOut
from recae.errors import ConfigError
from recae.models.base import ModelInfo, Recommender, Weights, param
from recae.models.cost import Cost, Shape
from recae.models.linear.costs import low_rank_cost
from recae.models.linear.diagonal_admm import factorize
from recae.models.linear.dropout import DropoutConfig, dropout_penalty
from recae.models.linear.gram import sum_of_rows
from recae.models.linear.gram_model import weigh_users
from recae.models.linear.inverse import penalised_inverse, steps_of
from recae.options import RunOptions
from recae.ranking.lists import Product
from recae.store.tensors import expect


class EdlaeLowRank(Recommender):
    """EDLAE's loss with B = U V^T - diag(U V^T): an autoencoder with a linear hidden layer that, like EDLAE, gains
    nothing by copying its input."""

    info: ClassVar = ModelInfo(
        name="edlae-low-rank",
        title="EDLAE of low rank, an emphasised denoising autoencoder with a hidden layer",
        source="Steck (2020): Autoencoders that don't overfit towards the identity. NeurIPS 2020, section 4 and "
        "supplement",
        family="linear",
        cost="time items^3 (or users^3) multiply-adds and iterations * 3 rank * items^2 more; memory 8 * items^2 bytes "
        "in training (and 4 * users^2 if those are fewer), 8 * items * rank afterwards",
    )
    grid: ClassVar = (
        {},
        {"rank": 100},
        {"rank": 250, "l2": 400.0, "dropout": 0.5},
        {"rank": 250, "l2": 400.0, "dropout": 0.5, "user_power": 0.5, "item_power": 0.2},
    )

    class Config(DropoutConfig):
        """Hyper-parameters of EDLAE of low rank."""

        l2: float = param(400.0, gt=0, tune=(5.0, 3000.0), scale="log")
        """Weight of the L2 penalty on the item-item weights U V^T (lambda of the paper)."""
        rank: int = param(1000, ge=1, tune=(50, 1000), scale="log")
        """Columns of U and V: the width of the hidden layer; no more than there are items or users are used."""
        omega: float = param(500.0, gt=0, tune=(50.0, 5000.0), scale="log")
        """How firmly each iteration holds the diagonal that was left out to the diagonal of U V^T: the smaller, the
        larger the steps."""
        iterations: int = param(5, ge=1, tune=(2, 20))
        """Rounds of the alternating direction method of multipliers."""

    _encoder: np.ndarray
    """(n_items, rank) float32: U."""
    _decoder: np.ndarray
    """(n_items, rank) float32: V."""

    def cost(self, shape: Shape) -> Cost:
        return low_rank_cost(self.info.name, shape, self.config.rank, self.config.iterations)

    def _fit(self, train: Interactions, valid: HeldOut | None, options: RunOptions) -> None:
        config, name = self.config, self.info.name
        weighted = weigh_users(train.binary(), config.user_power)
        penalty = dropout_penalty(self.item_counts, config.dropout, config.l2).astype(np.float32)
        rank = min(config.rank, *weighted.shape)
        n_items = train.n_items
        steps = steps_of(weighted, penalty)
        with options.progress.task(f"{name}: inverting the Gram matrix", steps, "rows") as task:
            try:
                inverse = penalised_inverse(weighted, penalty, done=task.advance)
            except ValueError as error:
                raise ConfigError(
                    f"{name} cannot be solved with l2={config.l2:g}: {error}; choose a greater l2."
                ) from None
        start = np.random.default_rng(options.seed).standard_normal((n_items, rank), dtype=np.float32)
        with options.progress.task(f"{name}: factorizing", config.iterations, "iterations") as task:
            self._encoder, self._decoder = factorize(
                weighted, penalty, inverse, start, config.omega, config.iterations, done=task.advance
            )
        if config.item_power:
            powers = (np.maximum(self.item_counts, 1) ** config.item_power).astype(np.float32)[:, None]
            self._encoder, self._decoder = self._encoder * powers, self._decoder / powers

    def score(self, histories: sparse.csr_array, users: IdIndex | None = None) -> np.ndarray:
        scores: np.ndarray = sum_of_rows(histories, self._encoder) @ self._decoder.T
        rows = np.repeat(np.arange(histories.shape[0]), np.diff(histories.indptr))
        scores[rows, histories.indices] -= self._diagonal()[histories.indices]
        return scores

    def as_product(self) -> Product:
        # What `score` takes off is only at the items of the history.
        return Product(lambda histories, users: sum_of_rows(histories, self._encoder), self._decoder, unseen_only=True)

    def _diagonal(self) -> np.ndarray:
        found: np.ndarray = np.einsum("ij,ij->i", self._encoder, self._decoder)
        return found

    def weights(self) -> Weights:
        return {"encoder": self._encoder, "decoder": self._decoder}

    def _restore(self, weights: Weights) -> None:
        self._encoder = expect(weights, "encoder", (len(self.items), None))
        self._decoder = expect(weights, "decoder", self._encoder.shape)
