"""`Judge`: takes lists and scores block by block and keeps what the metrics need, never the blocks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recae.data.split import HeldOut
from recae.errors import ConfigError, DataError
from recae.evaluation.metrics import Metric
from recae.evaluation.ranking_metrics import (
    OF_ALL_LISTS,
    OF_EACH_LIST,
    judge,
    lower_best_places,
    self_information,
)
from recae.evaluation.rating_metrics import OF_RATINGS, RatingErrors, rating_errors, rating_limits
from recae.evaluation.result import Evaluation
from recae.ranking.lists import TopN


class Judge:
    """Collects the value of every metric for every user of `held_out`, all of whom have targets.

    Raises:
        ConfigError: novelty was asked for without `counts`, (users per item, number of users) of the training data.
        DataError: a rating metric was asked for, and no target that training knows has a rating.
    """

    def __init__(
        self, metrics: Sequence[Metric], held_out: HeldOut, counts: tuple[np.ndarray, int] | None = None
    ) -> None:
        needy = [str(metric) for metric in metrics if metric.needs_counts]
        if needy and counts is None:
            raise ConfigError(f"{needy[0]} needs to know how many training users each item has; leave it out here.")
        of_ratings = [str(metric) for metric in metrics if metric.of_ratings]
        if of_ratings and (held_out.columns.value_kind != "rating" or held_out.target.nnz == 0):
            raise DataError(f"{of_ratings[0]} compares ratings, and the targets have none that could be predicted.")
        self._metrics = metrics
        self._held_out = held_out
        self._relevant = held_out.relevant_counts()
        self._information = self_information(*counts) if needy and counts is not None else None
        self._values = {str(m): np.zeros(held_out.n_users) for m in metrics if m.name in OF_EACH_LIST}
        self._best_places = np.full(held_out.target.shape[1], np.iinfo(np.int32).max, dtype=np.int32)
        self._limits = rating_limits(held_out.history) if of_ratings else (-np.inf, np.inf)
        self._errors: list[RatingErrors] = []

    @property
    def depth(self) -> int:
        """How long the lists must be; 0 if no metric looks at lists."""
        return max((metric.k or 0 for metric in self._metrics), default=0)

    def add_lists(self, rows: slice, lists: TopN) -> None:
        """Judge the lists of the users `rows`, `depth` places or fewer where the catalogue ends."""
        judged = judge(lists, self._held_out.target[rows], self._relevant[rows], self._information)
        for metric in self._metrics:
            if metric.name in OF_EACH_LIST and metric.k is not None:
                self._values[str(metric)][rows] = OF_EACH_LIST[metric.name](judged, metric.k)
        if any(metric.name in OF_ALL_LISTS for metric in self._metrics):
            lower_best_places(self._best_places, lists.items[:, : self.depth])

    def add_scores(self, rows: slice, scores: np.ndarray) -> None:
        """Compare (n_rows, n_items) predicted ratings with those of the users `rows`, in the order of users.

        Predictions are clipped to the range of the ratings in the histories, as published errors are.
        """
        if any(metric.of_ratings for metric in self._metrics):
            self._errors.append(rating_errors(scores, self._held_out.target[rows], self._limits))

    def result(self, seconds: float) -> Evaluation:
        """All that was judged."""
        n_items = len(self._best_places)
        errors = _joined(self._errors) if self._errors else None
        overall = {}
        for metric in self._metrics:
            if metric.name in OF_ALL_LISTS and metric.k is not None:
                overall[str(metric)] = OF_ALL_LISTS[metric.name](self._best_places, n_items, metric.k)
            elif metric.name in OF_RATINGS and errors is not None:
                overall[str(metric)] = float(OF_RATINGS[metric.name](errors.pooled())[0])
        return Evaluation(self._held_out.users, self._values, overall, seconds, errors)


def _joined(parts: list[RatingErrors]) -> RatingErrors:
    return RatingErrors(
        squared=np.concatenate([part.squared for part in parts]),
        absolute=np.concatenate([part.absolute for part in parts]),
        count=np.concatenate([part.count for part in parts]),
    )
