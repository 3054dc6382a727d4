"""`Evaluation`: every metric's value for every user; means, intervals and reports are derived from it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from recae.data.ids import IdIndex
from recae.evaluation.intervals import percentiles, resampled, t_interval
from recae.evaluation.rating_metrics import OF_RATINGS, RatingErrors
from recae.evaluation.slices import Slice


@dataclass(frozen=True, eq=False)
class Evaluation:
    """One model judged on one held-out set; users without targets are left out."""

    users: IdIndex
    per_user: dict[str, np.ndarray]
    """Metric name, e.g. "ndcg@10" -> (n_users,) float64."""
    overall: dict[str, float] = field(default_factory=dict)
    """Metrics that belong to all users together, e.g. "coverage@10", and "rmse" pooled over all ratings."""
    seconds: float = 0.0
    """Time for scoring, ranking and judging together."""
    rating_errors: RatingErrors | None = None
    """Sums per user behind "rmse" and "mae"; None where no rating metric was asked for."""
    slices: tuple[Slice, ...] = ()
    """The figures by groups of users and the targets found by groups of items, as far as `Background.slicing` asked."""

    def means(self) -> dict[str, float]:
        """Metric name -> mean over users, or the overall value."""
        return {name: float(values.mean()) for name, values in self.per_user.items()} | self.overall

    def intervals(
        self, *, level: float = 0.95, resamples: int = 1000, seed: int = 42
    ) -> dict[str, tuple[float, float]]:
        """Metric name -> (low, high) by the percentile bootstrap over users, the same draws for every metric.

        Rating metrics are pooled anew in every resample. Metrics of all lists together, such as coverage, have none.
        """
        errors = self.rating_errors
        of_ratings = [name for name in self.overall if name in OF_RATINGS and errors is not None]
        names = [*self.per_user, *of_ratings]
        if not names:
            return {}
        values = np.stack(list(self.per_user.values()), axis=1) if self.per_user else np.empty((len(self.users), 0))
        samples = []
        for weights in resampled(len(self.users), resamples=resamples, seed=seed):
            columns = [weights @ values / len(self.users)]
            if errors is not None:
                pooled = errors.pooled(weights)
                columns += [OF_RATINGS[name](pooled)[:, None] for name in of_ratings]
            samples.append(np.concatenate(columns, axis=1))
        return dict(zip(names, (percentiles(s, level) for s in np.concatenate(samples).T), strict=True))

    def t_intervals(self, *, level: float = 0.95) -> dict[str, tuple[float, float]]:
        """Metric name -> (low, high) by Student's t, for the metrics with a value per user."""
        return {name: t_interval(values, level=level) for name, values in self.per_user.items()}

    def to_arrow(self, user_column: str = "user_id") -> pa.Table:
        """One row per user, one column per metric; for rating metrics the user's own RMSE or MAE."""
        columns = {name: pa.array(values) for name, values in self.per_user.items()}
        if self.rating_errors is not None:
            own = {name: OF_RATINGS[name](self.rating_errors) for name in self.overall if name in OF_RATINGS}
            columns |= {name: pa.array(values, from_pandas=True) for name, values in own.items()}
        return pa.table({user_column: self.users.values} | columns)
