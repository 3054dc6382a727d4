"""iALS: implicit-feedback matrix factorization by alternating least squares."""

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
from recae.models.factorization.costs import ials_cost
from recae.models.factorization.fold_in import FoldIn
from recae.models.identity import fit_identity
from recae.options import RunOptions
from recae.ranking.lists import Product
from recae.store.tensors import expect
from recae.training.checkpoint import Rounds, keeping


class Ials(Recommender):
    """Users and items as vectors x, y that minimise, over all cells, c (p - x y)^2 + l2 (|x|^2 + |y|^2).

    p is 1 with confidence c = `alpha` where there is an interaction, and 0 with confidence 1 elsewhere. The items
    are fitted by the library `implicit`; every user, trained on or not, is scored by solving for x with the
    items held fixed.
    """

    info: ClassVar = ModelInfo(
        name="ials",
        title="iALS, implicit alternating least squares",
        source="Hu, Koren, Volinsky (2008): Collaborative filtering for implicit feedback datasets. ICDM 2008; "
        "well-tuned: Rendle, Krichene, Zhang, Koren (2022): Revisiting the performance of iALS. RecSys 2022",
        family="factorization",
        cost="time epochs * (nnz * factors + (users + items) * factors^2), memory 4 * (users + items) * factors bytes",
    )
    resumable = True
    grid: ClassVar = (
        {},
        {"l2": 10.0},
        {"factors": 128},
        {"alpha": 8.0, "l2": 60.0},
        {"alpha": 1.0, "l2": 10.0},
        {"factors": 256, "alpha": 1.0},
    )

    class Config(ModelConfig):
        """Size, penalty, confidence and length of training."""

        factors: int = param(64, ge=1, tune=(16, 512), scale="log")
        """Length of the user and item vectors."""
        l2: float = param(30.0, ge=0, tune=(0.1, 300.0), scale="log")
        """Weight of the L2 penalty on the vectors."""
        alpha: float = param(4.0, ge=1, tune=(1.0, 40.0), scale="log")
        """Confidence of an interaction, where an absent one has confidence 1."""
        epochs: int = param(15, ge=1, tune=(5, 30))
        """Alternations of users and items."""

    _item_factors: np.ndarray
    """(n_items, factors) float32."""
    _fold_in: FoldIn | None = None

    def cost(self, shape: Shape) -> Cost:
        return ials_cost(shape, self.config.factors, self.config.epochs)

    def _fit(self, train: Interactions, valid: HeldOut | None, options: RunOptions) -> None:
        from implicit.cpu.als import AlternatingLeastSquares

        settings = self.config
        users, items = start(train.n_users, train.n_items, settings.factors, options.seed)
        done = Rounds(users=users, items=items)
        with (
            threadpool_limits(1, "blas"),  # implicit's own threads and those of the BLAS slow each other down
            keeping(done, fit_identity(self, None, options), options) as keeper,
            options.progress.task("iALS", settings.epochs, "epochs") as task,
        ):
            task.advance(done.count)
            solver = AlternatingLeastSquares(
                factors=settings.factors,
                regularization=settings.l2,
                alpha=settings.alpha,
                iterations=settings.epochs - done.count,
                dtype=np.float32,
            )
            solver.user_factors, solver.item_factors = users, items

            def after_round(*_: object) -> None:
                done.count += 1
                task.advance()
                keeper.offer()

            solver.fit(sparse.csr_matrix(train.binary()), show_progress=False, callback=after_round)
        self._item_factors = items

    def user_vectors(self, histories: sparse.csr_array) -> np.ndarray:
        """(n_rows, factors) float32: the vectors of users with these histories."""
        return self._folding()(histories)

    def _folding(self) -> FoldIn:
        if self._fold_in is None or self._fold_in.item_factors is not self._item_factors:
            # A vanishing penalty keeps the system solvable where the items do not span all factors.
            self._fold_in = FoldIn(self._item_factors, max(self.config.l2, 1e-6), self.config.alpha)
        return self._fold_in

    def score(self, histories: sparse.csr_array, users: IdIndex | None = None) -> np.ndarray:
        return self.user_vectors(histories) @ self._item_factors.T

    def as_product(self) -> Product:
        folding = self._folding()  # a copy of the items' table, made before there are threads that would each make one
        return Product(lambda histories, users: folding(histories), self._item_factors)

    def item_vectors(self) -> np.ndarray:
        return self._item_factors

    def weights(self) -> Weights:
        return {"item_factors": self._item_factors}

    def _restore(self, weights: Weights) -> None:
        self._item_factors = expect(weights, "item_factors", (len(self.items), self.config.factors))


def start(n_users: int, n_items: int, factors: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """(n_users, factors) and (n_items, factors) float32: the vectors as `implicit` draws them for a seed."""
    draw = np.random.default_rng(seed)
    users, items = (draw.random((n, factors), dtype=np.float32) * 0.01 for n in (n_users, n_items))
    return users, items
