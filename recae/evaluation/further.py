"""`Further`: computes the metrics that need more than lists and targets, block by block beside `Judge`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from scipy import sparse

from recae.data.split import HeldOut
from recae.evaluation.background import Background
from recae.evaluation.disparity import GAPS, by_history_length, group_gap
from recae.evaluation.exposure import OF_EXPOSURE, exposures
from recae.evaluation.feature_metrics import Vectors, intra_list_distance, miscalibration, serendipity, unexpectedness
from recae.evaluation.full_ranking import auc
from recae.evaluation.graded import OF_GRADES, unknown_grades
from recae.evaluation.listed import largest, listed_counts, pattern, repeated
from recae.evaluation.metrics import Metric
from recae.evaluation.popularity_metrics import (
    average_popularity,
    inverse_propensities,
    normalised_propensity_scored_precision,
    popularity_lift,
    propensity_scored_precision,
)
from recae.evaluation.rank_metrics import OF_HITS, r_precision
from recae.evaluation.ranking_metrics import OF_EACH_LIST, JudgedLists

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Block:
    """What is known about the users of one block, row by row beside their lists."""

    known: Background
    history: sparse.csr_array
    target: sparse.csr_array
    unknown_targets: np.ndarray
    unknown_grades: sparse.csr_array | None
    inverse: np.ndarray | None
    """`inverse_propensities` of the items."""

    @property
    def vectors(self) -> Vectors:
        if self.known.unit_vectors is None:
            raise ValueError("a metric was asked for without item vectors")
        return self.known.unit_vectors

    def best_inverse(self, k: int) -> np.ndarray:
        inverse = _there(self.inverse)
        weights = (inverse[self.target.indices], self.target.indices, self.target.indptr)
        own = sparse.csr_array(weights, shape=self.target.shape)
        unknown = repeated(self.unknown_targets, np.full(len(self.unknown_targets), inverse[-1]))
        return largest(sparse.hstack([own, unknown], format="csr"), k)


BlockMetric = Callable[[JudgedLists, Block, int], np.ndarray]

OF_BLOCKS: dict[str, BlockMetric] = {
    "psp": lambda lists, block, k: propensity_scored_precision(lists, _there(block.inverse), k),
    "npsp": lambda lists, block, k: normalised_propensity_scored_precision(
        lists, _there(block.inverse), block.best_inverse(k), k
    ),
    "popularity": lambda lists, block, k: average_popularity(lists, _there(block.known.popularity), k),
    "ild": lambda lists, block, k: intra_list_distance(lists, block.vectors, k),
    "unexpectedness": lambda lists, block, k: unexpectedness(lists, block.vectors, block.history, k),
    "serendipity": lambda lists, block, k: serendipity(lists, block.vectors, block.history, k),
    "miscalibration": lambda lists, block, k: miscalibration(lists, _there(block.known.genre_shares), block.history, k),
}
"""Metrics with a value for every user that know something about the items."""


class Further:
    """Collects the metrics of `metrics` that are not those of `recae.evaluation.ranking_metrics` or of ratings.

    Args:
        metrics: all metrics that were asked for; those that belong to others are passed over.
        held_out: the users, all of whom have targets.
        known: facts about the items, and groups of the users; `check_needs` says whether they suffice.
        exclude_seen: the histories are not ranked.
    """

    def __init__(self, metrics: Sequence[Metric], held_out: HeldOut, known: Background, exclude_seen: bool) -> None:
        self._held_out, self._known, self._exclude_seen = held_out, known, exclude_seen
        self._relevant = held_out.relevant_counts()
        self._metrics = [m for m in metrics if m.name in _PER_USER or m.name in _OVERALL]
        names = {metric.name for metric in self._metrics}
        self.per_user = {str(m): np.zeros(held_out.n_users) for m in self._metrics if m.name in _PER_USER}
        n_items = held_out.target.shape[1] if known.catalogue is None else known.catalogue
        self._exposures = {m.k: np.zeros(n_items, dtype=np.int64) for m in self._metrics if m.name in OF_EXPOSURE}
        self._kept = {str(m): np.zeros(held_out.n_users) for m in self._metrics if m.name in ("popularity-lift", *GAPS)}
        self._groups = (
            None
            if names.isdisjoint(GAPS)
            else by_history_length(held_out.history)
            if known.user_groups is None
            else known.user_groups
        )
        self._grades = None if names.isdisjoint(OF_GRADES) else unknown_grades(held_out)
        self._inverse = (
            None
            if names.isdisjoint(("psp", "npsp")) or known.item_counts is None
            else inverse_propensities(known.item_counts, known.n_train_users or 1)
        )

    @property
    def depth(self) -> int:
        """How long the lists must be for R-precision; cut-offs are the caller's business."""
        wanted = any(metric.name == "rprecision" for metric in self._metrics)
        return int(self._relevant.max(initial=0)) if wanted else 0

    def add_lists(self, rows: slice, lists: JudgedLists) -> None:
        """Judge the lists of the users `rows`."""
        if not self._metrics:
            return
        block = self._block(rows)
        for metric in self._metrics:
            if metric.name == "rprecision":
                self.per_user[str(metric)][rows] = r_precision(lists)
            elif metric.k is not None:
                self._add(metric, metric.k, rows, lists, block)
        for k, counts in self._exposures.items():
            np.add(counts, exposures(lists.items, k or 0, len(counts)), out=counts)

    def add_scores(self, rows: slice, scores: np.ndarray) -> None:
        """Judge the full ranking (n_rows, n_items) of the users `rows`; the scores are not changed."""
        if "auc" in self.per_user:
            of = self._held_out
            seen = of.history[rows] if self._exclude_seen else None
            self.per_user["auc"][rows] = auc(scores, of.target[rows], of.unknown_targets[rows], seen)

    def overall(self) -> dict[str, float]:
        """The metrics that belong to all users together."""
        return {str(metric): self._overall(metric) for metric in self._metrics if metric.name in _OVERALL}

    def _block(self, rows: slice) -> Block:
        of = self._held_out
        grades = None if self._grades is None else self._grades[rows]
        return Block(self._known, of.history[rows], of.target[rows], of.unknown_targets[rows], grades, self._inverse)

    def _add(self, metric: Metric, k: int, rows: slice, lists: JudgedLists, block: Block) -> None:
        name = str(metric)
        if metric.name in OF_HITS:
            self.per_user[name][rows] = OF_HITS[metric.name](lists, k)
        elif metric.name in OF_GRADES:
            self.per_user[name][rows] = OF_GRADES[metric.name](lists, block.target, _there(block.unknown_grades), k)
        elif metric.name in OF_BLOCKS:
            self.per_user[name][rows] = OF_BLOCKS[metric.name](lists, block, k)
        elif metric.name in GAPS:
            self._kept[name][rows] = OF_EACH_LIST[GAPS[metric.name]](lists, k)
        elif metric.name == "popularity-lift":
            of_lists = average_popularity(lists, _there(self._known.popularity), k)
            self._kept[name][rows] = np.where(listed_counts(lists.items, k) > 0, of_lists, np.nan)

    def _overall(self, metric: Metric) -> float:
        if metric.name in GAPS:
            return group_gap(self._kept[str(metric)], _there(self._groups))
        if metric.name == "popularity-lift":
            history = pattern(self._held_out.history)
            lengths = np.diff(history.indptr)
            total = history @ _there(self._known.popularity)
            before = np.divide(total, lengths, out=np.full(len(lengths), np.nan), where=lengths > 0)
            return popularity_lift(self._kept[str(metric)], before)
        return OF_EXPOSURE[metric.name](self._exposures[metric.k], self._held_out.n_users, metric.k or 0)


_PER_USER = frozenset(["rprecision", "auc", *OF_HITS, *OF_GRADES, *OF_BLOCKS])
_OVERALL = frozenset(["popularity-lift", *OF_EXPOSURE, *GAPS])


def _there(value: T | None) -> T:
    if value is None:
        raise ValueError("a metric was asked for without what it needs")
    return value
