"""How differently groups of users are served: the mean of a metric in each group, and the gap between groups."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from recae.errors import DataError


@dataclass(frozen=True, eq=False)
class GroupMeans:
    """One metric's mean in each group of users."""

    groups: np.ndarray
    """(n_groups,) what the groups are called, sorted."""
    means: np.ndarray
    """(n_groups,) float64."""
    sizes: np.ndarray
    """(n_groups,) int64: users in the group."""

    @property
    def gap(self) -> float:
        """The largest mean minus the smallest; 0 where there is one group."""
        return float(self.means.max() - self.means.min())


def group_means(values: np.ndarray, groups: np.ndarray) -> GroupMeans:
    """The mean of `values` (n_users,) in each group; users with the same value in `groups` (n_users,) are one group.

    Raises:
        ValueError: there are no users, or the two are of different lengths.
    """
    if len(values) == 0 or len(values) != len(groups):
        raise ValueError(f"{len(groups)} groups for {len(values)} values")
    names, code = np.unique(groups, return_inverse=True)
    sizes = np.bincount(code)
    return GroupMeans(names, np.bincount(code, weights=values) / sizes, sizes)


def group_gap(values: np.ndarray, groups: np.ndarray) -> float:
    """Largest difference between the means of two groups of users: 0 if all groups are served alike; lower is better.

    For any metric m, m-gap@K = max over groups of the mean of m@K in the group - min over groups of the same. With two
    groups it is the user-oriented unfairness of Li, Chen, Fu, Ge and Zhang, "User-oriented fairness in recommendation",
    WWW 2021, equation 3. Named here: ndcg-gap@K, recall-gap@K and hit-gap@K.
    """
    return group_means(values, groups).gap


def by_history_length(history: sparse.csr_array) -> np.ndarray:
    """(n_users,) of "short" and "long": histories of at most the median length, and longer ones.

    Raises:
        DataError: all histories are of the same length, so that there is one group only.
    """
    lengths = np.diff(history.indptr)
    longer = lengths > np.median(lengths)
    if not longer.any():
        raise DataError(
            "A gap compares groups of users, and most histories are of the same length, the longest: name groups with "
            "Background(user_groups=...)."
        )
    return np.where(longer, "long", "short")


GAPS = {"ndcg-gap": "ndcg", "recall-gap": "recall", "hit-gap": "hit"}
"""Name of the gap -> name of the metric it is of."""
