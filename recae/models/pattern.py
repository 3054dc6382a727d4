"""Sparse matrices as arrays in a model folder, checked when they come back."""

from __future__ import annotations

import numpy as np
from scipy import sparse

from recae.models.base import Weights
from recae.store.tensors import expect


def csr_weights(
    matrix: sparse.csr_array, values: str = "values", columns: str = "columns", starts: str = "starts"
) -> Weights:
    """The three arrays of `matrix`, under these names: float32 values, int32 columns, int64 starts."""
    return {values: matrix.data, columns: matrix.indices.astype(np.int32), starts: matrix.indptr.astype(np.int64)}


def restore_csr(
    weights: Weights,
    n_items: int,
    values: str = "values",
    columns: str = "columns",
    starts: str = "starts",
) -> sparse.csr_array:
    """(n_items, n_items) float32 from what `csr_weights` gave, under the same names.

    Raises:
        KeyError: an array is missing.
        ValueError: the arrays describe no such matrix.
    """
    begins = expect(weights, starts, (n_items + 1,), np.int64)
    items = expect(weights, columns, (None,), np.int32)
    _check(begins, items, n_items, starts, columns)
    return sparse.csr_array((expect(weights, values, items.shape), items, begins), shape=(n_items, n_items))


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
    _check(starts, items, n_items, "row_starts", "row_items")
    ones = np.ones(len(items), dtype=np.float32)
    return sparse.csr_array((ones, items, starts), shape=(len(starts) - 1, n_items))


def _check(starts: np.ndarray, items: np.ndarray, n_items: int, starts_name: str, items_name: str) -> None:
    if not len(starts) or starts[0] != 0 or starts[-1] != len(items) or (np.diff(starts) < 0).any():
        raise ValueError(f"{starts_name} does not divide {items_name}")
    if len(items) and not 0 <= items.min() <= items.max() < n_items:
        raise ValueError(f"{items_name} names an item that the model does not have")
