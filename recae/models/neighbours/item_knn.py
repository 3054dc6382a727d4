"""Item-based nearest neighbours: every item of a history votes for the items most like it."""

from __future__ import annotations

from typing import ClassVar, Literal

import numpy as np
import torch
from scipy import sparse

from recae.data.ids import IdIndex
from recae.data.interactions import Interactions
from recae.data.split import HeldOut
from recae.models.base import ModelConfig, ModelInfo, Recommender, Weights, param
from recae.options import RunOptions
from recae.progress import Task
from recae.store.tensors import expect

Similarity = Literal["cosine", "tf-idf", "bm25"]

BLOCK_BYTES = 128 << 20
_BM25_K1, _BM25_B = 1.2, 0.75


class ItemKnn(Recommender):
    """An item's score is the sum of its similarities to the items of the history that are among its neighbours."""

    info: ClassVar = ModelInfo(
        name="item-knn",
        title="Item-based nearest neighbours",
        source="Sarwar, Karypis, Konstan, Riedl (2001): Item-based collaborative filtering recommendation algorithms. "
        "WWW 2001; cosine of users scaled to unit length: Deshpande, Karypis (2004): Item-based top-N recommendation "
        "algorithms. ACM TOIS 22(1)",
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
    )

    class Config(ModelConfig):
        """How similarity is measured, and how many neighbours count."""

        neighbours: int = param(200, ge=1, tune=(10, 1000), scale="log")
        """Neighbours kept per item."""
        shrinkage: float = param(0.0, ge=0, tune=(0.0, 10.0))
        """Added to the denominator of the cosine: similarities that rest on few users shrink towards 0. Without
        effect on bm25, which has no denominator."""
        similarity: Similarity = param("cosine", tune=("cosine", "tf-idf", "bm25"), scale="choice")
        """cosine: of the item columns, each user's row scaled to unit length; tf-idf: cosine of rows weighted by
        log(1 + items / length of the history); bm25: inner product of Okapi BM25 weights."""

    _similar: sparse.csr_array
    """(n_items, n_items) float32: in column i the similarities of the nearest neighbours of item i."""

    def _fit(self, train: Interactions, valid: HeldOut | None, options: RunOptions) -> None:
        settings = self.config
        weighted = weigh(train.binary(), settings.similarity)
        with options.progress.task("Item-KNN: comparing items", train.n_items, "items") as task:
            shrinkage = None if settings.similarity == "bm25" else settings.shrinkage
            nearest_of = nearest(weighted, settings.neighbours, shrinkage, task)
        self._similar = nearest_of.T.tocsr()

    def score(self, histories: sparse.csr_array, users: IdIndex | None = None) -> np.ndarray:
        ones = np.ones(histories.nnz, dtype=np.float32)
        binary = sparse.csr_array((ones, histories.indices, histories.indptr), shape=histories.shape)
        return (binary @ self._similar).toarray()

    def similar_items(self, positions: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
        """As in every model; an item that shares no user has no similar items at all."""
        found, similarities = super().similar_items(positions, n)
        strangers = ~(similarities > 0)
        found[strangers], similarities[strangers] = -1, np.nan
        return found, similarities

    def weights(self) -> Weights:
        similar = self._similar
        return {
            "similarities": similar.data,
            "neighbours": similar.indices.astype(np.int32),
            "starts": similar.indptr.astype(np.int64),
        }

    def _restore(self, weights: Weights) -> None:
        n_items = len(self.items)
        starts = expect(weights, "starts", (n_items + 1,), np.int64)
        neighbours = expect(weights, "neighbours", (None,), np.int32)
        similarities = expect(weights, "similarities", neighbours.shape)
        if starts[0] != 0 or starts[-1] != len(neighbours) or (np.diff(starts) < 0).any():
            raise ValueError("starts do not divide the neighbours")
        if len(neighbours) and not 0 <= neighbours.min() <= neighbours.max() < n_items:
            raise ValueError("a neighbour is no item of the model")
        self._similar = sparse.csr_array((similarities, neighbours, starts), shape=(n_items, n_items))


def weigh(binary: sparse.csr_array, similarity: Similarity) -> sparse.csr_array:
    """The entries of a binary (n_users, n_items) matrix, weighted for the comparison of its columns.

    With n(u) the length of a history and n(i) the number of an item's users:
    cosine: 1 / sqrt(n(u)). tf-idf: log(1 + n_items / n(u)), users being the terms and items the texts. bm25: that
    times (k1 + 1) / (1 + k1 (1 - b + b n(i) / mean n(i))) with k1 = 1.2, b = 0.75 (Robertson, Zaragoza, 2009: The
    probabilistic relevance framework: BM25 and beyond).
    """
    lengths = np.maximum(np.diff(binary.indptr), 1)
    by_user = 1 / np.sqrt(lengths) if similarity == "cosine" else np.log1p(binary.shape[1] / lengths)
    values = np.repeat(by_user, np.diff(binary.indptr))
    if similarity == "bm25":
        counts = np.bincount(binary.indices, minlength=binary.shape[1])
        by_item = (_BM25_K1 + 1) / (1 + _BM25_K1 * (1 - _BM25_B + _BM25_B * counts / counts.mean()))
        values = values * by_item[binary.indices]
    return sparse.csr_array((values.astype(np.float32), binary.indices, binary.indptr), shape=binary.shape)


def nearest(weighted: sparse.csr_array, neighbours: int, shrinkage: float | None, task: Task) -> sparse.csr_array:
    """The nearest items of each item by <a, b> / (|a| |b| + shrinkage), of the columns a, b of `weighted`.

    With shrinkage None by <a, b> alone. Blocks of items are compared with all items, so that never more than a
    block of the full comparison is held.

    Returns:
        (n_items, n_items) float32 with at most `neighbours` positive entries per row and an empty diagonal.
    """
    n_items = weighted.shape[1]
    by_item = weighted.T.tocsr()
    lengths = np.sqrt(np.asarray(by_item.multiply(by_item).sum(axis=1)).ravel()).astype(np.float32)
    rows = max(1, BLOCK_BYTES // (4 * n_items))
    width = min(neighbours, n_items)
    blocks = []
    for start in range(0, n_items, rows):
        block = (by_item[start : start + rows] @ weighted).toarray()
        if shrinkage is not None:
            denominator = np.outer(lengths[start : start + rows], lengths) + np.float32(shrinkage)
            block /= np.maximum(denominator, np.float32(1e-30))
        own = np.arange(len(block))
        block[own, start + own] = 0
        blocks.append(_keep_best(block, width))
        task.advance(len(block))
    return sparse.vstack(blocks, format="csr")


def _keep_best(block: np.ndarray, width: int) -> sparse.csr_array:
    found = torch.topk(torch.from_numpy(block), width, dim=1, sorted=False)
    values, columns = found.values.numpy(), found.indices.numpy().astype(np.int32)
    row, place = np.nonzero(values > 0)
    kept = sparse.csr_array((values[row, place], (row, columns[row, place])), shape=block.shape)
    kept.sort_indices()
    return kept
