"""SVD-AE: the least-squares autoencoder on a truncated decomposition of the degree-normalised matrix."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from scipy import sparse

from recae.data.ids import IdIndex
from recae.data.interactions import Interactions
from recae.data.split import HeldOut
from recae.models.base import ModelConfig, ModelInfo, Recommender, Weights, param
from recae.models.cost import Cost, Shape
from recae.models.linear.costs import svd_cost
from recae.models.linear.gram import sum_of_rows
from recae.models.linear.inverse import sparse_times_dense
from recae.models.linear.normalised import degree_normalised, inverse_roots
from recae.models.linear.pure_svd import leading_directions
from recae.options import RunOptions
from recae.ranking.lists import Product
from recae.store.tensors import expect

BLOCK_USERS = 16_384
NOISE = 1e-4
"""Directions weaker than this share of the strongest are left out: they would be divided by next to nothing."""


class SvdAe(Recommender):
    """The decoder that fits R best from the degree-normalised history, found in the leading singular directions only:
    with D_U^-1/2 R D_I^-1/2 ~ U S V^T a history r, normalised likewise to r~, has the scores r~ V S^-1 U^T R.

    The truncation is the paper's only regularisation. The weights from items to items have a diagonal and are not
    symmetric: the targets are the plain interactions, so that popular items are not pushed down.
    """

    info: ClassVar = ModelInfo(
        name="svd-ae",
        title="SVD-AE, a truncated least-squares autoencoder",
        source="Hong, Choi, Lee, Kumar, Park (2024): SVD-AE: simple autoencoders for collaborative filtering. "
        "IJCAI 2024",
        family="linear",
        cost="with k = rank_share * min(users, items): time nnz * k * rounds + (users + items) * (2 k)^2, "
        "memory 24 * (users + items) * k bytes while fitting, 8 * items * k after it",
    )
    grid: ClassVar = (
        {},
        {"rank_share": 0.01},
        {"rank_share": 0.02},
        {"rank_share": 0.045, "l2": 0.006},
        {"rank_share": 0.055, "l2": 0.02},
    )

    class Config(ModelConfig):
        """How many directions are kept, and how much the weak ones among them count."""

        rank_share: float = param(0.04, gt=0, le=1, tune=(0.005, 0.2), scale="log")
        """Singular directions kept, as a share of the shorter side of the matrix (rounded down, at least one). The
        paper names numbers, each about 0.04: 148 for MovieLens 1M, 1194 for Gowalla."""
        l2: float = param(0.0, ge=0, tune=(0.0, 0.1))
        """A ridge beside the truncation, not in the paper: S / (S^2 + l2) takes the place of S^-1. The largest
        singular value is 1."""

    _encoder: np.ndarray
    """(n_items, k) float32: D_I^-1/2 V."""
    _decoder: np.ndarray
    """(k, n_items) float32: S^-1 U^T R."""

    def cost(self, shape: Shape) -> Cost:
        kept = rank((shape.users, shape.items), self.config.rank_share)
        advice = "choose a smaller rank_share, or pure-svd, whose number of directions does not grow with the data"
        return svd_cost(self.info.name, shape, kept, factors_kept=2, advice=advice)

    def _fit(self, train: Interactions, valid: HeldOut | None, options: RunOptions) -> None:
        with options.progress.task("SVD-AE: decomposing", 1) as task:
            self._encoder, self._decoder = low_pass(
                train.binary(), self.config.rank_share, self.config.l2, options.seed
            )
            task.advance()

    def score(self, histories: sparse.csr_array, users: IdIndex | None = None) -> np.ndarray:
        return _codes(histories, self._encoder) @ self._decoder

    def as_product(self) -> Product:
        return Product(lambda histories, users: _codes(histories, self._encoder), np.ascontiguousarray(self._decoder.T))

    def weights(self) -> Weights:
        return {"encoder": self._encoder, "decoder": self._decoder}

    def _restore(self, weights: Weights) -> None:
        self._encoder = expect(weights, "encoder", (len(self.items), None))
        self._decoder = expect(weights, "decoder", (self._encoder.shape[1], len(self.items)))


def rank(shape: tuple[int, int], rank_share: float) -> int:
    """How many directions `rank_share` of the shorter side are, at least one."""
    return max(1, int(rank_share * min(shape) + 1e-9))


def memory_needed(binary: sparse.csr_array, rank_share: float) -> int:
    """Bytes that `low_pass` takes at its peak: three sets of singular vectors in float64, and copies of the matrix."""
    return 24 * sum(binary.shape) * rank(binary.shape, rank_share) + 32 * binary.nnz


def low_pass(binary: sparse.csr_array, rank_share: float, l2: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """The two factors of SVD-AE's weights for a history that is divided by the square root of its length.

    Returns:
        (n_items, k) float32 D_I^-1/2 V, and (k, n_items) float32 (S^2 + l2)^-1 S U^T R; k is `rank_share` of the
        shorter side of `binary`, without directions that are next to nothing.
    """
    roots = inverse_roots(np.bincount(binary.indices, minlength=binary.shape[1]))
    values, vectors = leading_directions(degree_normalised(binary, roots), rank(binary.shape, rank_share), seed)
    kept = values > NOISE * values.max()
    values, directions = values[kept], vectors[:, kept]
    encoder = np.ascontiguousarray(directions * roots[:, None], dtype=np.float32)
    # U = R~ V S^-1, so that S U^T R = (R~ V)^T R.
    squares = np.square(values) + l2
    return encoder, np.ascontiguousarray(_overlaps(binary, encoder).T / squares[:, None], dtype=np.float32)


def _overlaps(binary: sparse.csr_array, encoder: np.ndarray) -> np.ndarray:
    """(n_items, k): R^T R~ V, a block of users at a time."""
    total = np.zeros_like(encoder)
    for start in range(0, binary.shape[0], BLOCK_USERS):
        rows = binary[start : start + BLOCK_USERS]
        total += sparse_times_dense(rows.T.tocsr(), torch.from_numpy(_codes(rows, encoder))).numpy()
    return total


def _codes(histories: sparse.csr_array, encoder: np.ndarray) -> np.ndarray:
    """(n_rows, k) float32: r~ V."""
    lengths = np.diff(histories.indptr)
    return sum_of_rows(histories, encoder) * inverse_roots(lengths)[:, None]
