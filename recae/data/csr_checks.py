"""Whether arrays from a file are a canonical CSR matrix, found out without copying any of them."""

from __future__ import annotations

import numpy as np

_BLOCK = 1 << 20
"""Entries that are looked at at a time: few enough to stay in the processor's cache."""


def csr_complaint(indptr: np.ndarray, indices: np.ndarray, n_columns: int) -> str | None:
    """What keeps `indptr` (n_rows + 1,) and `indices` (nnz,) from being canonical CSR; None if nothing does.

    Canonical: rows follow each other without gaps, columns lie in 0 ... n_columns - 1 and rise within each row. Code
    that trusts its indices, as SciPy's does, never leaves the arrays of such a matrix. Every index is looked at once.
    """
    if indptr[0] != 0 or indptr[-1] != len(indices) or (indptr[1:] < indptr[:-1]).any():
        return "its rows do not follow each other"
    for start in range(0, len(indices), _BLOCK):
        block = indices[start : start + _BLOCK + 1]  # one more, so that the seam is compared as well
        if block.min() < 0 or block.max() >= n_columns:
            return "it has entries outside of its columns"
        falls = start + 1 + np.flatnonzero(block[1:] <= block[:-1])
        # Only where a row begins may the columns fall.
        if not np.array_equal(indptr[np.searchsorted(indptr, falls)], falls):
            return "the columns of a row are not in order"
    return None


def all_finite(values: np.ndarray) -> bool:
    """Whether none of the numbers is NaN or infinite."""
    return all(np.isfinite(values[start : start + _BLOCK]).all() for start in range(0, len(values), _BLOCK))


def all_ones(values: np.ndarray) -> bool:
    """Whether each of the numbers is 1; most arrays with others are told by their first block."""
    return all((values[start : start + _BLOCK] == 1).all() for start in range(0, len(values), _BLOCK))
