"""Ranking metrics, each with one exact definition: a function in a table, from judged lists to a value per user.

Notation, for one user: `R` relevant items (targets, those that training never saw included), the list of the first
`K` places, `hit(i)` = 1 if the item at place `i` (from 1) is relevant and 0 otherwise, also where the list has ended.
The mean of a metric is over all users with at least one relevant item.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

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

    @cached_property
    def found(self) -> Hits:
        """The hits alone: most places have none."""
        n_users, width = self.hits.shape
        flat = np.flatnonzero(self.hits)
        counts = np.diff(np.searchsorted(flat, np.arange(n_users + 1) * width))
        row = np.repeat(np.arange(n_users), counts)
        nth = np.arange(1, len(row) + 1) - np.repeat(np.cumsum(counts) - counts, counts)
        return Hits(row, flat - row * width, nth, n_users)


@dataclass(frozen=True, eq=False)
class Hits:
    """The hits of some users' lists, list by list and from the first place on: (n,) int64 each."""

    row: np.ndarray
    place: np.ndarray
    """From 0."""
    nth: np.ndarray
    """Which hit of its list it is, from 1."""
    n_users: int

    def counts(self, k: int) -> np.ndarray:
        """(n_users,) int64: how many are among the first `k` places."""
        return np.bincount(self.row[self.place < k], minlength=self.n_users)

    def sums(self, k: int, worth: np.ndarray) -> np.ndarray:
        """(n_users,) float64: what those among the first `k` places are `worth` (n,), added from left to right."""
        chosen = self.place < k
        return np.bincount(self.row[chosen], weights=worth[chosen], minlength=self.n_users)


MARKED = 2**20
"""Bytes of the table in which targets are marked: as much as a processor's cache."""
MARKED_ITEMS = 2**12
"""Columns of that table at most; items that are so many apart share one."""

ListMetric = Callable[[JudgedLists, int], np.ndarray]
"""Judged lists and the cut-off K in, (n_users,) float64 out."""


def judge(
    lists: TopN, target: sparse.csr_array, relevant: np.ndarray, information: np.ndarray | None = None
) -> JudgedLists:
    """Find the hits of `lists` in `target` (n_users, n_items), whose rows are the same users.

    The targets of a few users at a time are marked in a small dense table, in which their places are then looked up.
    """
    n_users, n_items = target.shape
    # A power of two, and more than n_items where that is not too much: then the last column is that of no item.
    width = min(MARKED_ITEMS, 1 << n_items.bit_length())
    step = max(1, min(n_users, MARKED // width))
    marks = np.zeros(step * width, dtype=bool)
    first = np.arange(step) * width
    hits = np.empty(lists.items.shape, dtype=bool)
    for start in range(0, n_users, step):
        starts = target.indptr[start : start + step + 1]
        rows = first[: len(starts) - 1]
        marked = np.repeat(rows, np.diff(starts)) + (target.indices[starts[0] : starts[-1]] & (width - 1))
        marks[marked] = True
        hits[start : start + step] = marks[(lists.items[start : start + step] & (width - 1)) + rows[:, None]]
        marks[marked] = False
    if n_items >= width or lists.items.max(initial=0) >= width - 1:
        _look_again(hits, lists.items, target)
    return JudgedLists(lists.items, hits, relevant, information)


def _look_again(hits: np.ndarray, items: np.ndarray, target: sparse.csr_array) -> None:
    """Take back the `hits` that are not in `target`: others that share a column of the table with one that is."""
    n_users, n_items = target.shape
    row, place = np.nonzero(hits)
    item = items[row, place]
    wanted = np.sort(np.repeat(np.arange(n_users), np.diff(target.indptr)) * n_items + target.indices)
    asked = row * n_items + item
    at = np.searchsorted(wanted, asked)
    there = (item >= 0) & (item < n_items) & (np.append(wanted, -1)[at] == asked)
    hits[row[~there], place[~there]] = False


def recall(lists: JudgedLists, k: int) -> np.ndarray:
    """Hits among the first K, divided by R.

    recall@K = sum_{i<=K} hit(i) / R. Herlocker et al., "Evaluating collaborative filtering recommender systems",
    ACM TOIS 22(1), 2004. ranx: `recall@K`.
    """
    return lists.found.counts(k) / lists.relevant


def truncated_recall(lists: JudgedLists, k: int) -> np.ndarray:
    """Hits among the first K, divided by the most that can be hit, min(K, R).

    trecall@K = sum_{i<=K} hit(i) / min(K, R). Liang et al., "Variational autoencoders for collaborative filtering",
    WWW 2018, section 4.2 (there called Recall@R).
    """
    return lists.found.counts(k) / np.minimum(k, lists.relevant)


def precision(lists: JudgedLists, k: int) -> np.ndarray:
    """Hits among the first K, divided by K, also where the list is shorter.

    precision@K = sum_{i<=K} hit(i) / K. Herlocker et al. 2004. ranx: `precision@K`.
    """
    return lists.found.counts(k) / k


def ndcg(lists: JudgedLists, k: int) -> np.ndarray:
    """Normalised discounted cumulative gain: hits weighted by 1 / log2(place + 1), divided by the best possible sum.

    ndcg@K = sum_{i<=K} hit(i) / log2(i + 1)  /  sum_{i<=min(K, R)} 1 / log2(i + 1). Järvelin and Kekäläinen,
    "Cumulated gain-based evaluation of IR techniques", ACM TOIS 20(4), 2002, with binary relevance; Liang et al. 2018.
    ranx: `ndcg@K`; scikit-learn: `ndcg_score(..., k=K)`.
    """
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    gained = lists.found.sums(k, discount[np.minimum(lists.found.place, k - 1)])
    return gained / np.cumsum(discount)[np.minimum(k, lists.relevant) - 1]


def average_precision(lists: JudgedLists, k: int) -> np.ndarray:
    """Average precision: the precision at each hit, summed and divided by min(K, R); its mean over users is MAP.

    map@K = sum_{i<=K} hit(i) * precision@i / min(K, R). Manning, Raghavan and Schütze, "Introduction to information
    retrieval", 2008, section 8.4, cut at K. ranx's `map@K` divides by R instead: equal where R <= K.
    """
    found = lists.found
    return found.sums(k, found.nth / (found.place + 1)) / np.minimum(k, lists.relevant)


def reciprocal_rank(lists: JudgedLists, k: int) -> np.ndarray:
    """1 divided by the place of the first hit, 0 if there is none among the first K; its mean over users is MRR.

    mrr@K = max_{i<=K} hit(i) / i. Voorhees, "The TREC-8 question answering track report", 1999. ranx: `mrr@K`.
    """
    found = lists.found
    return found.sums(k, (found.nth == 1) / (found.place + 1))


def hit_rate(lists: JudgedLists, k: int) -> np.ndarray:
    """1 if there is a hit among the first K, else 0.

    hit@K = max_{i<=K} hit(i). Deshpande and Karypis, "Item-based top-N recommendation algorithms", ACM TOIS 22(1),
    2004. ranx: `hit_rate@K`.
    """
    return np.minimum(lists.found.counts(k), 1.0)


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
    evaluating recommender systems by coverage and serendipity", RecSys 2010. `places`: see `lower_best_places`.
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


def lower_best_places(places: np.ndarray, items: np.ndarray, cutoffs: Sequence[int]) -> None:
    """Update `places` (n_items,) with the lists `items` (n_users, width): below K where anybody has the item among
    the first K, for each K of `cutoffs`.

    What is kept is the greatest cut-off that the best place is not below, or 0; it only ever gets lower.
    """
    n_items = len(places)
    if items.max(initial=0) >= n_items:
        items = np.where(items < n_items, items, -1)
    edges = sorted({0, *cutoffs})
    for start, stop in pairwise(edges):
        listed = np.zeros(n_items + 1, dtype=bool)  # the last one is for -1
        listed[items[:, start:stop].ravel()] = True  # places in one row are marked twice as fast
        np.minimum(places, start, out=places, where=listed[:-1])
