"""Users found for given items: the least-squares step of ALS for any histories, in batches."""

from __future__ import annotations

import numpy as np
import torch
from scipy import sparse

from recae.models.linear.gram import sum_of_rows

BATCH_BYTES = 128 << 20


def fold_in(histories: sparse.csr_array, item_factors: np.ndarray, l2: float, confidence: float) -> np.ndarray:
    """The factors that ALS would give users with these histories while the items stay as they are.

    For each row with items I, solves (Hu, Koren, Volinsky, 2008, equation 4)

        (Y^T Y + (confidence - 1) Y_I^T Y_I + l2 E) x = confidence * sum of Y_I

    Args:
        histories: (n_rows, n_items), read as which items are there.
        item_factors: (n_items, factors) float32: Y.
        l2: the L2 penalty on a user's factors.
        confidence: weight of an interaction, where an absent one weighs 1.

    Returns:
        (n_rows, factors) float32; zeros for an empty history.
    """
    factors = item_factors.shape[1]
    items = torch.from_numpy(item_factors)
    base = items.T @ items
    base.diagonal().add_(l2)
    wanted = torch.from_numpy(sum_of_rows(histories, item_factors)).mul_(confidence)
    if confidence == 1:
        # The system is then the same for every user.
        return torch.cholesky_solve(wanted.T, torch.linalg.cholesky(base)).T.contiguous().numpy()
    solved = torch.empty_like(wanted)
    rows = max(1, BATCH_BYTES // (4 * factors * factors))
    for start in range(0, histories.shape[0], rows):
        stop = min(start + rows, histories.shape[0])
        systems = base.repeat(stop - start, 1, 1)
        for row in range(start, stop):
            own = items[histories.indices[histories.indptr[row] : histories.indptr[row + 1]]]
            systems[row - start].addmm_(own.T, own, alpha=confidence - 1)
        lower = torch.linalg.cholesky(systems)
        solved[start:stop] = torch.cholesky_solve(wanted[start:stop, :, None], lower)[:, :, 0]
    return solved.numpy()
