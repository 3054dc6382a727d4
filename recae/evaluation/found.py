"""`FoundTargets`: counts hits and targets by groups of items, block by block beside `Judge`."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from recae.data.split import HeldOut
from recae.evaluation.listed import listed_matrix
from recae.evaluation.ranking_metrics import JudgedLists
from recae.evaluation.slice_groups import ItemGroups
from recae.evaluation.slices import ALL, FoundSums, Slice, SliceGroup, found_name

NEW = "new: not in the training data"
"""The label of targets among items that training never saw; no list can hold them."""


class FoundTargets:
    """The sums behind the share of targets found, for every group of several slices at once.

    All sums are of whole numbers, so that they do not depend on how users come in blocks.

    Args:
        slices: groups of the items, which are the columns of `held_out`.
        held_out: the users who are judged.
        k: how many places of a list count.
    """

    def __init__(self, slices: tuple[ItemGroups, ...], held_out: HeldOut, k: int) -> None:
        self._slices, self._held_out, self._k = slices, held_out, k
        n_items = held_out.target.shape[1]
        everything = sparse.csr_array(np.ones((n_items, 1), dtype=np.int64))
        self._members = sparse.hstack([everything, *(groups.members for groups in slices)], format="csr")
        self._sums = np.zeros((6, self._members.shape[1]), dtype=np.int64)
        self._new = np.zeros(6, dtype=np.int64)

    def add_lists(self, rows: slice, lists: JudgedLists) -> None:
        """Count the lists of the users `rows`."""
        of, shape = self._held_out, (len(lists.items), self._members.shape[0])
        target = of.target[rows]
        own = sparse.csr_array((np.ones(target.nnz, dtype=np.int64), target.indices, target.indptr), shape=shape)
        hit = listed_matrix(lists.items, self._k, shape[1], lists.hits).astype(np.int64)
        hits, targets = (np.asarray((part @ self._members).toarray()) for part in (hit, own))
        new = of.unknown_targets[rows]
        targets[:, 0] += new
        self._sums += _sums(hits, targets)
        self._new += _sums(np.zeros((len(new), 1), dtype=np.int64), new[:, None])[:, 0]

    def result(self) -> tuple[Slice, ...]:
        """The share found in every group that has a target."""
        found, start = [], 1
        for groups in self._slices:
            sums = self._sums[:, start : start + len(groups.labels)]
            start += len(groups.labels)
            columns = [(ALL, self._sums[:, 0]), *zip(groups.labels, sums.T, strict=True), (NEW, self._new)]
            shown = tuple(self._group(label, column) for label, column in columns if column[2])
            found.append(Slice(groups.name, "targets", groups.definition, shown))
        return tuple(found)

    def _group(self, label: str, column: np.ndarray) -> SliceGroup:
        sums = FoundSums(*column.tolist())
        return SliceGroup(label, sums.users, sums.targets, {found_name(self._k): sums.share()})


def _sums(hits: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """(6, n_groups): what `FoundSums` holds, of (n_users, n_groups) hits and targets."""
    return np.stack(
        [
            (targets > 0).sum(axis=0),
            hits.sum(axis=0),
            targets.sum(axis=0),
            (hits * hits).sum(axis=0),
            (hits * targets).sum(axis=0),
            (targets * targets).sum(axis=0),
        ]
    )
