"""Figures of one model, on one split or several, and how sure it is that one model leads another."""

from __future__ import annotations

import numpy as np

from recae.counted import counted
from recae.data.ids import UNKNOWN, IdIndex
from recae.errors import DataError
from recae.evaluation.metrics import LOWER_IS_BETTER
from recae.evaluation.paired import affordable_flips, randomisation_test
from recae.evaluation.rating_metrics import OF_RATINGS, RatingErrors
from recae.evaluation.repeats import SplitFigures, corrected_t_test
from recae.evaluation.result import Evaluation

Figures = Evaluation | SplitFigures
"""Of one model: its values on one split, or its means on each of several."""


def aligned(other: Evaluation, own: IdIndex, name: str) -> Evaluation:
    """`other` with its users in the order of `own`; one that has only means stays as it is.

    Raises:
        DataError: it is about other users; the sentence calls it `name`.
    """
    if other.users == own or not len(other.users):
        return other
    rows = other.users.positions(own.values)
    shared = int(np.count_nonzero(rows != UNKNOWN))
    if shared < len(rows) or len(other.users) != len(rows):
        raise DataError(
            f"{name} was judged on {counted(len(other.users), 'user')}, this on {counted(len(rows), 'user')}, and "
            f"{shared:,} of them are the same: only figures of the same users can be held against each other."
        )
    errors = other.rating_errors
    return Evaluation(
        own,
        {metric: values[rows] for metric, values in other.per_user.items()},
        other.overall,
        rating_errors=None
        if errors is None
        else RatingErrors(errors.squared[rows], errors.absolute[rows], errors.count[rows]),
    )


def mean_of(own: Figures, metric: str) -> float:
    """The mean over users, over splits, or the overall value.

    Raises:
        ValueError: the metric was not measured.
    """
    if isinstance(own, SplitFigures):
        if metric not in own.means:
            raise ValueError(f"{metric} was not measured on every split")
        return float(np.mean(own.means[metric]))
    if metric in own.per_user:
        return float(own.per_user[metric].mean())
    if metric not in own.overall:
        raise ValueError(f"{metric} was not measured")
    return float(own.overall[metric])


def direction(metric: str) -> float:
    """1 where more of the metric is better, -1 where less is."""
    return -1.0 if metric.partition("@")[0] in LOWER_IS_BETTER else 1.0


def lead_p(one: Figures, other: Figures, metric: str, seed: int, lead: float = 0.0) -> float | None:
    """Two-sided p-value that `one` leads `other` by just `lead`; None where nothing can be tested.

    On one split it is the paired randomisation test over users, over several the corrected resampled t-test of the
    splits' means; 1 where a value is not finite.

    Raises:
        ValueError: the figures are of different users or splits.
    """
    if isinstance(one, SplitFigures) and isinstance(other, SplitFigures):
        if len(one.users) != len(other.users):
            raise ValueError("the models were judged on different splits")
        means = direction(metric) * (np.array(one.means[metric]) - np.array(other.means[metric])) - lead
        return corrected_t_test(means, one.test_per_train) if np.isfinite(means).all() else 1.0
    if isinstance(one, SplitFigures) or isinstance(other, SplitFigures):
        return None
    leads = _leads(one, other, metric)
    if leads is None or (lead and metric in OF_RATINGS):
        return None
    if not np.isfinite(leads).all():
        return 1.0
    return randomisation_test(leads - lead, flips=affordable_flips(len(leads)), seed=seed)


def tested_lead_p(one: Figures, other: Figures, metric: str, seed: int) -> float:
    """`lead_p` where something can be tested.

    Raises:
        ValueError: nothing can.
    """
    p = lead_p(one, other, metric, seed)
    if p is None:
        raise ValueError(f"{metric} has no value for every user, so that it cannot be tested over users")
    return p


def _leads(one: Evaluation, other: Evaluation, metric: str) -> np.ndarray | None:
    """(n_users,) what each user adds to the lead of `one` over `other`; None where only means are known.

    Of RMSE and MAE, which are pooled over all ratings, it is the difference of the sums of squared and of absolute
    errors: where both models predict the same ratings, the pooled errors stand in the order of these sums.
    """
    if not len(one.users) or not len(other.users):
        return None
    if one.users != other.users:
        raise ValueError("the models were judged on different users")
    if metric in one.per_user and metric in other.per_user:
        return np.asarray(direction(metric) * (one.per_user[metric] - other.per_user[metric]))
    if metric in OF_RATINGS and one.rating_errors is not None and other.rating_errors is not None:
        kind = "squared" if metric == "rmse" else "absolute"
        return np.asarray(getattr(other.rating_errors, kind) - getattr(one.rating_errors, kind))
    return None
