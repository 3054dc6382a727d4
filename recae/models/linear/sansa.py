"""SANSA: EASE with sparse factors in place of the dense inverse."""

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
from recae.models.linear.costs import sansa_cost
from recae.models.linear.gram_model import PowersConfig, weigh_users
from recae.models.linear.normalised import binary_rows
from recae.models.linear.sparse_inverse import sparse_factor
from recae.models.pattern import csr_weights, restore_csr
from recae.options import RunOptions


class SansaConfig(PowersConfig):
    """Hyper-parameters of SANSA."""

    density: float = param(0.005, gt=0, le=1, tune=(1e-4, 0.05), scale="log")
    """Share of the items x items places that the sparse factor may fill; above 1/2 it is complete, and so is EASE."""
    spare: float = param(3.0, ge=1, le=100, tune=(1.0, 5.0))
    """So many times as many places are tried before the greatest weights among them are kept and solved again."""


class Sansa(Recommender):
    """EASE for catalogues where a matrix of items x items is impossible: with (X^T X + l2 E)^-1 ~ M^T M for a sparse
    triangular M, the scores of a binary history x are the products x M^T M, scaled to a zero diagonal.

    The authors factorise incompletely and invert the factor by minimal-residual steps. Here the inverse of the factor
    is found directly, as the least-squares solution on its places: incomplete factors of co-occurrences lose
    their positive pivots, and with them the greater part of the quality.
    """

    info: ClassVar = ModelInfo(
        name="sansa",
        title="SANSA, the sparse approximation of EASE",
        source="Spisak, Bartyzal, Hoskovec, Peska, Tuma (2023): Scalable approximate nonsymmetric autoencoder for "
        "collaborative filtering. RecSys 2023; the factor: Kolotilina, Yeremin (1993): Factorized sparse approximate "
        "inverse preconditionings I. SIAM J. Matrix Anal. Appl. 14(1)",
        family="linear",
        cost="with k = density * items weights per item: time items * (spare * k)^3, memory 24 * spare * k * items "
        "bytes while fitting and 20 * k * items afterwards",
    )
    Config = SansaConfig
    grid: ClassVar = ({}, {"density": 0.02}, {"density": 0.001}, {"l2": 50.0, "density": 0.001})

    _factor: sparse.csr_array
    """(n_items, n_items) float32: M, items in the columns."""

    def cost(self, shape: Shape) -> Cost:
        return sansa_cost(shape, self.config.density, self.config.spare)

    def _fit(self, train: Interactions, valid: HeldOut | None, options: RunOptions) -> None:
        settings, n_items = self.config, train.n_items
        budget = min(int(settings.density * n_items**2), n_items * (n_items - 1) // 2)
        # The more popular item of a pair comes first: rare items are explained by popular ones.
        order = np.argsort(-self.item_counts, kind="stable")
        matrix = weigh_users(train.binary(), settings.user_power)[:, order]
        penalty = np.full(n_items, settings.l2)
        with options.progress.task("sansa: solving", 2 * n_items, "rows") as task:
            try:
                factor = sparse_factor(matrix, penalty, budget, settings.spare, done=task.advance)
            except ValueError as error:
                raise ConfigError(
                    f"sansa cannot be solved with l2={settings.l2:g}: {error}; choose a greater l2."
                ) from None
        self._keep(sparse.csr_array((factor.data, order[factor.indices], factor.indptr), shape=factor.shape))

    def _keep(self, factor: sparse.csr_array) -> None:
        """Take the factor, and make of it the two by which histories are multiplied."""
        self._factor, items = factor, factor.indices
        diagonal = np.bincount(items, weights=np.square(factor.data, dtype=np.float64), minlength=len(self.items))
        scale = np.maximum(self.item_counts, 1) ** self.config.item_power
        into, out = scale.astype(np.float32), (-1 / (diagonal * scale)).astype(np.float32)
        self._into = sparse.csr_array((factor.data * into[items], items, factor.indptr), shape=factor.shape).T.tocsr()
        self._out = sparse.csr_array((factor.data * out[items], items, factor.indptr), shape=factor.shape)

    def score(self, histories: sparse.csr_array, users: IdIndex | None = None) -> np.ndarray:
        binary = binary_rows(histories)
        # The diagonal of the product is -1, where that of EASE's weights is 0.
        return ((binary @ self._into) @ self._out + binary).toarray()

    def weights(self) -> Weights:
        return csr_weights(self._factor)

    def _restore(self, weights: Weights) -> None:
        self._keep(restore_csr(weights, len(self.items)))
