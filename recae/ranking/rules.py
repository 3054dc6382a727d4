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


def mask(
    scores: np.ndarray, seen: sparse.csr_array | None, barred: np.ndarray | None, *, own: bool | None = None
) -> np.ndarray:
    """`scores` with -inf at the `seen` entries of each row and in the `barred` columns.

    Args:
        scores: (n_rows, n_items) floats.
        seen: (n_rows, n_items) histories, or None. Explicit zeros count as seen.
        barred: (n_items,) bool, or None.
        own: whether `scores` may be changed in place. By default where the array owns its memory; it is copied where
            it is a view or read-only, because it may be the model's own.
    """
    hide_seen = seen is not None and seen.nnz > 0
    hide_items = barred is not None and bool(barred.any())
    if not hide_seen and not hide_items:
        return scores
    if not (scores.flags.owndata and scores.flags.writeable if own is None else own):
        scores = scores.copy()
    if hide_seen:
        hide(scores, seen, -np.inf)
    if barred is not None and hide_items:
        np.copyto(scores, -np.inf, where=barred[None, :])
    return scores


def hide(block: np.ndarray, seen: sparse.csr_array | None, value: np.generic | float) -> None:
    """Write `value` to the `seen` entries of each row of `block` (n_rows, n_items), in place."""
    if seen is None or seen.nnz == 0:
        return
    counts = np.diff(seen.indptr)
    if not block.flags.c_contiguous:
        block[np.repeat(np.arange(len(block)), counts), seen.indices] = value
        return
    # Places in the flat block are found and written in half the time of pairs of row and column.
    places = np.repeat(np.arange(len(block)) * block.shape[1], counts)
    places += seen.indices
    block.reshape(-1)[places] = value


def _checked(positions: np.ndarray, n_items: int, rule: str) -> np.ndarray:
    positions = np.asarray(positions, dtype=np.int64)
    outside = positions[(positions < 0) | (positions >= n_items)]
    if len(outside):
        raise ConfigError(f"The {rule} list names item position {outside[0]}; there are {n_items} items, from 0 on.")
    return positions
