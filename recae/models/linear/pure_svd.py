"""PureSVD: histories projected onto the leading singular directions of the interaction matrix."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from scipy import sparse
from scipy.sparse.linalg import svds

from recae.data.ids import IdIndex
from recae.data.interactions import Interactions
from recae.data.split import HeldOut
from recae.models.base import ModelConfig, ModelInfo, Recommender, Weights, param
from recae.models.cost import Cost, Shape
from recae.models.linear.costs import svd_cost
from recae.models.linear.gram import sum_of_rows
from recae.options import RunOptions
from recae.ranking.lists import Product
from recae.store.tensors import expect

SMALL = 256
"""Up to this shorter side, or where most directions are wanted, the whole decomposition is quicker and exact."""


class PureSvd(Recommender):
    """With X ~ U S V^T truncated to `factors`, the scores of a binary history x are x V V^T."""

    info: ClassVar = ModelInfo(
        name="pure-svd",
        title="PureSVD, a truncated singular value decomposition",
        source="Cremonesi, Koren, Turrin (2010): Performance of recommender algorithms on top-N recommendation tasks. "
        "RecSys 2010, section 3.2",
        family="linear",
        cost="time nnz * factors times the Lanczos steps, memory 8 * (users + items) * 2 factors bytes",
    )
    grid: ClassVar = ({}, {"factors": 8}, {"factors": 16}, {"factors": 64}, {"factors": 128})

    class Config(ModelConfig):
        """The one hyper-parameter of PureSVD."""

        factors: int = param(32, ge=1, tune=(8, 512), scale="log")
        """Singular directions kept; no more than the data has are used."""

    _vectors: np.ndarray
    """(n_items, factors) float32: V."""
    _values: np.ndarray
    """(factors,) float32: the singular values, descending."""

    def cost(self, shape: Shape) -> Cost:
        return svd_cost(self.info.name, shape, self.config.factors)

    def _fit(self, train: Interactions, valid: HeldOut | None, options: RunOptions) -> None:
        with options.progress.task("PureSVD: decomposing", 1) as task:
            values, vectors = leading_directions(train.binary(), self.config.factors, options.seed)
            task.advance()
        self._values, self._vectors = values.astype(np.float32), np.ascontiguousarray(vectors, dtype=np.float32)

    def score(self, histories: sparse.csr_array, users: IdIndex | None = None) -> np.ndarray:
        return sum_of_rows(histories, self._vectors) @ self._vectors.T

    def as_product(self) -> Product:
        return Product(lambda histories, users: sum_of_rows(histories, self._vectors), self._vectors)

    def item_vectors(self) -> np.ndarray:
        """(n_items, factors) float32: V S, whose inner products are the items' co-occurrences."""
        return self._vectors * self._values

    def weights(self) -> Weights:
        return {"item_vectors": self._vectors, "singular_values": self._values}

    def _restore(self, weights: Weights) -> None:
        self._vectors = expect(weights, "item_vectors", (len(self.items), None))
        self._values = expect(weights, "singular_values", (self._vectors.shape[1],))


def leading_directions(matrix: sparse.csr_array, factors: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The leading right singular vectors of `matrix`, the same for the same seed.

    Returns:
        (k,) float64 singular values, descending, and (n_items, k) float64 vectors as columns, each with its
        entry of greatest magnitude positive; k is `factors`, or the numerical rank where that is less.
    """
    short = min(matrix.shape)
    if short <= max(SMALL, 2 * factors):
        values, vectors = _whole(matrix)
    else:
        start = np.random.default_rng(seed).standard_normal(short)
        _, values, right = svds(matrix.astype(np.float64), k=factors, v0=start)
        vectors = right.T
    order = np.argsort(-values, kind="stable")[:factors]
    order = order[values[order] > values.max() * 1e-7]
    values, vectors = values[order], vectors[:, order]
    peaks = vectors[np.abs(vectors).argmax(axis=0), np.arange(len(values))]
    return values, vectors * np.sign(peaks)


def _whole(matrix: sparse.csr_array) -> tuple[np.ndarray, np.ndarray]:
    """Every direction, from the eigenvectors of the smaller of X^T X and X X^T."""
    exact = matrix.astype(np.float64)
    wide = matrix.shape[0] < matrix.shape[1]
    squares, vectors = np.linalg.eigh((exact @ exact.T if wide else exact.T @ exact).toarray())
    values = np.sqrt(np.maximum(squares, 0))
    if wide:
        vectors = (exact.T @ vectors) / np.maximum(values, np.finfo(np.float64).tiny)
    return values, vectors
