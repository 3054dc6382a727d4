"""Low-rank regression of a matrix on itself without its diagonal, by alternating directions of multipliers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from scipy import sparse

from recae.models.linear.gram import BLOCK_ITEMS
from recae.models.linear.inverse import sparse_times_dense

BLOCK_NUMBERS = 1 << 24
"""Numbers in one block of users times rank."""
CONJUGATE_STEPS, CONJUGATE_ERROR = 50, 1e-5
"""The system of the U step has a condition number of about 1 + omega / l2: some ten steps are enough."""


def factorize(
    matrix: sparse.csr_array,
    penalty: np.ndarray,
    inverse: np.ndarray,
    start: np.ndarray,
    omega: float,
    iterations: int,
    *,
    done: Callable[[int], None] = lambda rounds: None,
) -> tuple[np.ndarray, np.ndarray]:
    """U and V that make |X - X B|^2 + sum_i penalty_i |B_i|^2 small for B = U V^T - diag(U V^T).

    The diagonal that is left out becomes a variable b of its own, tied to diag(U V^T) by multipliers. With
    G = X^T X, A = G + diag(penalty), w = penalty + omega and the scaled multipliers c, each round minimises

        |X (E + diag b) - X U V^T|^2 + |penalty^1/2 U V^T|^2 - |penalty^1/2 b|^2 + |w^1/2 (diag(U V^T) - b + c)|^2

    over V, over U and over b, and then adds diag(U V^T) - b to c. All four are exact, and b is held at 0 or above:
    where it may be negative it wanders far off before it settles.

    Args:
        matrix: (n_users, n_items) float32: X.
        penalty: (n_items,) positive.
        inverse: (n_items, n_items) float32: A^-1; only read.
        start: (n_items, rank) float32: U at the start; its scale is without effect.

    Returns:
        (n_items, rank) float32 each: U and V.
    """
    blocks = _blocks_of_users(matrix, start.shape[1])
    counts = np.bincount(matrix.indices, weights=np.square(matrix.data), minlength=matrix.shape[1])
    tie = penalty + omega
    left_out, multipliers = np.zeros(len(penalty)), np.zeros(len(penalty))

    encoder, covered = start, _gram_times(blocks, start)
    for _ in range(iterations):
        pull = (tie * (left_out - multipliers)).astype(np.float32)[:, None]
        grown = (1 + left_out).astype(np.float32)[:, None]
        decoder = _decoder(encoder, covered, penalty, tie, covered * grown + pull * encoder)
        encoder = _encoder(decoder, inverse, tie, _gram_times(blocks, grown * decoder) + pull * decoder)
        covered = _gram_times(blocks, encoder)
        diagonal, explained = _row_products(encoder, decoder), _row_products(covered, decoder)
        left_out = (explained - counts + tie * (diagonal + multipliers)) / (counts + omega)
        left_out = np.maximum(left_out, 0)
        multipliers += diagonal - left_out
        done(1)
    return encoder, decoder


def _blocks_of_users(matrix: sparse.csr_array, rank: int) -> list[tuple[sparse.csr_array, sparse.csr_array]]:
    """X and X^T by blocks of users, so that no product with X is of all users at once."""
    size = max(1, BLOCK_NUMBERS // rank)
    blocks = (matrix[start : start + size] for start in range(0, matrix.shape[0], size))
    return [(block, block.T.tocsr()) for block in blocks]


def _gram_times(blocks: list[tuple[sparse.csr_array, sparse.csr_array]], table: np.ndarray) -> np.ndarray:
    """G times (n_items, rank) without G."""
    factor, total = torch.from_numpy(table), torch.zeros(table.shape)
    for block, transposed in blocks:
        total += sparse_times_dense(transposed, sparse_times_dense(block, factor))
    return total.numpy()


def _decoder(
    encoder: np.ndarray, covered: np.ndarray, penalty: np.ndarray, tie: np.ndarray, target: np.ndarray
) -> np.ndarray:
    """The V step: column i solves (U^T A U + tie_i u_i u_i^T) v_i = target_i, by Sherman and Morrison's formula."""
    form = encoder.T @ covered + encoder.T @ (encoder * penalty[:, None])
    inner = _inverse(form)
    free, along = target @ inner, encoder @ inner
    share = tie * _row_products(encoder, free) / (1 + tie * _row_products(encoder, along))
    return free - along * share.astype(np.float32)[:, None]


def _encoder(decoder: np.ndarray, inverse: np.ndarray, tie: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The U step: A U V^T V + diag(tie * diag(U V^T)) V = target.

    With K = V (V^T V)^-1 V^T and y = tie * diag(U V^T), its diagonal part is (tie^-1 + A^-1 o K) y = diag(U_0 V^T)
    for the solution U_0 without ties: a system of n_items, positive definite by Schur's product theorem.
    """
    inner = _inverse(decoder.T @ decoder)
    spread = decoder @ inner
    untied = inverse @ (target @ inner)
    coupled = np.empty_like(inverse)
    for start in range(0, len(inverse), BLOCK_ITEMS):
        rows = slice(start, start + BLOCK_ITEMS)
        np.matmul(spread[rows], decoder.T, out=coupled[rows])
        coupled[rows] *= inverse[rows]
    forces = _conjugate_gradients(coupled, 1 / tie, _row_products(untied, decoder))
    return untied - inverse @ (spread * forces.astype(np.float32)[:, None])


def _conjugate_gradients(matrix: np.ndarray, ridge: np.ndarray, target: np.ndarray) -> np.ndarray:
    """x with (matrix + diag(ridge)) x = target, preconditioned by the diagonal."""
    scale = matrix.diagonal() + ridge
    found = target / scale
    rest = target - (matrix @ found.astype(np.float32) + ridge * found)
    step = scaled = rest / scale
    energy, enough = rest @ scaled, CONJUGATE_ERROR**2 * (target @ (target / scale))
    for _ in range(CONJUGATE_STEPS):
        if energy <= enough:
            break
        product = matrix @ step.astype(np.float32) + ridge * step
        length = energy / (step @ product)
        found, rest = found + length * step, rest - length * product
        scaled = rest / scale
        energy, before = rest @ scaled, energy
        step = scaled + energy / before * step
    return found


def _inverse(form: np.ndarray) -> np.ndarray:
    """The inverse of a symmetric matrix as far as it has one in float32: directions without weight stay out."""
    values, vectors = np.linalg.eigh(form.astype(np.float64))
    kept = values > values[-1] * 1e-6
    found = (vectors[:, kept] / values[kept]) @ vectors[:, kept].T
    return found.astype(np.float32)


def _row_products(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """(n,) float64: row by row the inner products of two (n, width) matrices."""
    return np.einsum("ij,ij->i", left, right).astype(np.float64)
