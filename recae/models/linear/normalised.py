"""The interaction matrix with its rows and columns divided by the square roots of their sums."""

from __future__ import annotations

import numpy as np
from scipy import sparse


def inverse_roots(counts: np.ndarray) -> np.ndarray:
    """counts ^ -1/2 as float32, and 0 where a count is 0."""
    return np.where(counts > 0, 1 / np.sqrt(np.maximum(counts, 1)), 0).astype(np.float32)


def degree_normalised(binary: sparse.csr_array, item_roots: np.ndarray) -> sparse.csr_array:
    """D_U^-1/2 R D_I^-1/2 for binary rows R, each with its own length in D_U.

    Args:
        item_roots: (n_items,) float32, D_I^-1/2 of the training data.
    """
    lengths = np.diff(binary.indptr)
    values = np.repeat(inverse_roots(lengths), lengths) * item_roots[binary.indices]
    return sparse.csr_array((values, binary.indices, binary.indptr), shape=binary.shape)


def binary_rows(histories: sparse.csr_array) -> sparse.csr_array:
    """The same entries, each with the value 1."""
    ones = np.ones(histories.nnz, dtype=np.float32)
    return sparse.csr_array((ones, histories.indices, histories.indptr), shape=histories.shape)
