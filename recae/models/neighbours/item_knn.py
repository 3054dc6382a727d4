"""Item-based nearest neighbours: every item of a history votes for the items most like it."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar, Literal

import numpy as np
from scipy import sparse

from recae.data.interactions import Interactions
from recae.data.split import HeldOut
from recae.models.base import ModelConfig, ModelInfo, param
from recae.models.cost import Cost, Shape
from recae.models.neighbours.costs import neighbours_cost
from recae.models.neighbours.neighbour_model import NeighbourModel, nearest
from recae.options import RunOptions

Similarity = Literal["cosine", "tf-idf", "bm25", "asymmetric"]

_BM25_K1, _BM25_B = 1.2, 0.75


class ItemKnn(NeighbourModel):
    """An item's score is the sum of its similarities to the items of the history that are among its neighbours."""

    info: ClassVar = ModelInfo(
        name="item-knn",
        title="Item-based nearest neighbours",
        source="Sarwar, Karypis, Konstan, Riedl (2001): Item-based collaborative filtering recommendation algorithms. "
        "WWW 2001; cosine of users scaled to unit length: Deshpande, Karypis (2004): Item-based top-N recommendation "
        "algorithms. ACM TOIS 22(1); asymmetric: Aiolli (2013): Efficient top-N recommendation for very large scale "
        "binary rated datasets. RecSys 2013",
        family="neighbours",
        cost="time the sum of squared history lengths + items^2, memory 8 * items * neighbours bytes",
    )
    grid: ClassVar = (
        {},
        {"neighbours": 50},
        {"neighbours": 500},
        {"shrinkage": 0.5},
        {"similarity": "tf-idf"},
        {"similarity": "bm25"},
        {"similarity": "asymmetric", "asymmetry": 0.3, "neighbours": 50},
    )

    class Config(ModelConfig):
        """How similarity is measured, and how many neighbours count."""

        neighbours: int = param(200, ge=1, tune=(10, 1000), scale="log")
        """Neighbours kept per item."""
        shrinkage: float = param(0.0, ge=0, tune=(0.0, 10.0))
        """Added to the denominator of the cosine: similarities that rest on few users shrink towards 0. Without
        effect on bm25, which has no denominator."""
        similarity: Similarity = param("cosine", tune=("cosine", "tf-idf", "bm25", "asymmetric"), scale="choice")
        """cosine: of the item columns, each user's row scaled to unit length; tf-idf: cosine of rows weighted by
        log(1 + items / length of the history); bm25: inner product of Okapi BM25 weights; asymmetric: the users in
        common / (users of the scored item ^ asymmetry x users of the history's item ^ (1 - asymmetry))."""
        asymmetry: float = param(0.5, ge=0, le=1, tune=(0.0, 1.0))
        """Only for asymmetric (alpha in its paper): the greater, the less a popular item is recommended; 0.5 is the
        cosine of the sets of users."""

    def cost(self, shape: Shape) -> Cost:
        return neighbours_cost(self.info.name, shape, self.config.neighbours)

    def _fit(self, train: Interactions, valid: HeldOut | None, options: RunOptions) -> None:
        settings = self.config
        weighted = weigh(train.binary(), settings.similarity)
        by_item = weighted.T.tocsr()
        divide = division(by_item, settings.similarity, settings.shrinkage, settings.asymmetry)
        with options.progress.task("Item-KNN: comparing items", train.n_items, "items") as task:
            self._similar = nearest(by_item, weighted, settings.neighbours, task, divide).T.tocsr()


def weigh(binary: sparse.csr_array, similarity: Similarity) -> sparse.csr_array:
    """The entries of a binary (n_users, n_items) matrix, weighted for the comparison of its columns.

    With n(u) the length of a history and n(i) the number of an item's users:
    asymmetric: 1. cosine: 1 / sqrt(n(u)). tf-idf: log(1 + n_items / n(u)), users being the terms and items the texts.
    bm25: tf-idf's weight times (k1 + 1) / (1 + k1 (1 - b + b n(i) / mean n(i))) with k1 = 1.2, b = 0.75 (Robertson,
    Zaragoza, 2009: The probabilistic relevance framework: BM25 and beyond).
    """
    if similarity == "asymmetric":
        return binary
    lengths = np.maximum(np.diff(binary.indptr), 1)
    by_user = 1 / np.sqrt(lengths) if similarity == "cosine" else np.log1p(binary.shape[1] / lengths)
    values = np.repeat(by_user, np.diff(binary.indptr))
    if similarity == "bm25":
        counts = np.bincount(binary.indices, minlength=binary.shape[1])
        by_item = (_BM25_K1 + 1) / (1 + _BM25_K1 * (1 - _BM25_B + _BM25_B * counts / counts.mean()))
        values = values * by_item[binary.indices]
    return sparse.csr_array((values.astype(np.float32), binary.indices, binary.indptr), shape=binary.shape)


def division(
    by_item: sparse.csr_array, similarity: Similarity, shrinkage: float, asymmetry: float
) -> Callable[[np.ndarray, slice], None] | None:
    """What divides the inner products of items a (rows) and b; None where nothing does.

    |a| |b| + shrinkage; asymmetric: (users of a)^asymmetry (users of b)^(1 - asymmetry) + shrinkage.
    """
    if similarity == "bm25":
        return None
    squares = np.asarray(by_item.multiply(by_item).sum(axis=1)).ravel()
    power = asymmetry if similarity == "asymmetric" else 0.5
    left, right = (squares**power).astype(np.float32), (squares ** (1 - power)).astype(np.float32)

    def divide(block: np.ndarray, rows: slice) -> None:
        denominator = np.outer(left[rows], right) + np.float32(shrinkage)
        block /= np.maximum(denominator, np.float32(1e-30))

    return divide
