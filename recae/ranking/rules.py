"""`Rules`: what may be listed at all, applied to a block of scores before it is ranked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from recae.errors import ConfigError


@dataclass(frozen=True, eq=False)
class Rules:
    """What no list may contain; a rule can shorten a list but never changes a score."""

    exclude_seen: bool = True
    """Leave out the items of each user's own history."""
    allow: np.ndarray | None = None
    """Item positions that may be listed; None allows all."""
    deny: np.ndarray | None = None
    """Item positions that may not be listed, even if they are allowed."""

    def barred(self, n_items: int) -> np.ndarray | None:
        """(n_items,) bool: items that nobody may get; None where there is no such rule.

        Raises:
            ConfigError: a position is not in 0 ... n_items-1.
        """
        if self.allow is None and self.deny is None:
            return None
        barred = np.full(n_items, self.allow is not None)
        if self.allow is not None:
            barred[_checked(self.allow, n_items, "allow")] = False
        if self.deny is not None:
            barred[_checked(self.deny, n_items, "deny")] = True
        return barred


UNSEEN_ONLY = Rules()
"""The usual rules: anything the user has not seen."""


def mask(scores: np.ndarray, seen: sparse.csr_array | None, barred: np.ndarray | None) -> np.ndarray:
    """`scores` with -inf at the `seen` entries of each row and in the `barred` columns.

    Args:
        scores: (n_rows, n_items) floats. Changed in place where the array owns its memory; copied where it is a
            view or read-only, because it may be the model's own.
        seen: (n_rows, n_items) histories, or None. Explicit zeros count as seen.
        barred: (n_items,) bool, or None.
    """
    hide_seen = seen is not None and seen.nnz > 0
    hide_items = barred is not None and bool(barred.any())
    if not hide_seen and not hide_items:
        return scores
    if not (scores.flags.owndata and scores.flags.writeable):
        scores = scores.copy()
    if seen is not None and hide_seen:
        rows = np.repeat(np.arange(seen.shape[0]), np.diff(seen.indptr))
        scores[rows, seen.indices] = -np.inf
    if barred is not None and hide_items:
        np.copyto(scores, -np.inf, where=barred[None, :])
    return scores


def _checked(positions: np.ndarray, n_items: int, rule: str) -> np.ndarray:
    positions = np.asarray(positions, dtype=np.int64)
    outside = positions[(positions < 0) | (positions >= n_items)]
    if len(outside):
        raise ConfigError(f"The {rule} list names item position {outside[0]}; there are {n_items} items, from 0 on.")
    return positions
