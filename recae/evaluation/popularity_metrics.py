"""Metrics that know how popular items are: propensity-scored precision, average popularity and its lift."""

from __future__ import annotations

import numpy as np

from recae.evaluation.listed import mean_of_listed, row_sums
from recae.evaluation.ranking_metrics import JudgedLists

PROPENSITY_A, PROPENSITY_B = 0.55, 1.5
"""What Jain et al. (2016) take where nothing is known about how observations go missing."""


def inverse_propensities(item_counts: np.ndarray, n_train_users: int) -> np.ndarray:
    """(n_items + 1,) float64, at least 1: how much a hit on each item counts; the last one is for unknown items.

    1 / p = 1 + C exp(-A ln(count + B)) with C = (ln n - 1) (B + 1)^A, A = 0.55 and B = 1.5, where count of the n
    training users have the item. Jain, Prabhu and Varma, "Extreme multi-label loss functions for recommendation,
    tagging, ranking and other missing label applications", KDD 2016, section 4. An item that nobody had counts 0. For
    fewer than 3 users C would be negative; it is held to 0.
    """
    counts = np.append(np.asarray(item_counts, dtype=np.float64), 0.0)
    scale = max(np.log(max(n_train_users, 1)) - 1.0, 0.0) * (PROPENSITY_B + 1.0) ** PROPENSITY_A
    return 1.0 + scale * (counts + PROPENSITY_B) ** -PROPENSITY_A


def propensity_scored_precision(lists: JudgedLists, inverse: np.ndarray, k: int) -> np.ndarray:
    """Precision in which a hit counts 1 / propensity: hits on rare items, which seldom get into a log, count more.

    psp@K = 1/K sum_{i<=K} hit(i) / p(i), with the propensity p of `inverse_propensities`. Jain, Prabhu and Varma, KDD
    2016, section 3. It can exceed 1; `npsp@K` cannot.
    """
    return _scored(lists, inverse, k) / k


def normalised_propensity_scored_precision(
    lists: JudgedLists, inverse: np.ndarray, best: np.ndarray, k: int
) -> np.ndarray:
    """Propensity-scored precision divided by the most that the user's targets allow.

    npsp@K = sum_{i<=K} hit(i) / p(i)  /  sum of the min(K, R) largest 1 / p among the user's R targets, those of
    unknown items included. Jain, Prabhu and Varma, KDD 2016, whose normalisation is taken here for each user; the
    tables of the Extreme Classification Repository divide the sums over all users instead.

    `best` (n_users, K or more) holds the largest 1 / p of each user's targets, best first, then 0.
    """
    return _scored(lists, inverse, k) / row_sums(best[:, :k])


def average_popularity(lists: JudgedLists, popularity: np.ndarray, k: int) -> np.ndarray:
    """Mean share of the training users who have the items listed among the first K.

    popularity@K = mean over listed items of count / n, where count of the n training users have the item; 0 for an
    empty list and for unknown items. Times n it is the average recommendation popularity (ARP) of Yin, Cui, Li, Yao and
    Chen, "Challenging the long tail recommendation", VLDB 2012.
    """
    return mean_of_listed(lists.items, k, popularity)


def popularity_lift(of_lists: np.ndarray, of_histories: np.ndarray) -> float:
    """How much more popular the listed items are than those of the histories, relative to the latter.

    popularity-lift@K = mean over users of popularity@K  /  mean over users of the mean popularity of the history  - 1,
    over the users who have both a list and a history. Abdollahpouri, Mansoury, Burke and Mobasher, "The connection
    between popularity bias, calibration, and fairness in recommendation", RecSys 2020. 0 is no lift; NaN where nobody
    has both.

    Args:
        of_lists: (n_users,) `popularity@K` of each user, NaN for an empty list.
        of_histories: (n_users,) mean popularity of the items of the history, NaN for an empty one.
    """
    both = ~(np.isnan(of_lists) | np.isnan(of_histories))
    before = of_histories[both].sum()
    return float(of_lists[both].sum() / before - 1.0) if before > 0 else float("nan")


def _scored(lists: JudgedLists, inverse: np.ndarray, k: int) -> np.ndarray:
    weights = inverse[np.clip(lists.items[:, :k], 0, len(inverse) - 1)]
    return row_sums(weights * lists.hits[:, :k])
