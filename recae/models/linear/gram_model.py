"""What the closed-form linear autoencoders share: one penalised Gram matrix, its inverse, and DAN's two powers."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import Any

import numpy as np
from scipy import sparse

from recae.data.ids import IdIndex
from recae.data.interactions import Interactions
from recae.data.split import HeldOut
from recae.errors import ConfigError
from recae.models.base import ModelConfig, Recommender, Weights, param
from recae.models.cost import Cost, Shape
from recae.models.linear.costs import PANELS, gram_cost, sparse_score
from recae.models.linear.gram import sum_of_rows
from recae.models.linear.inverse import penalised_inverse, steps_of
from recae.models.linear.normalised import binary_rows
from recae.models.linear.pruned import BLOCK_NUMBERS, PrunedConfig, Pruning, judged, prune, pruning_sentence
from recae.models.pattern import csr_weights, restore_csr
from recae.options import RunOptions
from recae.store.tensors import expect

GRAM_COST = (
    "time min(users, items)^3 multiply-adds; memory 4 * items^2 bytes while fitting (up to a quarter more where users "
    "are fewer than items) and after it, or 8 * items * keep after it where pruned"
)


class PowersConfig(ModelConfig):
    """Hyper-parameters of every model that is solved from a Gram matrix.

    The powers are those of Park, Yoo, Lee (2025): Why is normalization necessary for linear recommenders? SIGIR 2025.
    """

    l2: float = param(500.0, gt=0, tune=(5.0, 5000.0), scale="log")
    """Weight of the L2 penalty on the item-item weights (lambda in the papers); grows with the size of the data."""
    user_power: float = param(0.0, ge=0, le=1, tune=(0.0, 0.7))
    """beta of DAN: a user's squared errors weigh length of the history ^ -user_power, so that above 0 long histories
    count for less. The weights are scaled to a mean of 1 over interactions, so that the same l2 goes on fitting (DAN
    leaves them unscaled, and takes a smaller l2). 0 leaves all users alike."""
    item_power: float = param(0.0, ge=-1, le=1, tune=(0.0, 0.5))
    """alpha of DAN: a weight from item i to item j is multiplied by (users of i / users of j) ^ item_power, so that
    above 0 rare items are recommended more. 0 leaves the weights as they were solved."""


class GramConfig(PrunedConfig, PowersConfig):
    """Hyper-parameters of the models that are one item-item matrix from a Gram matrix."""


class GramModel(Recommender):
    """The scores of a binary history x are x B, and B follows from (X^T X + penalty)^-1.

    A subclass says what the penalty is and how B follows from the inverse.
    """

    _weights: np.ndarray | sparse.csr_array
    """(n_items, n_items) float32: B, history items in the rows, scored items in the columns, 0 on the diagonal; sparse
    where it was pruned."""
    pruning: Pruning | None = None
    """What pruning left, after a fit with `keep`."""

    def cost(self, shape: Shape) -> Cost:
        whole = gram_cost(self.info.name, shape)
        if not self.config.keep:
            return whole
        width = min(self.config.keep, shape.items)
        fit_bytes = max(whole.fit_bytes, whole.size_bytes + 16 * width * shape.items + 16 * BLOCK_NUMBERS + PANELS)
        return replace(whole, size_bytes=8 * width * shape.items, fit_bytes=fit_bytes, score=sparse_score(shape, width))

    def _penalty(self, n_users_of: np.ndarray) -> np.ndarray:
        """(n_items,) positive, beside the Gram matrix; `n_users_of` (n_items,) counts each item's users."""
        return np.full(len(n_users_of), self.config.l2)

    @abstractmethod
    def _solve(self, inverse: np.ndarray, penalty: np.ndarray) -> None:
        """Turn the inverse (n_items, n_items) into B in its own memory; what is on the diagonal is ignored.

        `penalty` is (n_items,) float32.
        """

    def _fit(self, train: Interactions, valid: HeldOut | None, options: RunOptions) -> None:
        self._weights = matrix = self._dense(train, options)
        self.pruning = None
        if self.config.keep:
            before = judged(self, valid)
            self._weights, pruning = prune(matrix, self.config.keep)
            self.pruning = pruning.judged(before, judged(self, valid))
            options.progress.say(f"{self.info.name}: {pruning_sentence(self.pruning.facts())}.")

    def _dense(self, train: Interactions, options: RunOptions) -> np.ndarray:
        """B with all its weights."""
        name = self.info.name
        weighted = weigh_users(train.binary(), self.config.user_power)
        penalty = self._penalty(self.item_counts).astype(np.float32)
        n_steps = steps_of(weighted, penalty)
        with options.progress.task(f"{name}: inverting the Gram matrix", n_steps, "rows") as task:
            try:
                matrix = penalised_inverse(weighted, penalty, done=task.advance)
            except ValueError as error:
                raise ConfigError(
                    f"{name} cannot be solved with l2={self.config.l2:g}: {error}; choose a greater l2."
                ) from None
        self._solve(matrix, penalty)
        scale_items(matrix, self.item_counts, self.config.item_power)
        np.fill_diagonal(matrix, 0)
        return matrix

    def score(self, histories: sparse.csr_array, users: IdIndex | None = None) -> np.ndarray:
        if isinstance(self._weights, np.ndarray):
            return sum_of_rows(histories, self._weights)
        return (binary_rows(histories) @ self._weights).toarray()

    def weights(self) -> Weights:
        if isinstance(self._weights, np.ndarray):
            return {"weights": self._weights}
        return csr_weights(self._weights)

    def facts(self) -> dict[str, Any]:
        return {} if self.pruning is None else {"pruning": self.pruning.facts()}

    def _restore(self, weights: Weights) -> None:
        n_items = len(self.items)
        if self.config.keep:
            self._weights = restore_csr(weights, n_items)
        else:
            self._weights = expect(weights, "weights", (n_items, n_items))


def weigh_users(binary: sparse.csr_array, power: float) -> sparse.csr_array:
    """Each row of X times the square root of a weight: X^T X then has the users' weights of DAN.

    The weight of a user is (length of the history) ^ -power, times what makes their mean over interactions 1: X^T X
    keeps its trace, so that an l2 means much the same whatever the power.
    """
    if power == 0 or binary.nnz == 0:
        return binary
    lengths = np.maximum(np.diff(binary.indptr), 1).astype(np.float64)
    weights = lengths**-power
    weights *= binary.nnz / (weights @ np.diff(binary.indptr))
    values = np.repeat(np.sqrt(weights), np.diff(binary.indptr)).astype(np.float32)
    return sparse.csr_array((values, binary.indices, binary.indptr), shape=binary.shape)


def scale_items(weights: np.ndarray, n_users_of: np.ndarray, power: float) -> None:
    """Multiply weights[i, j] by (users of i / users of j) ^ power, in place; items without users count as one."""
    if power:
        factors = (np.maximum(n_users_of, 1) ** power).astype(np.float32)
        weights *= factors[:, None]
        weights /= factors
