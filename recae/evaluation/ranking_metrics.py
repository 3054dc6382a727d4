"""Ranking metrics, each with one exact definition: a function in a table, from judged lists to a value per user.

Notation, for one user: `R` relevant items (targets, those that training never saw included), the list of the first
`K` places, `hit(i)` = 1 if the item at place `i` (from 1) is relevant and 0 otherwise, also where the list has ended.
The mean of a metric is over all users with at least one relevant item.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from recae.evaluation.listed import row_sums
from recae.ranking.lists import TopN


@dataclass(frozen=True, eq=False)
class JudgedLists:
    """The lists of some users beside the truth; items are positions, and -1 or n_items and above are no hits."""

    items: np.ndarray
    """(n_users, width) int64: listed item positions, best first."""
    hits: np.ndarray
    """(n_users, width) bool: whether the item there is relevant."""
    relevant: np.ndarray
    """(n_users,) int64, at least 1: how many items are relevant."""
    information: np.ndarray | None = None
    """(n_items + 1,) float64: self-information of every item in bits; the last one is for unknown items."""


MARKED = 2**20
"""Bytes of the table in which targets are marked: as much as a processor's cache."""

ListMetric = Callable[[JudgedLists, int], np.ndarray]
"""Judged lists and the cut-off K in, (n_users,) float64 out."""


def judge(
    lists: TopN, target: sparse.csr_array, relevant: np.ndarray, information: np.ndarray | None = None
) -> JudgedLists:
    """Find the hits of `lists` in `target` (n_users, n_items), whose rows are the same users.

    The targets of a few users at a time are marked in a small dense table, in which their places are then looked up.
    """
    n_users, n_items = target.shape
    known = (lists.items >= 0) & (lists.items < n_items)
    column = np.where(known, lists.items, n_items)  # the last column is never marked
    step = max(1, min(n_users, MARKED // (n_items + 1)))
    marks = np.zeros(step * (n_items + 1), dtype=bool)
    first = np.arange(step) * (n_items + 1)
    hits = np.empty(column.shape, dtype=bool)
    for start in range(0, n_users, step):
        starts = target.indptr[start : start + step + 1]
        marked = np.repeat(first[: len(starts) - 1], np.diff(starts)) + target.indices[starts[0] : starts[-1]]
        marks[marked] = True
        hits[start : start + step] = marks[first[: len(starts) - 1, None] + column[start : start + step]]
        marks[marked] = False
    return JudgedLists(lists.items, hits, relevant, information)


def recall(lists: JudgedLists, k: int) -> np.ndarray:
    """Hits among the first K, divided by R.

    recall@K = sum_{i<=K} hit(i) / R. Herlocker et al., "Evaluating collaborative filtering recommender systems",
    ACM TOIS 22(1), 2004. ranx: `recall@K`.
    """
    return _found(lists, k) / lists.relevant


def truncated_recall(lists: JudgedLists, k: int) -> np.ndarray:
    """Hits among the first K, divided by the most that can be hit, min(K, R).

    trecall@K = sum_{i<=K} hit(i) / min(K, R). Liang et al., "Variational autoencoders for collaborative filtering",
    WWW 2018, section 4.2 (there called Recall@R).
    """
    return _found(lists, k) / np.minimum(k, lists.relevant)


def precision(lists: JudgedLists, k: int) -> np.ndarray:
    """Hits among the first K, divided by K, also where the list is shorter.

    precision@K = sum_{i<=K} hit(i) / K. Herlocker et al. 2004. ranx: `precision@K`.
    """
    return _found(lists, k) / k


def ndcg(lists: JudgedLists, k: int) -> np.ndarray:
    """Normalised discounted cumulative gain: hits weighted by 1 / log2(place + 1), divided by the best possible sum.

    ndcg@K = sum_{i<=K} hit(i) / log2(i + 1)  /  sum_{i<=min(K, R)} 1 / log2(i + 1). Järvelin and Kekäläinen,
    "Cumulated gain-based evaluation of IR techniques", ACM TOIS 20(4), 2002, with binary relevance; Liang et al. 2018.
    ranx: `ndcg@K`; scikit-learn: `ndcg_score(..., k=K)`.
    """
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    gained = row_sums(lists.hits[:, :k] * discount[: lists.hits.shape[1]])
    return gained / np.cumsum(discount)[np.minimum(k, lists.relevant) - 1]


def average_precision(lists: JudgedLists, k: int) -> np.ndarray:
    """Average precision: the precision at each hit, summed and divided by min(K, R); its mean over users is MAP.

    map@K = sum_{i<=K} hit(i) * precision@i / min(K, R). Manning, Raghavan and Schütze, "Introduction to information
    retrieval", 2008, section 8.4, cut at K. ranx's `map@K` divides by R instead: equal where R <= K.
    """
    hits = lists.hits[:, :k]
    precisions = np.cumsum(hits, axis=1) / np.arange(1, hits.shape[1] + 1)
    return row_sums(precisions * hits) / np.minimum(k, lists.relevant)


def reciprocal_rank(lists: JudgedLists, k: int) -> np.ndarray:
    """1 divided by the place of the first hit, 0 if there is none among the first K; its mean over users is MRR.

    mrr@K = max_{i<=K} hit(i) / i. Voorhees, "The TREC-8 question answering track report", 1999. ranx: `mrr@K`.
    """
    hits = lists.hits[:, :k]
    return (hits / np.arange(1, hits.shape[1] + 1)).max(axis=1, initial=0.0)


def hit_rate(lists: JudgedLists, k: int) -> np.ndarray:
    """1 if there is a hit among the first K, else 0.

    hit@K = max_{i<=K} hit(i). Deshpande and Karypis, "Item-based top-N recommendation algorithms", ACM TOIS 22(1),
    2004. ranx: `hit_rate@K`.
    """
    return np.minimum(_found(lists, k), 1.0)


def novelty(lists: JudgedLists, k: int) -> np.ndarray:
    """Mean self-information in bits of the items listed among the first K: how unexpected they are.

    novelty@K = mean over listed items of -log2(max(count, 1) / n), where count of the n training users have the item;
    items that nobody had count as if one had. 0 for an empty list. Zhou et al., "Solving the apparent
    diversity-accuracy dilemma of recommender systems", PNAS 107(10), 2010.
    """
    if lists.information is None:
        raise ValueError("novelty needs the self-information of the items")
    items = lists.items[:, :k]
    listed = items >= 0
    bits = lists.information[np.minimum(items, len(lists.information) - 1)]
    return row_sums(np.where(listed, bits, 0.0)) / np.maximum(listed.sum(axis=1), 1)


def coverage(places: np.ndarray, n_items: int, k: int) -> float:
    """Share of the catalogue that is among the first K of anybody's list.

    coverage@K = |union of all lists' first K| / n_items. Ge, Delgado-Battenfeld and Jannach, "Beyond accuracy:
    evaluating recommender systems by coverage and serendipity", RecSys 2010. `places` is `best_places`.
    """
    return float((places < k).sum() / n_items)


OF_EACH_LIST: dict[str, ListMetric] = {
    "recall": recall,
    "trecall": truncated_recall,
    "precision": precision,
    "ndcg": ndcg,
    "map": average_precision,
    "mrr": reciprocal_rank,
    "hit": hit_rate,
    "novelty": novelty,
}
"""Metrics with a value for every user."""

OF_ALL_LISTS: dict[str, Callable[[np.ndarray, int, int], float]] = {"coverage": coverage}
"""Metrics that belong to all lists together: (best places, n_items, K) in, one value out."""


def self_information(item_counts: np.ndarray, n_train_users: int) -> np.ndarray:
    """(n_items + 1,) float64 bits, -log2(max(count, 1) / n_train_users); the last one is for unknown items."""
    counts = np.append(np.asarray(item_counts, dtype=np.float64), 1.0)
    return np.log2(max(n_train_users, 1)) - np.log2(np.maximum(counts, 1.0))


def lower_best_places(places: np.ndarray, items: np.ndarray) -> None:
    """Update `places` (n_items,), the best place from 0 at which anybody has each item, with more lists.

    `items` is (n_users, width); places only ever get lower, so the worst are written first.
    """
    n_items = len(places)
    for place in range(items.shape[1] - 1, -1, -1):
        column = items[:, place]
        column = column[(column >= 0) & (column < n_items)]
        places[column] = np.minimum(places[column], place)


def _found(lists: JudgedLists, k: int) -> np.ndarray:
    return lists.hits[:, :k].sum(axis=1)
