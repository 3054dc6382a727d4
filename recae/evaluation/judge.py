"""`Judge`: takes lists and scores block by block and keeps what the metrics need, never the blocks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from recae.data.split import HeldOut
from recae.errors import DataError
from recae.evaluation.background import NOTHING, Background
from recae.evaluation.found import FoundTargets
from recae.evaluation.further import Further
from recae.evaluation.metrics import Metric
from recae.evaluation.needs import check_needs
from recae.evaluation.ranking_metrics import (
    OF_ALL_LISTS,
    OF_EACH_LIST,
    judge,
    lower_best_places,
    self_information,
)
from recae.evaluation.rating_metrics import OF_RATINGS, RatingErrors, rating_errors, rating_limits
from recae.evaluation.result import Evaluation
from recae.evaluation.slices import user_slices
from recae.ranking.lists import TopN


class Judge:
    """Collects the value of every metric for every user of `held_out`, all of whom have targets.

    Raises:
        ConfigError: a metric needs something that is not `known`, such as novelty the counts of the training data.
        DataError: a rating metric was asked for, and no target that training knows has a rating; or the data has not
            what another one needs.
    """

    def __init__(
        self,
        metrics: Sequence[Metric],
        held_out: HeldOut,
        known: Background = NOTHING,
        *,
        scored: bool = True,
        exclude_seen: bool = True,
    ) -> None:
        check_needs(metrics, known, held_out, scored=scored)
        of_ratings = [str(metric) for metric in metrics if metric.of_ratings]
        if of_ratings and (held_out.columns.value_kind != "rating" or held_out.target.nnz == 0):
            raise DataError(f"{of_ratings[0]} compares ratings, and the targets have none that could be predicted.")
        self._metrics = metrics
        self._held_out = held_out
        self._relevant = held_out.relevant_counts()
        self._information = None
        if any(metric.name == "novelty" for metric in metrics) and known.item_counts is not None:
            self._information = self_information(known.item_counts, known.n_train_users or 1)
        self._further = Further(metrics, held_out, known, exclude_seen)
        self._values = {str(m): np.zeros(held_out.n_users) for m in metrics if m.name in OF_EACH_LIST}
        self._cutoffs = [metric.k for metric in metrics if metric.name in OF_ALL_LISTS and metric.k is not None]
        catalogue = held_out.target.shape[1] if known.catalogue is None else known.catalogue
        self._best_places = np.full(catalogue, np.iinfo(np.int32).max, dtype=np.int32)
        self._limits = rating_limits(held_out.history) if of_ratings else (-np.inf, np.inf)
        self._errors: list[RatingErrors] = []
        self._slicing, cutoff = known.slicing, next((m.k for m in metrics if m.k is not None), None)
        self._found = FoundTargets(self._slicing.items, held_out, cutoff) if self._slicing.items and cutoff else None

    @property
    def depth(self) -> int:
        """How long the lists must be; 0 if no metric looks at lists."""
        return max(self._further.depth, *(metric.k or 0 for metric in self._metrics), 0)

    @property
    def needs_scores(self) -> bool:
        """Whether lists are not enough: a metric looks at the score of every item."""
        return any(metric.needs_scores or metric.of_ratings for metric in self._metrics)

    def add_lists(self, rows: slice, lists: TopN) -> None:
        """Judge the lists of the users `rows`, `depth` places or fewer where the catalogue ends."""
        judged = judge(lists, self._held_out.target[rows], self._relevant[rows], self._information)
        for metric in self._metrics:
            if metric.name in OF_EACH_LIST and metric.k is not None:
                self._values[str(metric)][rows] = OF_EACH_LIST[metric.name](judged, metric.k)
        if self._cutoffs:
            lower_best_places(self._best_places, lists.items, self._cutoffs)
        self._further.add_lists(rows, judged)
        if self._found is not None:
            self._found.add_lists(rows, judged)

    def add_scores(self, rows: slice, scores: np.ndarray) -> None:
        """Judge the scores (n_rows, n_items) of the users `rows`, in the order of users: as ratings, as full rankings.

        Predictions are clipped to the range of the ratings in the histories, as published errors are.
        """
        self._further.add_scores(rows, scores)
        if any(metric.of_ratings for metric in self._metrics):
            self._errors.append(rating_errors(scores, self._held_out.target[rows], self._limits))

    def result(self, seconds: float) -> Evaluation:
        """All that was judged."""
        n_items = len(self._best_places)
        of_users = self._values | self._further.per_user
        together = self._further.overall()
        errors = _joined(self._errors) if self._errors else None
        overall = {}
        for metric in self._metrics:
            if metric.name in OF_ALL_LISTS and metric.k is not None:
                overall[str(metric)] = OF_ALL_LISTS[metric.name](self._best_places, n_items, metric.k)
            elif metric.name in OF_RATINGS and errors is not None:
                overall[str(metric)] = float(OF_RATINGS[metric.name](errors.pooled())[0])
            elif str(metric) in together:
                overall[str(metric)] = together[str(metric)]
        per_user = {str(metric): of_users[str(metric)] for metric in self._metrics if str(metric) in of_users}
        slices = user_slices(self._slicing, per_user, self._relevant, errors, [m for m in overall if m in OF_RATINGS])
        if self._found is not None:
            slices += self._found.result()
        return Evaluation(self._held_out.users, per_user, overall, seconds, errors, slices)


def _joined(parts: list[RatingErrors]) -> RatingErrors:
    return RatingErrors(
        squared=np.concatenate([part.squared for part in parts]),
        absolute=np.concatenate([part.absolute for part in parts]),
        count=np.concatenate([part.count for part in parts]),
    )
