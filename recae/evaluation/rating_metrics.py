"""Rating metrics: RMSE and MAE, pooled over all target ratings as they are published."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import sparse


@dataclass(frozen=True, eq=False)
class RatingErrors:
    """Sums of prediction errors: per user, or over the users of each of several (re)samples."""

    squared: np.ndarray
    """(n,) float64: sum of (predicted - true)^2."""
    absolute: np.ndarray
    """(n,) float64: sum of |predicted - true|."""
    count: np.ndarray
    """(n,) float64: how many ratings were predicted."""

    def pooled(self, weights: np.ndarray | None = None) -> RatingErrors:
        """The sums over all users, (1,) each, or over samples of users.

        `weights` (n_samples, n_users) says how often each user counts in each sample.
        """
        if weights is None:
            weights = np.ones((1, len(self.count)))
        return RatingErrors(weights @ self.squared, weights @ self.absolute, weights @ self.count)


def rating_limits(known: sparse.csr_array) -> tuple[float, float]:
    """The lowest and the highest of the known ratings; no limits where none are known."""
    return (float(known.data.min()), float(known.data.max())) if known.nnz else (-np.inf, np.inf)


RatingMetric = Callable[[RatingErrors], np.ndarray]
"""Error sums in, (n,) float64 out; NaN where nothing was predicted."""


def rating_errors(
    scores: np.ndarray, target: sparse.csr_array, limits: tuple[float, float] = (-np.inf, np.inf)
) -> RatingErrors:
    """Sums of errors per row: `scores` (n_rows, n_items) are predicted ratings, `target` holds the true ones.

    Only the stored entries of `target` count, a rating of 0 included. Predictions below or above `limits` count as
    the limit: nobody rates beyond the ends of the scale.
    """
    n_rows = target.shape[0]
    rows = np.repeat(np.arange(n_rows), np.diff(target.indptr))
    error = scores[rows, target.indices].astype(np.float64).clip(*limits) - target.data
    return RatingErrors(
        squared=np.bincount(rows, weights=error**2, minlength=n_rows),
        absolute=np.bincount(rows, weights=np.abs(error), minlength=n_rows),
        count=np.bincount(rows, minlength=n_rows).astype(np.float64),
    )


def rmse(errors: RatingErrors) -> np.ndarray:
    """Root of the mean squared error over all target ratings of all users.

    rmse = sqrt(sum (predicted - true)^2 / n_ratings). Sedhain et al., "AutoRec: autoencoders meet collaborative
    filtering", WWW 2015. scikit-learn: `root_mean_squared_error`.
    """
    return np.sqrt(_ratio(errors.squared, errors.count))


def mae(errors: RatingErrors) -> np.ndarray:
    """Mean absolute error over all target ratings of all users.

    mae = sum |predicted - true| / n_ratings. Herlocker et al., "Evaluating collaborative filtering recommender
    systems", ACM TOIS 22(1), 2004. scikit-learn: `mean_absolute_error`.
    """
    return _ratio(errors.absolute, errors.count)


OF_RATINGS: dict[str, RatingMetric] = {"rmse": rmse, "mae": mae}
"""Metrics of predicted ratings; lower is better."""


def _ratio(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    return np.divide(total, count, out=np.full(np.shape(total), np.nan), where=count > 0)
