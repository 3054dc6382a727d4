"""Metrics that know what items are like, by vectors or genres: distance within lists, surprise, calibration.

`cos(i, j)` is the cosine of the vectors of two items. An item without a vector, or with one of zeros, has the cosine 0
with every other item, so that its distance to them is 1.
"""

from __future__ import annotations

import numpy as np
from scipy import sparse

from recae.evaluation.listed import dots, listed_counts, listed_matrix, pattern, row_sums
from recae.evaluation.ranking_metrics import JudgedLists

Vectors = np.ndarray | sparse.csr_array
"""(n_items, d) float64, rows of length 1 or 0."""

SMOOTHING = 0.01
"""Share of the history's genres mixed into the list's (alpha in Steck 2018), so that no logarithm is infinite."""
_MOST_CELLS = 4_000_000


def intra_list_distance(lists: JudgedLists, vectors: Vectors, k: int) -> np.ndarray:
    """Mean distance of the items of a list to each other: how diverse the list is.

    ild@K = mean over pairs i < j of the items listed among the first K of 1 - cos(i, j). Smyth and McClave, "Similarity
    vs. diversity", ICCBR 2001; Zhang and Hurley, "Avoiding monotony", RecSys 2008. 0 for fewer than two items.
    """
    listed = listed_counts(lists.items, k)
    matrix = listed_matrix(lists.items, k, vectors.shape[0])
    total = matrix @ vectors
    own = matrix @ dots(vectors, vectors)
    pairs = listed * (listed - 1.0)
    alike = np.divide(dots(total, total) - own, pairs, out=np.ones(len(pairs)), where=pairs > 0)
    return (1.0 - alike).clip(0.0)


def unexpectedness(lists: JudgedLists, vectors: Vectors, history: sparse.csr_array, k: int) -> np.ndarray:
    """Mean distance of the listed items to those of the user's history.

    unexpectedness@K = mean over the items listed among the first K and the items h of the history of 1 - cos(i, h).
    Zhang, Ó Séaghdha, Quercia and Jambor, "Auralist: introducing serendipity into music recommendation", WSDM 2012 (1
    minus their unserendipity). 0 for an empty list; without a history every item is at distance 1.
    """
    listed = listed_counts(lists.items, k)
    near = dots(listed_matrix(lists.items, k, vectors.shape[0]) @ vectors, _profile(vectors, history))
    return (listed - near) / np.maximum(listed, 1)


def serendipity(lists: JudgedLists, vectors: Vectors, history: sparse.csr_array, k: int) -> np.ndarray:
    """Hits that are far from what the user had: each counts its mean distance to the items of the history.

    serendipity@K = 1/K sum_{i<=K} hit(i) * mean over the history's items h of 1 - cos(i, h): relevant and unexpected,
    the expected profile distance with relevance of Vargas and Castells, "Rank and relevance in novelty and diversity
    metrics for recommender systems", RecSys 2011, without a rank discount and divided by K like precision. Without a
    history it is precision@K.
    """
    hits = lists.hits[:, :k]
    near = dots(listed_matrix(lists.items, k, vectors.shape[0], hits) @ vectors, _profile(vectors, history))
    return (hits.sum(axis=1) - near) / k


def miscalibration(lists: JudgedLists, genre_shares: sparse.csr_array, history: sparse.csr_array, k: int) -> np.ndarray:
    """How far the genres of a list are from those of the user's history (Kullback-Leibler divergence); 0 is calibrated.

    miscalibration@K = sum_g p(g) ln(p(g) / ((1 - a) q(g) + a p(g))), a = 0.01, in nats, with p the mean genre shares of
    the history's items and q those of the items listed among the first K. Steck, "Calibrated recommendations", RecSys
    2018, equation 6, every item counting the same. Items of unknown genre are left out of p and q. Without any genre in
    the history it is 0; without any in the list it is ln(1 / a), the worst.
    """
    step = max(1, _MOST_CELLS // max(genre_shares.shape[1], 1))
    parts = []
    for start in range(0, len(lists.items), step):
        part = slice(start, start + step)
        wanted = _shares(pattern(history[part]), genre_shares)
        given = _shares(listed_matrix(lists.items[part], k, genre_shares.shape[0]), genre_shares)
        mixed = (1.0 - SMOOTHING) * given + SMOOTHING * wanted
        ratio = np.divide(wanted, mixed, out=np.ones_like(wanted), where=wanted > 0)
        parts.append(row_sums(wanted * np.log(ratio)).clip(0.0))
    return np.concatenate(parts) if parts else np.zeros(0)


def _profile(vectors: Vectors, history: sparse.csr_array) -> Vectors:
    """(n_users, d): the mean vector of each history; zeros where it is empty."""
    size = np.maximum(np.diff(history.indptr), 1)
    return sparse.csr_array(sparse.diags_array(1.0 / size) @ pattern(history)) @ vectors


def _shares(chosen: sparse.csr_array, genre_shares: sparse.csr_array) -> np.ndarray:
    """(n_users, n_genres): mean genre shares of the chosen items; zeros where no genre is known."""
    total = (chosen @ genre_shares).toarray()
    size = row_sums(total)[:, None]
    return np.divide(total, size, out=np.zeros_like(total), where=size > 0)
