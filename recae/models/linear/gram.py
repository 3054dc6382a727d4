"""Products of sparse histories with dense item-item matrices, without any large intermediate."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from recae.bags import bag_sums

BLOCK_ITEMS = 1024


def gram(matrix: sparse.csr_array, out: np.ndarray | None = None) -> np.ndarray:
    """X^T X as one dense array, for X of (n_users, n_items) float32.

    A block of rows at a time, so that the sparse product never stands beside the dense one.

    Args:
        out: (n_items, n_items) float32, contiguous, to write to; made where it is None.

    Returns:
        (n_items, n_items) float32, symmetric; exact where X is binary and no item has more than 2^24 users.
    """
    n_items = matrix.shape[1]
    by_item = matrix.T.tocsr()
    dense = np.empty((n_items, n_items), dtype=np.float32) if out is None else out
    n_products = int(np.square(np.diff(matrix.indptr), dtype=np.int64).sum())
    # MKL adds the products straight into a dense matrix: the quicker way where few of the sums remain zero.
    straight = n_products > n_items**2 and torch.backends.mkl.is_available()
    multiply = _into_dense(matrix) if straight else _by_way_of_sparse(matrix)
    for start in range(0, n_items, BLOCK_ITEMS):
        rows = slice(start, min(start + BLOCK_ITEMS, n_items))
        multiply(by_item[rows], dense[rows])
    return dense


_Multiply = Callable[[sparse.csr_array, np.ndarray], None]
"""Write the product of a sparse block, from the left, to a dense one."""


def _by_way_of_sparse(matrix: sparse.csr_array) -> _Multiply:
    def multiply(block: sparse.csr_array, out: np.ndarray) -> None:
        (block @ matrix).toarray(out=out)

    return multiply


def _into_dense(matrix: sparse.csr_array) -> _Multiply:
    right = _as_tensor(matrix)

    def multiply(block: sparse.csr_array, out: np.ndarray) -> None:
        into = torch.from_numpy(out)
        torch.addmm(into, _as_tensor(block), right, beta=0.0, out=into)

    return multiply


def _as_tensor(matrix: sparse.csr_array) -> Tensor:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # it calls this layout new
        return torch.sparse_csr_tensor(
            torch.from_numpy(matrix.indptr.astype(np.int64)),
            torch.from_numpy(matrix.indices.astype(np.int64)),
            torch.from_numpy(matrix.data),
            matrix.shape,
            check_invariants=False,
        )


def sum_of_rows(histories: sparse.csr_array, table: np.ndarray) -> np.ndarray:
    """The sum of the rows of `table` at the items of each history, whatever the histories' values.

    Each row is summed in the order of its own items, so it does not depend on the rows beside it.

    Args:
        histories: (n_rows, n_items).
        table: (n_items, width) float32.

    Returns:
        (n_rows, width) float32; zeros for an empty history.
    """
    items = torch.from_numpy(histories.indices.astype(np.int64))
    starts = torch.from_numpy(histories.indptr[:-1].astype(np.int64))
    return bag_sums(items, torch.from_numpy(table), starts).numpy()
