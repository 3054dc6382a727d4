"""AUC over the full ranking of the catalogue, with ties counted half, without a loop over users."""

from __future__ import annotations

import numpy as np
from scipy import sparse

BLOCK_SCORES = 4_000_000
"""Scores sorted at a time: bounds the memory to some 100 MB."""


def auc(
    scores: np.ndarray, target: sparse.csr_array, unknown_targets: np.ndarray, seen: sparse.csr_array | None
) -> np.ndarray:
    """Share of pairs of a relevant and another item that are in the right order: the area under the ROC curve.

    auc = 1 / (R N) * sum over the R relevant and the N other items of [s(relevant) > s(other)] + 1/2 [s(relevant) =
    s(other)], with scores s. Hanley and McNeil, "The meaning and use of the area under a receiver operating
    characteristic curve", Radiology 143(1), 1982; for each user as in Rendle et al., "BPR", UAI 2009. The others are
    all items of the catalogue but the targets and what is in `seen`. A target of an unknown item loses all of its
    pairs. Where there is no other item, it is 1/2. scikit-learn: `roc_auc_score`.

    Args:
        scores: (n_users, n_items) float32, not changed.
        target: (n_users, n_items) the relevant items.
        unknown_targets: (n_users,) relevant items that are not in the catalogue.
        seen: (n_users, n_items) items left out of the ranking, none of them a target; None leaves out none.

    Returns:
        (n_users,) float64 from 0 to 1.
    """
    n_users, n_items = scores.shape
    step = max(1, BLOCK_SCORES // max(n_items, 1))
    parts = [
        _auc(scores[part], target[part], unknown_targets[part], None if seen is None else seen[part])
        for part in (slice(start, start + step) for start in range(0, n_users, step))
    ]
    return np.concatenate(parts) if parts else np.zeros(0)


def _auc(
    scores: np.ndarray, target: sparse.csr_array, unknown: np.ndarray, seen: sparse.csr_array | None
) -> np.ndarray:
    n_users, n_items = scores.shape
    keys = _sortable(scores)
    left_out = np.zeros(n_users, dtype=np.int64)
    if seen is not None:
        left_out = np.diff(seen.indptr).astype(np.int64)
        keys[np.repeat(np.arange(n_users), left_out), seen.indices] = 0  # below every score
    counts = np.diff(target.indptr).astype(np.int64)
    owner = np.repeat(np.arange(n_users), counts)
    others = n_items - left_out - counts
    # With the row in the upper half of a key, the rows in a row are one sorted array.
    keys |= np.arange(n_users, dtype=np.uint64)[:, None] << np.uint64(32)
    asked = keys[owner, target.indices]
    keys.sort(axis=1)
    everything = keys.ravel()
    below = np.searchsorted(everything, asked, side="left") - owner * n_items - left_out[owner]
    up_to = np.searchsorted(everything, asked, side="right") - owner * n_items - left_out[owner]
    beaten = np.bincount(owner, weights=(below + up_to) / 2, minlength=n_users)
    # Among themselves the relevant items win half of their pairs, themselves included, whatever the order.
    wins = beaten - counts**2 / 2
    pairs = others * (counts + unknown)
    return np.divide(wins, pairs, out=np.full(n_users, 0.5), where=pairs > 0)


def _sortable(scores: np.ndarray) -> np.ndarray:
    """(n_users, n_items) uint64 from 1 to 2^32 - 1, in the order of the float32 scores; -0 and 0 are equal."""
    bits = (np.asarray(scores, dtype=np.float32) + np.float32(0.0)).view(np.uint32)
    negative = (bits >> np.uint32(31)).astype(bool)
    return np.where(negative, ~bits, bits | np.uint32(1 << 31)).astype(np.uint64)
