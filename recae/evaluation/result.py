"""`Evaluation`: every metric's value for every user; means, intervals and reports are derived from it."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pyarrow as pa

from recae.data.ids import IdIndex


@dataclass(frozen=True, eq=False)
class Evaluation:
    """One model judged on one held-out set; users without targets are left out."""

    users: IdIndex
    per_user: dict[str, np.ndarray]
    """Metric name, e.g. "ndcg@10" -> (n_users,) float64."""
    overall: dict[str, float] = field(default_factory=dict)
    """Metrics that belong to the lists as a whole, e.g. "coverage@10"."""
    seconds: float = 0.0
    """Time for scoring, ranking and judging together."""

    def means(self) -> dict[str, float]:
        """Metric name -> mean over users, or the overall value."""
        return {name: float(values.mean()) for name, values in self.per_user.items()} | self.overall

    def to_arrow(self, user_column: str = "user_id") -> pa.Table:
        """One row per user, one column per metric."""
        return pa.table({user_column: self.users.values} | {name: pa.array(v) for name, v in self.per_user.items()})
