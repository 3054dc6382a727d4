"""NDCG with grades: a target that the user rated higher counts more."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from scipy import sparse

from recae.data.split import HeldOut
from recae.errors import DataError
from recae.evaluation.listed import largest, repeated, row_sums
from recae.evaluation.ranking_metrics import JudgedLists

Gain = Callable[[np.ndarray], np.ndarray]


def graded_ndcg(
    lists: JudgedLists, target: sparse.csr_array, unknown_grades: sparse.csr_array, k: int, *, gain: Gain
) -> np.ndarray:
    """Normalised discounted cumulative gain where the gain of a target depends on its rating or weight.

    With rel(i) = the rating (or weight) of the target at place i, 0 where there is none, and ideal(i) = the i-th
    largest grade among all of the user's targets:

    - ndcg-graded@K = sum_{i<=K} rel(i) / log2(i + 1)  /  sum_{i<=K} ideal(i) / log2(i + 1). Järvelin and Kekäläinen,
      "Cumulated gain-based evaluation of IR techniques", ACM TOIS 20(4), 2002. ranx: `ndcg@K`; scikit-learn:
      `ndcg_score(k=K)`; trec_eval: `ndcg_cut_K`.
    - ndcg-exp@K = the same with 2^rel(i) - 1 and 2^ideal(i) - 1. Burges et al., "Learning to rank using gradient
      descent", ICML 2005. ranx: `ndcg_burges@K`.

    Targets of unknown items are never listed and count in the ideal: with their own grade where it is known, and with
    the user's highest otherwise. A user all of whose grades are 0 has 0.

    Args:
        lists: judged lists.
        target: (n_users, n_items) grades, 0 or more.
        unknown_grades: (n_users, m) grades of the targets among unknown items, in any columns.
        k: the cut-off.
        gain: grades to gains.
    """
    discount = 1.0 / np.log2(np.arange(2, k + 2))
    gained: np.ndarray = np.zeros(lists.hits.shape)
    rows, places = np.nonzero(lists.hits)
    gained[rows, places] = gain(_entries(target, rows, lists.items[rows, places]))
    best = largest(sparse.hstack([target, unknown_grades], format="csr"), k)
    most = row_sums(gain(best) * discount[: best.shape[1]])
    reached = row_sums(gained[:, :k] * discount[: gained.shape[1]])
    return np.divide(reached, most, out=np.zeros(len(most)), where=most > 0)


def linear(grades: np.ndarray) -> np.ndarray:
    """The grade itself."""
    return grades


def exponential(grades: np.ndarray) -> np.ndarray:
    """2^grade - 1."""
    return np.exp2(grades) - 1.0


OF_GRADES = {
    "ndcg-graded": partial(graded_ndcg, gain=linear),
    "ndcg-exp": partial(graded_ndcg, gain=exponential),
}
"""Metrics of judged lists and the grades of the targets."""


def _entries(matrix: sparse.csr_array, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """The stored values at these cells, every one of which is stored."""
    n_items = matrix.shape[1]
    owner = np.repeat(np.arange(matrix.shape[0], dtype=np.int64), np.diff(matrix.indptr))
    keys = owner * n_items + matrix.indices
    order = np.argsort(keys)
    found = np.searchsorted(keys, rows.astype(np.int64) * n_items + columns, sorter=order)
    return matrix.data[order[found]].astype(np.float64)


def unknown_grades(held_out: HeldOut) -> sparse.csr_array:
    """(n_users, m) grades of the targets among unknown items: their own, or the highest of the user's where not known.

    Raises:
        DataError: the targets have no grades, or negative ones.
    """
    if held_out.columns.value_kind is None:
        raise DataError("Graded NDCG needs ratings or weights as grades, and the targets have none: take ndcg@K.")
    known = held_out.target
    grades = held_out.outside.matrix if held_out.outside is not None else _highest(known, held_out.unknown_targets)
    if min(known.data.min(initial=0), grades.data.min(initial=0)) < 0:
        raise DataError("Graded NDCG needs grades of 0 or more, and some targets have negative ones.")
    return grades


def _highest(target: sparse.csr_array, unknown: np.ndarray) -> sparse.csr_array:
    """As many entries as each user has unknown targets, with the highest grade of the user's, or else of anybody's."""
    top = np.full(target.shape[0], target.data.max(initial=1.0), dtype=np.float64)
    graded = np.flatnonzero(np.diff(target.indptr))
    if len(graded):
        top[graded] = np.maximum.reduceat(target.data, target.indptr[graded])
    return repeated(unknown, top)
