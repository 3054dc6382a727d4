"""The autoencoder of infinite width: ridge regression with its neural tangent kernel."""

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
from recae.models.cost import Cost, Shape, Work, fit_common, sum_rows
from recae.models.linear.inverse import sparse_times_dense
from recae.models.linear.normalised import binary_rows
from recae.models.linear.spd import PIVOT, TILE, inverse_in_place
from recae.models.pattern import pattern_weights, restore_pattern
from recae.options import RunOptions
from recae.store.tensors import expect

BLOCK_BYTES = 64 << 20
WEIGHT_VARIANCE = 2.0
BIAS_VARIANCE = 0.01


class InfAe(Recommender):
    """What an autoencoder of ReLU layers becomes when its width goes to infinity: with K the network's neural tangent
    kernel between histories, X the training rows and n their number, a history h has the scores
    K(h, X) (K(X, X) + l2 tr(K(X, X)) / n E)^-1 X.

    Nothing is trained. Users who share no item still have a kernel far from zero, so that an unknown taste is answered
    with what is popular among users of a similar activity.
    """

    info: ClassVar = ModelInfo(
        name="inf-ae",
        title="Infinite-AE, an autoencoder of infinite width",
        source="Sachdeva, Dhaliwal, Wu, McAuley (2022): Infinite recommendation networks: a data-centric approach. "
        "NeurIPS 2022; kernel: Jacot, Gabriel, Hongler (2018): Neural tangent kernel. NeurIPS 2018, and Cho, Saul "
        "(2009): Kernel methods for deep learning. NIPS 2009",
        family="autoencoder",
        cost="with n = users (at most max_users): time n^3 multiply-adds to fit and n * min(n, items) for a row to "
        "score; memory 4 * n^2 bytes while fitting (and 4 * n * items if there are fewer items than users), "
        "4 * n * min(n, items) + 8 * nnz after it",
    )
    grid: ClassVar = ({}, {"l2": 10.0}, {"l2": 20.0}, {"l2": 50.0}, {"depth": 2})

    class Config(ModelConfig):
        """How smooth the fit is, and of which network and users."""

        l2: float = param(5.0, gt=0, tune=(0.5, 100.0), scale="log")
        """Added to the diagonal of the kernel matrix, in units of its mean (lambda of the paper)."""
        depth: int = param(1, ge=1, le=16, tune=(1, 3))
        """Hidden layers of the network; the paper uses one."""
        max_users: int = param(0, ge=0)
        """Learn from so many users, drawn at random with the seed, where there are more; 0 learns from all. Time and
        memory grow with the cube and the square of the users; the paper takes a random 5 % of those of Netflix."""

    _rows: sparse.csr_array
    """(n, n_items) binary: the histories X of the users learned from."""
    _dual: np.ndarray
    """Float32, R = (K + ridge)^-1: R itself (n, n), or (n_items, n) X^T R where that is smaller."""

    def cost(self, shape: Shape) -> Cost:
        n, items = min(self.config.max_users or shape.users, shape.users), shape.items
        shared, entries = n / max(shape.users, 1), shape.interactions / max(shape.users, 1)
        kernel = Work(moved=120.0 * self.config.depth * n)
        dual = sum_rows(entries * n, n) if items < n else Work()
        return Cost(
            4 * n * (n + 2 * PIVOT + TILE + (items if items < n else 0)) + 2 * BLOCK_BYTES + fit_common(shape),
            4 * n * min(n, items) + int((4 * entries + 8) * n),
            Work(products=n**3 / 2, sparse=shape.item_squares * shared**2) + kernel * n + dual,
            Work(products=float(n) * min(n, items)) + kernel + (sum_rows(entries, n) if items >= n else Work()),
            score_bytes=3 * BLOCK_BYTES + 4 * 4096 * n + int(20 * entries * n),
            what=f"inf-ae on {n} users",
            advice="learn from a random part of them (max_users)",
        )

    def _fit(self, train: Interactions, valid: HeldOut | None, options: RunOptions) -> None:
        self._take_over(learned_from(train.binary(), self.config.max_users, options.seed))
        n, n_items = self._rows.shape
        kernel = torch.from_numpy(self._kernel(self._rows))
        kernel.diagonal().add_(self.config.l2 * kernel.diagonal().mean(dtype=torch.float64).float())
        with options.progress.task("inf-ae: inverting the kernel", n, "users") as task:
            try:
                inverse_in_place(kernel, done=task.advance)
            except ValueError as error:
                raise ConfigError(
                    f"inf-ae cannot be solved with l2={self.config.l2:g}: {error}; choose a greater l2."
                ) from None
        small = n_items < n
        self._dual = (sparse_times_dense(self._by_item, kernel) if small else kernel).numpy()

    def _take_over(self, rows: sparse.csr_array) -> None:
        self._rows, self._by_item = rows, rows.T.tocsr()

    def _kernel(self, histories: sparse.csr_array) -> np.ndarray:
        """(n_rows, n) float32: the kernel between histories and the users learned from, a block of rows at a time."""
        n, n_items = self._rows.shape
        found = np.empty((histories.shape[0], n), dtype=np.float32)
        lengths = np.diff(self._rows.indptr)
        step = max(1, BLOCK_BYTES // (64 * n))
        for start in range(0, histories.shape[0], step):
            block = binary_rows(histories[start : start + step])
            shared = (block @ self._by_item).toarray().astype(np.float64)
            found[start : start + step] = tangent_kernel(
                shared, np.diff(block.indptr)[:, None], lengths, n_items, self.config.depth
            )
        return found

    def score(self, histories: sparse.csr_array, users: IdIndex | None = None) -> np.ndarray:
        kernel, n = self._kernel(histories), self._rows.shape[0]
        if len(self._dual) != n:
            return kernel @ self._dual.T
        return (self._by_item @ (kernel @ self._dual).T).T

    def weights(self) -> Weights:
        return pattern_weights(self._rows) | {"dual": self._dual}

    def _restore(self, weights: Weights) -> None:
        n_items = len(self.items)
        self._take_over(restore_pattern(weights, n_items))
        n = self._rows.shape[0]
        self._dual = expect(weights, "dual", (min(n, n_items), n))


def learned_from(binary: sparse.csr_array, max_users: int, seed: int) -> sparse.csr_array:
    """The rows that have items, or `max_users` of them at random, in their order."""
    rows = np.flatnonzero(np.diff(binary.indptr))
    if 0 < max_users < len(rows):
        rows = np.sort(np.random.default_rng(seed).choice(rows, max_users, replace=False))
    return binary[rows]


def tangent_kernel(
    shared: np.ndarray, left: np.ndarray, right: np.ndarray, n_inputs: int, depth: int = 1
) -> np.ndarray:
    """The neural tangent kernel of a ReLU network of infinite width between binary inputs.

    A layer is sqrt(2 / width of its input) W x + 0.1 b with standard normal W and b; `depth` hidden ones and a linear
    one on top. With S the covariance of a layer's outputs and T the kernel up to there, t the angle between two inputs,
    the next layer has (Cho and Saul's arc-cosine kernels of order 1 and 0)

        S <- sqrt(S_xx S_yy) (sin t + (pi - t) cos t) / pi + 0.01,    T <- S + (pi - t) / pi T.

    Args:
        shared: (n, m) float64, how many ones two inputs have in common.
        left, right: how many each has, (n, 1) and (m,).
        n_inputs: length of the inputs.

    Returns:
        (n, m) float64.
    """
    scale = WEIGHT_VARIANCE / n_inputs
    x, y = left.astype(np.float64), right.astype(np.float64)
    # S_xx S_yy sin^2 t with the bias cancelled by hand: as a difference of products it would be lost beside the bias.
    square = scale**2 * (x * y - shared**2) + scale * BIAS_VARIANCE * (x + y - 2 * shared)
    covariance = scale * shared + BIAS_VARIANCE
    x, y = scale * x + BIAS_VARIANCE, scale * y + BIAS_VARIANCE
    tangent = covariance
    for layer in range(depth):
        sine = np.sqrt(np.maximum(square if layer == 0 else x * y - covariance**2, 0))
        open_angle = 1 - np.arctan2(sine, covariance) / np.pi
        covariance = WEIGHT_VARIANCE / 2 * (sine / np.pi + open_angle * covariance) + BIAS_VARIANCE
        tangent = covariance + WEIGHT_VARIANCE / 2 * open_angle * tangent
        x, y = WEIGHT_VARIANCE / 2 * x + BIAS_VARIANCE, WEIGHT_VARIANCE / 2 * y + BIAS_VARIANCE
    return tangent
