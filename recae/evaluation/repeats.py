"""Several splits of the same data: how much of the uncertainty is the choice of users, and how much is the split."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
    if min(len(one.users) for one in evaluations) < 2:
        raise ValueError("a split with fewer than two users does not tell how they vary")
    return figures_of(evaluations, test_per_train=test_per_train).repeated(metric)


@dataclass(frozen=True)
class SplitFigures:
    """What one model reached on each of several splits: all that `Repeated` needs, as plain values."""

    means: dict[str, tuple[float, ...]]
    """Metric -> its mean over the users of each split, or the overall value there."""
    deviations: dict[str, tuple[float, ...]]
    """Metric with a value per user -> sum over each split's users of (value - that split's mean)^2."""
    users: tuple[int, ...]
    """How many users each split was judged on."""
    test_per_train: float = 0.0
    """Interactions (or users) in test per one in training; 0 for splits that share nothing."""

    def mean(self) -> dict[str, float]:
        """Metric -> the mean of the splits' means."""
        return {metric: float(np.mean(values)) for metric, values in self.means.items()}

    def intervals(self) -> dict[str, tuple[float, float]]:
        """Metric -> 95 % interval of its mean, for other splits and other users alike; also of overall values."""
        return {
            metric: mean_interval(np.array(values), self.test_per_train)
            for metric, values in self.means.items()
            if np.isfinite(values).all()
        }

    def repeated(self, metric: str) -> Repeated:
        """The variance of a metric that has values per user, split into users and splits (KeyError for others)."""
        means, users = np.array(self.means[metric]), np.array(self.users)
        n, total = len(means), int(users.sum())
        within = sum(self.deviations[metric]) / max(total - n, 1)
        grand = users @ means / total
        between = float(users @ (means - grand) ** 2) / (n - 1)
        typical = (total - float(users @ users) / total) / (n - 1)
        return Repeated(
            metric=metric,
            means=means,
            users=users,
            mean=float(means.mean()),
            interval=mean_interval(means, self.test_per_train),
            of_users=within / float(users.mean()),
            of_splits=max(0.0, (between - within) / typical),
        )


def figures_of(evaluations: Iterable[Evaluation], *, test_per_train: float = 0.0) -> SplitFigures:
    """The figures of one model's `evaluations`, one for each split; they are looked at one after the other.

    Metrics that are not known on every split are left out.
    """
    means: list[dict[str, float]] = []
    deviations: list[dict[str, float]] = []
    users: list[int] = []
    for one in evaluations:
        means.append(one.means())
        deviations.append({name: float(((own - own.mean()) ** 2).sum()) for name, own in one.per_user.items()})
        users.append(len(one.users))
    return SplitFigures(_by_metric(means), _by_metric(deviations), tuple(users), test_per_train)


def mean_interval(means: np.ndarray, test_per_train: float = 0.0) -> tuple[float, float]:
    """The 95 % interval of the mean of at least two splits' (n_splits,) `means`: see `repeated`."""
    half = float(special.stdtrit(len(means) - 1, 0.975)) * float(_error(means, test_per_train))
    return float(means.mean()) - half, float(means.mean()) + half


def corrected_t_test(means: np.ndarray, test_per_train: float = 0.0) -> float:
    """Two-sided p-value that the mean of the splits' (n_splits,) differences is 0: the corrected resampled t-test.

    t = mean / (s sqrt(1 / S + test_per_train)), with S - 1 degrees of freedom. Nadeau and Bengio, "Inference for the
    generalization error", Machine Learning 52, 2003; for folds, Bouckaert and Frank, PAKDD 2004. Where all differences
    are equal it is 1 if they are 0, and 0 otherwise.
    """
    error = _error(means, test_per_train)
    if error <= 1e-15 * np.abs(means).max():
        return 1.0 if means[0] == 0 else 0.0
    return float(2 * special.stdtr(len(means) - 1, -abs(means.mean()) / error))


def _error(means: np.ndarray, test_per_train: float) -> float:
    return float(means.std(ddof=1) * np.sqrt(1 / len(means) + test_per_train))


def _by_metric(splits: list[dict[str, float]]) -> dict[str, tuple[float, ...]]:
    return {
        metric: tuple(one[metric] for one in splits) for metric in splits[0] if all(metric in one for one in splits)
    }  # fmt: skip
