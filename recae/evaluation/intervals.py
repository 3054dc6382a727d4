"""Confidence intervals of means over users: by the percentile bootstrap, and by Student's t."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import special

BLOCK_DRAWS = 2_000_000
"""Users drawn at a time, over all resamples of a block: bounds the memory to some 40 MB."""


def bootstrap_interval(
    values: np.ndarray, *, level: float = 0.95, resamples: int = 1000, seed: int = 42
) -> tuple[float, float]:
    """The interval in which the mean over users lies, by the percentile bootstrap over users.

    The users are drawn with replacement `resamples` times; the interval is between the (1 - level) / 2 and the
    (1 + level) / 2 quantile of the means. Efron and Tibshirani, "An introduction to the bootstrap", 1993, chapter 13.

    Args:
        values: (n_users,) one metric's value for each user.
        level: share of intervals that hold the true mean, between 0 and 1.
        resamples: how many times all users are drawn.
        seed: the same seed gives the same interval, and the same draws for every metric of the same users.

    Returns:
        (low, high), in the units of `values`.

    Raises:
        ValueError: there are no users, a value is not finite, or level or resamples is impossible.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or not np.isfinite(values).all():
        raise ValueError("an interval needs one finite value per user")
    means = [weights @ values / len(values) for weights in resampled(len(values), resamples=resamples, seed=seed)]
    return percentiles(np.concatenate(means), level)


def t_interval(values: np.ndarray, *, level: float = 0.95) -> tuple[float, float]:
    """The interval in which the mean over users lies, by Student's t: without any drawing.

    mean +- t sd / sqrt(n), with t the (1 + level) / 2 quantile of Student's distribution with n - 1 degrees of freedom.
    Student, "The probable error of a mean", Biometrika 6(1), 1908. One user alone tells nothing: (-inf, inf).

    Args:
        values: (n_users,) one metric's value for each user.
        level: share of intervals that hold the true mean, between 0 and 1.

    Raises:
        ValueError: there are no users, a value is not finite, or level is impossible.
    """
    values = np.asarray(values, dtype=np.float64)
    if values.ndim != 1 or not len(values) or not np.isfinite(values).all():
        raise ValueError("an interval needs one finite value per user")
    if not 0 < level < 1:
        raise ValueError(f"the level of an interval must be between 0 and 1, not {level}")
    if len(values) == 1:
        return -np.inf, np.inf
    half = float(special.stdtrit(len(values) - 1, (1 + level) / 2)) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


def resampled(n_users: int, *, resamples: int = 1000, seed: int = 42) -> Iterator[np.ndarray]:
    """Blocks of (n_resamples, n_users) float64: how often each user was drawn in each resample.

    The draws do not depend on how they are blocked.

    Raises:
        ValueError: there are no users or no resamples.
    """
    if n_users < 1 or resamples < 1:
        raise ValueError(f"cannot draw {resamples} resamples of {n_users} users")
    random = np.random.default_rng(seed)
    step = max(1, BLOCK_DRAWS // n_users)
    for start in range(0, resamples, step):
        rows = min(step, resamples - start)
        # Drawn row by row in one stream; 64-bit draws, because 32-bit ones share words across calls.
        drawn = random.integers(0, n_users, size=(rows, n_users))
        drawn += np.arange(rows)[:, None] * n_users
        counts = np.bincount(drawn.ravel(), minlength=rows * n_users)
        yield counts.reshape(rows, n_users).astype(np.float64)


def percentiles(samples: np.ndarray, level: float) -> tuple[float, float]:
    """The middle share `level` of `samples`, as (low, high).

    Raises:
        ValueError: level is not between 0 and 1.
    """
    if not 0 < level < 1:
        raise ValueError(f"the level of an interval must be between 0 and 1, not {level}")
    low, high = np.quantile(samples, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
