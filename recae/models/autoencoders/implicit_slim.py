"""ImplicitSLIM: item embeddings refined by what SLIM knows of the items, without its item-item matrix.

Shenbin, Nikolenko 2024, "ImplicitSLIM and how it improves embedding-based collaborative filtering" (ICLR).
"""

from __future__ import annotations

import numpy as np
from scipy import linalg, sparse

_BLOCK_BYTES = 64 << 20


def implicit_slim(
    embeddings: np.ndarray, interactions: sparse.csr_array, l2: float, alpha: float, threshold: int
) -> np.ndarray:
    """(n_items, latent) float32: the embeddings near the given ones that SLIM's weights reconstruct best.

    SLIM with an L2 penalty and a zero diagonal has I - B = C^-1 diag(C^-1)^-1 with C = X^T X + l2 I. The result V
    minimises

        |(I - B)^T V|^2 + alpha |A^T (V - W)|^2

    where W are the given embeddings and A is W with the rows of items of fewer than `threshold` users at zero. With
    diag(C^-1) taken for D = diag(C)^-1, the inverse of (I - B)(I - B)^T is P = C D^2 C, and by Woodbury's identity

        V = P A (I / alpha + A^T P A)^-1 A^T W

    so that C is only ever multiplied with (n_items, latent) matrices.

    Args:
        embeddings: (n_items, latent): W.
        interactions: (n_users, n_items) of ones: X.
    """
    users = np.bincount(interactions.indices, minlength=interactions.shape[1])
    kept = np.where((users >= threshold)[:, None], embeddings, 0).astype(np.float64)
    scale = 1 / (users + l2) ** 2
    product = _gram_times(interactions, l2, scale[:, None] * _gram_times(interactions, l2, kept))
    system = kept.T @ product
    system[np.diag_indices_from(system)] += 1 / alpha
    mixing = linalg.solve(system, kept.T @ embeddings, assume_a="pos", overwrite_a=True)
    refined: np.ndarray = (product @ mixing).astype(np.float32)
    return refined


def _gram_times(interactions: sparse.csr_array, l2: float, dense: np.ndarray) -> np.ndarray:
    """(X^T X + l2 I) dense, in blocks of users."""
    total = l2 * dense
    rows = max(1, _BLOCK_BYTES // (8 * dense.shape[1]))
    for start in range(0, interactions.shape[0], rows):
        block = interactions[start : start + rows]
        total += block.T @ (block @ dense)
    return total
