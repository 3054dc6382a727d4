"""Metrics of all lists together: how evenly the items are shown, and how different the users' lists are.

They are worked out from the exposures: how many of the lists have each item of the catalogue among their first K.
Items that are not in the catalogue do not count.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def gini(exposures: np.ndarray, n_users: int, k: int) -> float:
    """Gini coefficient of exposure: 0 if every item of the catalogue is listed as often, near 1 if one gets all.

    gini@K = sum_j (2 j - n - 1) e_(j)  /  (n sum_j e_(j)), with the exposures e_(1) <= ... <= e_(n) of all n items,
    those never listed included. Fleder and Hosanagar, "Blockbuster culture's next rise or fall", Management Science
    55(5), 2009; Shani and Gunawardana, "Evaluating recommendation systems", 2011, section 8.3.3.8. 0 where nothing is
    listed.
    """
    ordered = np.sort(np.asarray(exposures, dtype=np.float64))
    n, total = len(ordered), ordered.sum()
    return float((2 * np.arange(1, n + 1) - n - 1) @ ordered / (n * total)) if total > 0 else 0.0


def entropy(exposures: np.ndarray, n_users: int, k: int) -> float:
    """Shannon entropy of exposure in bits: 0 if one item gets all of it, log2(n) if all n items get the same.

    entropy@K = - sum_j p_j log2 p_j, with p_j = e_j / sum e, and 0 log 0 = 0. Shani and Gunawardana 2011, section
    8.3.3.8. 2 to this power is how many equally shown items would be as diverse. 0 where nothing is listed.
    """
    shown = exposures[exposures > 0].astype(np.float64)
    shares = shown / shown.sum()
    return float(max(-(shares @ np.log2(shares)), 0.0)) if len(shown) else 0.0


def personalisation(exposures: np.ndarray, n_users: int, k: int) -> float:
    """How little the lists of two users have in common: 0 if all lists are the same, 1 if no two share an item.

    personalisation@K = 1 - mean over pairs of users of |L_u and L_v| / K, with the first K of both lists: the mean
    inter-list distance of Zhou et al., "Solving the apparent diversity-accuracy dilemma of recommender systems", PNAS
    107(10), 2010. An item that e lists have is shared by e (e - 1) / 2 pairs. 1 where there is one user only.
    """
    if n_users < 2:
        return 1.0
    exposures = np.asarray(exposures, dtype=np.float64)
    return float(1.0 - exposures @ (exposures - 1.0) / (n_users * (n_users - 1.0) * k))


def exposures(items: np.ndarray, k: int, n_items: int) -> np.ndarray:
    """(n_items,) int64: how many of the lists (n_users, width) have each item among their first `k` places."""
    head = items[:, :k]
    return np.bincount(head[(head >= 0) & (head < n_items)], minlength=n_items)


OF_EXPOSURE: dict[str, Callable[[np.ndarray, int, int], float]] = {
    "gini": gini,
    "entropy": entropy,
    "personalisation": personalisation,
}
"""(exposures (n_items,), n_users, K) in, one value out."""
