"""BPR: matrix factorization that learns to rank a user's items above the others."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from scipy import sparse
from threadpoolctl import threadpool_limits

from recae.data.ids import IdIndex
from recae.data.interactions import Interactions
from recae.data.split import HeldOut
from recae.models.base import ModelConfig, ModelInfo, Recommender, Weights, param
from recae.models.cost import Cost, Shape
from recae.models.factorization.costs import bpr_cost
from recae.options import RunOptions
from recae.ranking.lists import Product
from recae.store.tensors import expect


class Bpr(Recommender):
    """Stochastic gradient steps on -ln sigmoid(score of a user's item - score of another); by `implicit`.

    The other item is drawn as often as it occurs in the log, where the paper draws all items alike. Knows only the
    users it was trained on: their vectors are learned step by step and have no closed form.
    """

    info: ClassVar = ModelInfo(
        name="bpr",
        title="BPR, matrix factorization for personalized ranking",
        source="Rendle, Freudenthaler, Gantner, Schmidt-Thieme (2009): BPR: Bayesian personalized ranking from "
        "implicit feedback. UAI 2009",
        family="factorization",
        inductive=False,
        cost="time epochs * nnz * factors on one thread, memory 4 * (users + items) * factors bytes",
    )
    grid: ClassVar = (
        {},
        {"epochs": 25},
        {"l2": 0.03, "epochs": 100},
        {"learning_rate": 0.02, "l2": 0.005, "epochs": 20},
    )

    class Config(ModelConfig):
        """Size, penalty and the steps of training."""

        factors: int = param(64, ge=1, tune=(16, 256), scale="log")
        """Length of the user and item vectors."""
        l2: float = param(0.01, ge=0, tune=(0.001, 0.1), scale="log")
        """Weight of the L2 penalty in each gradient step."""
        learning_rate: float = param(0.01, gt=0, tune=(0.002, 0.1), scale="log")
        """Step size of the stochastic gradient descent."""
        epochs: int = param(50, ge=1, tune=(10, 200), scale="log")
        """Passes over as many samples as there are interactions."""

    _user_factors: np.ndarray
    """(n_train_users, factors + 1) float32; the last column is 1, against the items' bias."""
    _item_factors: np.ndarray
    """(n_items, factors + 1) float32; the last column is the bias."""

    def cost(self, shape: Shape) -> Cost:
        return bpr_cost(shape, self.config.factors, self.config.epochs)

    def _fit(self, train: Interactions, valid: HeldOut | None, options: RunOptions) -> None:
        from implicit.cpu.bpr import BayesianPersonalizedRanking
        from implicit.recommender_base import ModelFitError

        from recae.training.engine import TrainingDivergedError

        settings = self.config
        with threadpool_limits(1, "blas"), options.progress.task("BPR", settings.epochs, "epochs") as task:
            learner = BayesianPersonalizedRanking(
                factors=settings.factors,
                learning_rate=settings.learning_rate,
                regularization=settings.l2,
                iterations=settings.epochs,
                random_state=options.seed,
                num_threads=1,  # more of them write over each other, and the outcome depends on who comes last
                dtype=np.float32,
            )
            mine = sparse.csr_matrix(train.binary(), copy=True)  # implicit takes no read-only arrays here
            try:
                learner.fit(mine, show_progress=False, callback=lambda *_: task.advance())
            except ModelFitError as error:
                raise TrainingDivergedError("Training diverged: factors became NaN. Lower learning_rate.") from error
        self._user_factors = np.ascontiguousarray(learner.user_factors)
        self._item_factors = np.ascontiguousarray(learner.item_factors)

    def score(self, histories: sparse.csr_array, users: IdIndex | None = None) -> np.ndarray:
        return self._user_factors[self.positions_of(users)] @ self._item_factors.T

    def as_product(self) -> Product:
        return Product(lambda histories, users: self._user_factors[self.positions_of(users)], self._item_factors)

    def item_vectors(self) -> np.ndarray:
        """(n_items, factors) float32, without the bias."""
        return self._item_factors[:, :-1]

    def weights(self) -> Weights:
        return {"user_factors": self._user_factors, "item_factors": self._item_factors}

    def _restore(self, weights: Weights) -> None:
        width = self.config.factors + 1
        self._user_factors = expect(weights, "user_factors", (self.n_train_users, width))
        self._item_factors = expect(weights, "item_factors", (len(self.items), width))
