"""Several splits of the same data: how much of the uncertainty is the choice of users, and how much is the split."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from recae.evaluation.result import Evaluation


@dataclass(frozen=True, eq=False)
class Repeated:
    """One metric of one model over several splits, its variance split into users and splits."""

    metric: str
    means: np.ndarray
    """(n_splits,) float64: the mean over the users of each split."""
    users: np.ndarray
    """(n_splits,) int64: how many users each split was judged on."""
    mean: float
    """Mean of `means`."""
    interval: tuple[float, float]
    """95 % interval of the mean, for other splits and other users alike."""
    of_users: float
    """Variance of one split's mean that comes from which users it was judged on."""
    of_splits: float
    """Variance of one split's mean that comes from the split itself, training and its seed included; at least 0."""

    @property
    def share_of_splits(self) -> float:
        """`of_splits` in the whole variance of one split's mean; 0 where there is no variance."""
        total = self.of_users + self.of_splits
        return self.of_splits / total if total > 0 else 0.0


def repeated(evaluations: Sequence[Evaluation], metric: str, *, test_per_train: float = 0.0) -> Repeated:
    """Bring several splits' evaluations of one model together.

    The value of user u in split s is taken as mean + effect of the split + deviation of the user; the two variances are
    estimated from the mean squares between and within splits, as in a one-way analysis of variance with random effects:
    within = MSW, between = max(0, (MSB - MSW) / n0), n0 = (N - sum n_s^2 / N) / (S - 1). Searle, Casella and McCulloch,
    "Variance components", 1992, section 3.6. One split's mean varies by between + MSW / (mean users per split).

    The interval is Student's over the S splits' means. Random splits of one log share their training data, so that it
    is too narrow; with `test_per_train` > 0 its variance is s^2 (1 / S + test_per_train) instead. Nadeau and Bengio,
    "Inference for the generalization error", Machine Learning 52, 2003.

    Args:
        evaluations: one for each split, of the same model.
        metric: e.g. "ndcg@10".
        test_per_train: interactions (or users) in test per one in training; 0 for splits that share nothing.

    Raises:
        ValueError: fewer than two splits, fewer than two users in one, or a metric without values per user.
    """
    if len(evaluations) < 2:
        raise ValueError("there are no two splits whose variance could be told")
    if any(metric not in one.per_user for one in evaluations):
        raise ValueError(f"{metric} has no value for every user, so that its variance cannot be split")
    values = [one.per_user[metric] for one in evaluations]
    users = np.array([len(own) for own in values])
    if users.min() < 2:
        raise ValueError("a split with fewer than two users does not tell how they vary")
    means = np.array([own.mean() for own in values])
    n, total = len(means), int(users.sum())
    within = sum(float(((own - own.mean()) ** 2).sum()) for own in values) / (total - n)
    grand = users @ means / total
    between = float(users @ (means - grand) ** 2) / (n - 1)
    typical = (total - float(users @ users) / total) / (n - 1)
    half = special.stdtrit(n - 1, 0.975) * means.std(ddof=1) * np.sqrt(1 / n + test_per_train)
    mean = float(means.mean())
    return Repeated(
        metric=metric,
        means=means,
        users=users,
        mean=mean,
        interval=(mean - float(half), mean + float(half)),
        of_users=within / float(users.mean()),
        of_splits=max(0.0, (between - within) / typical),
    )
