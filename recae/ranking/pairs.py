"""The score of one user and one item by their vectors: one rule in fp32, whatever else is computed beside it."""

from __future__ import annotations

import warnings
from functools import cache

import numpy as np
import torch


def pair_scores(
    queries: torch.Tensor,
    vectors: torch.Tensor,
    bias: torch.Tensor | None,
    row: np.ndarray,
    item: np.ndarray,
) -> np.ndarray:
    """(n,) float32: queries[row] . vectors[item] + bias[item], each pair summed in the same order by itself.

    Args:
        queries: (n_rows, d) float32.
        vectors: (n_items, d) float32, contiguous.
        row: (n,) ascending.
        item: (n,) positions.
    """
    starts = np.searchsorted(row, np.arange(len(queries) + 1))
    items = torch.from_numpy(item)
    with_nothing = bias is None
    start_at = torch.zeros(len(item)) if bias is None else bias[items]
    say_once_that_csr_is_in_beta()
    pairs = torch.sparse_csr_tensor(
        torch.from_numpy(starts), items, start_at, size=(len(queries), len(vectors)), check_invariants=False
    )
    found = torch.sparse.sampled_addmm(pairs, queries, vectors.T, beta=0.0 if with_nothing else 1.0)
    return found.values().numpy()


@cache
def say_once_that_csr_is_in_beta() -> None:
    """torch warns of its sparse tensors once in a process; that is of no use to anybody who ranks."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Sparse CSR tensor support is in beta", UserWarning)
        nothing = torch.zeros(1, dtype=torch.int64)
        torch.sparse_csr_tensor(nothing, nothing[:0], torch.zeros(0), size=(0, 1), check_invariants=False)
