"""LMF: matrix factorization for the log-odds that a user takes an item."""

from __future__ import annotations

from collections.abc import Iterator
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
from recae.models.factorization.costs import lmf_cost
from recae.models.identity import fit_identity
from recae.options import RunOptions
from recae.ranking.lists import Product
from recae.store.tensors import expect
from recae.training.checkpoint import Rounds, keeping

BLOCK_BYTES = 32 << 20
_START = 0.1


class Lmf(Recommender):
    """sigmoid(x y + user's bias + item's bias) is the probability of an interaction; one weighs `alpha` absent ones.

    The likelihood is that of all cells, and no absent one is sampled: users and items climb its gradient in turn, block
    by block, by AdaGrad. Every user, trained on or not, is scored by so many steps from zero with the items held
    fixed, which is a logistic regression.
    """

    info: ClassVar = ModelInfo(
        name="lmf",
        title="LMF, logistic matrix factorization",
        source="Johnson (2014): Logistic matrix factorization for implicit feedback data. NIPS 2014 workshop on "
        "distributed machine learning and matrix computations",
        family="factorization",
        cost="time epochs * users * items * factors (scoring too), memory 8 * (users + items) * factors bytes",
    )
    resumable = True
    grid: ClassVar = ({}, {"factors": 16}, {"l2": 10.0}, {"alpha": 5.0}, {"alpha": 5.0, "l2": 10.0})

    class Config(ModelConfig):
        """Size, penalty, confidence and the steps of training."""

        factors: int = param(32, ge=1, tune=(8, 128), scale="log")
        """Length of the user and item vectors."""
        l2: float = param(1.0, ge=0, tune=(0.01, 100.0), scale="log")
        """Weight of half the squared length of the vectors; biases are left alone."""
        alpha: float = param(1.0, gt=0, tune=(0.5, 40.0), scale="log")
        """Weight of an interaction as a positive example; every cell is a negative one of weight 1 besides."""
        learning_rate: float = param(0.5, gt=0, le=10, tune=(0.1, 2.0), scale="log")
        """AdaGrad's step size."""
        epochs: int = param(40, ge=1, tune=(20, 100), scale="log")
        """Steps of the users and of the items, and of a user who is scored."""

    _items: np.ndarray
    """(n_items, factors + 1) float32; the last column is the bias."""

    def cost(self, shape: Shape) -> Cost:
        return lmf_cost(shape, self.config.factors, self.config.epochs, BLOCK_BYTES)

    def _fit(self, train: Interactions, valid: HeldOut | None, options: RunOptions) -> None:
        settings, binary = self.config, train.binary()
        draw = np.random.default_rng(options.seed)
        width = settings.factors + 1
        users, items = (
            torch.from_numpy(draw.standard_normal((n, width), dtype=np.float32) * np.float32(_START))
            for n in (train.n_users, train.n_items)
        )
        users[:, -1] = items[:, -1] = 0
        of_users, of_items = torch.zeros_like(users), torch.zeros_like(items)
        arrays = {"users": users, "items": items, "of_users": of_users, "of_items": of_items}
        done = Rounds(**{name: tensor.numpy() for name, tensor in arrays.items()})
        with (
            keeping(done, fit_identity(self, None, options), options) as keeper,
            options.progress.task("LMF", settings.epochs, "epochs") as task,
        ):
            task.advance(done.count)
            while done.count < settings.epochs:
                for rows, errors in self._errors(binary, users, items):
                    self._climb(users[rows], errors @ with_ones(items), of_users[rows])
                slope = torch.zeros_like(items)
                for rows, errors in self._errors(binary, users, items):
                    slope.addmm_(errors.T, with_ones(users[rows]))
                self._climb(items, slope, of_items)
                done.count += 1
                task.advance()
                keeper.offer()
        self._items = items.numpy()

    def _errors(self, binary: sparse.csr_array, users: Tensor, items: Tensor) -> Iterator[tuple[slice, Tensor]]:
        """For each block of users the derivative of the log likelihood by the log-odds, (n_rows, n_items).

        The blocks share their memory: one is valid until the next is asked for.
        """
        alpha = self.config.alpha
        size = max(1, min(BLOCK_BYTES // (4 * binary.shape[1]), binary.shape[0]))
        block = torch.empty(size, binary.shape[1])
        for start in range(0, binary.shape[0], size):
            rows = slice(start, min(start + size, binary.shape[0]))
            errors = log_odds(users[rows], items, out=block[: rows.stop - start]).sigmoid_().neg_()
            part = binary[rows]
            row = torch.from_numpy(np.repeat(np.arange(part.shape[0]), np.diff(part.indptr)))
            column = torch.from_numpy(part.indices.astype(np.int64))
            errors[row, column] = alpha + (1 + alpha) * errors[row, column]
            yield rows, errors

    def _climb(self, vectors: Tensor, slope: Tensor, squares: Tensor) -> None:
        """One AdaGrad step up the penalised log likelihood, in place; `slope` is that without the penalty."""
        slope[:, :-1].sub_(vectors[:, :-1], alpha=self.config.l2)
        squares.addcmul_(slope, slope)
        vectors.addcdiv_(slope, (squares + 1e-6).sqrt_(), value=self.config.learning_rate)

    def user_vectors(self, histories: sparse.csr_array) -> np.ndarray:
        """(n_rows, factors + 1) float32: vectors and biases of users with these histories."""
        items = torch.from_numpy(self._items)
        users = torch.zeros(histories.shape[0], items.shape[1])
        squares = torch.zeros_like(users)
        for _ in range(self.config.epochs):
            for rows, errors in self._errors(histories, users, items):
                self._climb(users[rows], errors @ with_ones(items), squares[rows])
        return users.numpy()

    def score(self, histories: sparse.csr_array, users: IdIndex | None = None) -> np.ndarray:
        found = torch.from_numpy(self.user_vectors(histories))
        return log_odds(found, torch.from_numpy(self._items)).numpy()

    def as_product(self) -> Product:
        vectors = np.append(self._items[:, :-1], np.ones((len(self._items), 1), dtype=np.float32), axis=1)
        return Product(lambda histories, users: self.user_vectors(histories), vectors, self._items[:, -1].copy())

    def item_vectors(self) -> np.ndarray:
        """(n_items, factors) float32, without the bias."""
        return self._items[:, :-1]

    def weights(self) -> Weights:
        return {"items": self._items}

    def _restore(self, weights: Weights) -> None:
        self._items = expect(weights, "items", (len(self.items), self.config.factors + 1))


def log_odds(users: Tensor, items: Tensor, out: Tensor | None = None) -> Tensor:
    """(n_users, n_items): x y + both biases, which are the last columns; in `out` if it is given."""
    return torch.addmm(items[:, -1], users[:, :-1], items[:, :-1].T, out=out).add_(users[:, -1:])


def with_ones(vectors: Tensor) -> Tensor:
    """The vectors with 1 in the place of the bias: what the other side's vector and bias are multiplied with."""
    ones = vectors.clone()
    ones[:, -1] = 1
    return ones
