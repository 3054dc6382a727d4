"""NMF: histories as sums of non-negative parts."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from recae.data.ids import IdIndex
from recae.data.interactions import Interactions
from recae.data.split import HeldOut
from recae.models.base import ModelConfig, ModelInfo, Recommender, Weights, param
from recae.models.cost import Cost, Shape
from recae.models.factorization.costs import nmf_cost
from recae.models.identity import fit_identity
from recae.models.linear.gram import sum_of_rows
from recae.options import RunOptions
from recae.ranking.lists import Product
from recae.store.tensors import expect
from recae.training.checkpoint import Rounds, keeping

FOLD_IN_SWEEPS = 50


class Nmf(Recommender):
    """W and H, without a negative entry, that minimise |X - W H|^2 + l2 (|W|^2 + |H|^2) over all cells of binary X.

    Solved by hierarchical alternating least squares, one factor at a time, with sparse products only. Every user,
    trained on or not, is scored by non-negative least squares with H held fixed.
    """

    info: ClassVar = ModelInfo(
        name="nmf",
        title="NMF, non-negative matrix factorization",
        source="Lee, Seung (1999): Learning the parts of objects by non-negative matrix factorization. Nature 401; "
        "solver: Cichocki, Phan (2009): Fast local algorithms for large scale nonnegative matrix and tensor "
        "factorizations. IEICE Transactions E92-A(3)",
        family="factorization",
        cost="time epochs * (nnz * factors + (users + items) * factors^2), memory 8 * (users + items) * factors bytes",
    )
    resumable = True
    grid: ClassVar = (
        {},
        {"l2": 10.0},
        {"factors": 32, "l2": 10.0},
        {"factors": 128, "l2": 30.0},
        {"factors": 128, "l2": 60.0},
    )

    class Config(ModelConfig):
        """Size, penalty and length of training."""

        factors: int = param(64, ge=1, tune=(8, 256), scale="log")
        """Number of parts: rows of H."""
        l2: float = param(1.0, ge=0, tune=(0.01, 100.0), scale="log")
        """Weight of the L2 penalty on W and H."""
        epochs: int = param(50, ge=1, tune=(20, 200), scale="log")
        """Alternations of users and items."""

    _parts: np.ndarray
    """(n_items, factors) float32: the columns of H."""

    def cost(self, shape: Shape) -> Cost:
        return nmf_cost(shape, self.config.factors, self.config.epochs)

    def _fit(self, train: Interactions, valid: HeldOut | None, options: RunOptions) -> None:
        settings, binary = self.config, train.binary()
        transposed = binary.T.tocsr()
        draw = np.random.default_rng(options.seed)
        # So that W H begins with the mean of X.
        size = 2 * np.sqrt(train.nnz / (train.n_users * train.n_items * settings.factors))
        users, items = (
            torch.from_numpy(draw.random((settings.factors, n), dtype=np.float32) * np.float32(size))
            for n in (train.n_users, train.n_items)
        )
        done = Rounds(users=users.numpy(), items=items.numpy())
        with (
            keeping(done, fit_identity(self, None, options), options) as keeper,
            options.progress.task("NMF", settings.epochs, "epochs") as task,
        ):
            task.advance(done.count)
            while done.count < settings.epochs:
                improve(users, binary, items, settings.l2)
                improve(items, transposed, users, settings.l2)
                done.count += 1
                task.advance()
                keeper.offer()
        self._parts = np.ascontiguousarray(items.T.numpy())

    def score(self, histories: sparse.csr_array, users: IdIndex | None = None) -> np.ndarray:
        return self.user_vectors(histories) @ self._parts.T

    def user_vectors(self, histories: sparse.csr_array) -> np.ndarray:
        """(n_rows, factors) float32: the vectors of users with these histories."""
        items = torch.from_numpy(self._parts).T
        found = torch.zeros(items.shape[0], histories.shape[0])
        improve(found, histories, items, self.config.l2, FOLD_IN_SWEEPS)
        return found.T.contiguous().numpy()

    def as_product(self) -> Product:
        return Product(lambda histories, users: self.user_vectors(histories), self._parts)

    def item_vectors(self) -> np.ndarray:
        return self._parts

    def weights(self) -> Weights:
        return {"parts": self._parts}

    def _restore(self, weights: Weights) -> None:
        self._parts = expect(weights, "parts", (len(self.items), self.config.factors))


def improve(left: Tensor, matrix: sparse.csr_array, right: Tensor, l2: float, sweeps: int = 1) -> None:
    """Minimise |matrix - left^T right|^2 + l2 |left|^2 over each row of `left` >= 0 in turn, in place.

    Args:
        left: (factors, n_rows) float32.
        matrix: (n_rows, n_columns), read as which entries are there.
        right: (factors, n_columns) float32.
        l2: the penalty.
        sweeps: how many times each row is improved.
    """
    wanted = torch.from_numpy(sum_of_rows(matrix, right.T.contiguous().numpy())).T.contiguous()
    products = right @ right.T
    products.diagonal().add_(l2)
    curvature = products.diagonal().clamp(min=1e-12)
    for _ in range(sweeps):
        for factor in range(left.shape[0]):
            slope = wanted[factor] - products[factor] @ left
            left[factor] = (left[factor] + slope / curvature[factor]).clamp_(min=0)
