"""Further metrics of lists against targets: R-precision, MAP over all relevant items, rank-biased precision.

The notation is that of `recae.evaluation.ranking_metrics`: `R` relevant items, `hit(i)` at place `i` from 1.
"""

from __future__ import annotations

from functools import partial

import numpy as np

from recae.evaluation.listed import row_sums
from recae.evaluation.ranking_metrics import JudgedLists, ListMetric


def r_precision(lists: JudgedLists) -> np.ndarray:
    """Share of hits among the first R places, as many as the user has relevant items.

    rprecision = sum_{i<=R} hit(i) / R. Buckley and Voorhees, "Evaluating evaluation measure stability", SIGIR 2000.
    Places behind the end of a shorter list are misses. ranx: `r-precision`; trec_eval: `Rprec`.
    """
    places = np.arange(lists.hits.shape[1])
    return (lists.hits & (places < lists.relevant[:, None])).sum(axis=1) / lists.relevant


def average_precision_over_all(lists: JudgedLists, k: int) -> np.ndarray:
    """Average precision with R as the denominator: the precision at each hit, summed and divided by R.

    map-all@K = sum_{i<=K} hit(i) * precision@i / R. Buckley and Voorhees, SIGIR 2000. ranx: `map@K`; trec_eval:
    `map_cut_K`. `map@K` divides by min(K, R) instead, so that a perfect list reaches 1 also where R > K.
    """
    hits = lists.hits[:, :k]
    precisions = np.cumsum(hits, axis=1) / np.arange(1, hits.shape[1] + 1)
    return row_sums(precisions * hits) / lists.relevant


def rank_biased_precision(lists: JudgedLists, k: int, *, percent: int) -> np.ndarray:
    """Rank-biased precision: hits weighted by how likely a reader comes so far, who goes on with persistence p.

    rbpP@K = (1 - p) sum_{i<=K} hit(i) p^(i - 1), with p = P / 100. Moffat and Zobel, "Rank-biased precision for
    measurement of retrieval effectiveness", ACM TOIS 27(1), 2008, with the values of p studied there: 0.5 for an
    impatient reader, 0.8, and 0.95 for a patient one. What lies behind K counts as missed, so that the most that can
    be reached is 1 - p^min(K, R). ranx: `rbp.P`.
    """
    weights = (1 - percent / 100) * (percent / 100) ** np.arange(min(k, lists.hits.shape[1]))
    return row_sums(lists.hits[:, :k] * weights)


OF_HITS: dict[str, ListMetric] = {
    "map-all": average_precision_over_all,
    "rbp50": partial(rank_biased_precision, percent=50),
    "rbp80": partial(rank_biased_precision, percent=80),
    "rbp95": partial(rank_biased_precision, percent=95),
}
"""Metrics that need nothing but judged lists."""
