"""Test users to learn from: those whom the best model serves worst, and those about whom the models disagree most."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recae.data.split import HeldOut
from recae.errors import RecaeError
from recae.evaluation.metrics import LOWER_IS_BETTER
from recae.evaluation.result import Evaluation
from recae.jobs.examples import PLACES, example_users, lists_for
from recae.models.registry import load
from recae.ranking.lists import TopN
from recae.reports.comparison import ErrorExample
from recae.reports.verdict import POPULARITY

EACH = 3
"""Users of each kind."""


@dataclass(frozen=True, eq=False)
class Picked:
    """Users to show: first the badly served, then the disputed."""

    rows: np.ndarray
    """(n_users,) their positions among all test users."""
    users: HeldOut
    n_worst: int
    values: dict[str, np.ndarray]
    """Model name -> (n_users,) the metric by which they were picked."""
    best: str
    """The model with the best mean, who serves the first of them worst."""


def pick_users(evaluations: Mapping[str, Evaluation], metric: str, test: HeldOut) -> Picked | None:
    """Users of `test` by their values of `metric`; None where it has no value for every user.

    Worst: the lowest values (of an error the highest) of the model with the best mean; of equal ones those with more
    targets first. Disagreed: the largest differences between the best and the worst model, popularity left out where
    there are two others. Users without a history, or without a target that training knew, are never picked.
    """
    if any(metric not in one.per_user for one in evaluations.values()):
        return None
    sign = -1.0 if metric.partition("@")[0] in LOWER_IS_BETTER else 1.0
    values = {name: sign * one.per_user[metric] for name, one in evaluations.items()}
    rows = np.flatnonzero(test.relevant_counts())  # those who were judged
    known, history = np.diff(test.target.indptr)[rows], np.diff(test.history.indptr)[rows]
    able = np.flatnonzero((known > 0) & (history > 0))
    if not len(able):
        return None
    best = min(values, key=lambda name: (-values[name].mean(), name))
    worst = able[np.lexsort((able, -known[able], values[best][able]))][:EACH]
    disputed = _disputed(values, np.setdiff1d(able, worst))
    chosen = np.concatenate((worst, disputed))
    told = {name: sign * own[chosen] for name, own in values.items()}
    return Picked(rows[chosen], test.select(rows[chosen]), len(worst), told, best)


def error_examples(
    picked: Picked, lists: Mapping[str, TopN], titles: list[str], item_counts: np.ndarray, test: HeldOut
) -> tuple[ErrorExample, ...]:
    """The picked users with the lists of the models, by titles; `item_counts` are of the training data."""
    usual = float(np.median(item_counts[test.target.indices]))
    return tuple(
        ErrorExample(
            kind="worst" if row < picked.n_worst else "disagreed",
            user=user,
            values={name: float(values[row]) for name, values in picked.values.items()},
            history_items=int(np.diff(picked.users.history.indptr)[row]),
            hidden_items=int(np.diff(picked.users.target.indptr)[row]),
            hidden_users=float(np.median(item_counts[picked.users.target[[row]].indices])),
            usual_users=usual,
            best=picked.best,
        )
        for row, user in enumerate(example_users(picked.users, lists, titles))
    )


def examples_of_one(
    name: str,
    evaluation: Evaluation,
    test: HeldOut,
    titles: list[str],
    item_counts: np.ndarray | None,
    lists: Callable[[Picked], TopN],
) -> tuple[ErrorExample, ...]:
    """The users whom one model, or anybody's `lists`, serves worst by the first metric with values per user.

    Positions beyond `titles` in the lists are items that nobody knows. Without `item_counts` nobody has an item.
    """
    metric = next(iter(evaluation.per_user), None)
    picked = None if metric is None else pick_users({name: evaluation}, metric, test)
    if picked is None:
        return ()
    listed = lists(picked)
    known = TopN(np.minimum(listed.items[:, :PLACES], len(titles)), listed.scores[:, :PLACES])
    counts = np.zeros(len(titles), dtype=np.int64) if item_counts is None else item_counts
    return error_examples(picked, {name: known}, [*titles, "(unknown item)"], counts, test)


def saved_lists(folder: Path, names: Sequence[str], users: HeldOut) -> dict[str, TopN]:
    """What the saved models in the subfolders `names` of `folder` list for `users`; one is in memory at a time.

    A model that cannot be opened has no list: a comparison does not fail for its examples.
    """
    found = {}
    for name in names:
        try:
            found[name] = lists_for(load(folder / name), users)
        except (RecaeError, MemoryError):
            continue
    return found


def _disputed(values: Mapping[str, np.ndarray], able: np.ndarray) -> np.ndarray:
    names = [name for name in values if name != POPULARITY or len(values) < 3]
    if len(names) < 2 or not len(able):
        return able[:0]
    together = np.stack([values[name][able] for name in names])
    spread = together.max(axis=0) - together.min(axis=0)
    order: np.ndarray = np.lexsort((able, -spread))
    return able[order[spread[order] > 0]][:EACH]
