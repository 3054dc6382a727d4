"""Which items each row has, as two arrays in a model folder."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from recae.models.base import Weights
from recae.store.tensors import expect


def pattern_weights(rows: sparse.csr_array) -> Weights:
    """The entries of `rows`, without their values."""
    return {"row_items": rows.indices.astype(np.int32), "row_starts": rows.indptr.astype(np.int64)}


def restore_pattern(weights: Weights, n_items: int) -> sparse.csr_array:
    """(n_rows, n_items) with the value 1 at every entry that `pattern_weights` kept.

    Raises:
        KeyError: an array is missing.
        ValueError: the arrays describe no such matrix.
    """
    starts = expect(weights, "row_starts", (None,), np.int64)
    items = expect(weights, "row_items", (None,), np.int32)
    if not len(starts) or starts[0] != 0 or starts[-1] != len(items) or (np.diff(starts) < 0).any():
        raise ValueError("row_starts does not divide row_items")
    if len(items) and not 0 <= items.min() <= items.max() < n_items:
        raise ValueError("row_items names an item that the model does not have")
    ones = np.ones(len(items), dtype=np.float32)
    return sparse.csr_array((ones, items, starts), shape=(len(starts) - 1, n_items))
