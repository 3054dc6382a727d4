"""The inverse of a symmetric positive definite matrix in its own memory, at sizes where 32-bit LAPACK gives up."""

from __future__ import annotations

from collections.abc import Callable

import torch

from recae.models.linear.product import subtract_product, times_transposed

PIVOT, TILE = 512, 1024


def inverse_in_place(
    matrix: torch.Tensor,
    *,
    pivot: int = PIVOT,
    tile: int = TILE,
    done: Callable[[int], None] = lambda rows: None,
) -> None:
    """Replace the symmetric positive definite (n, n) float32 `matrix` by its inverse.

    Block Gauss-Jordan elimination (the sweep operator): with K the pivot rows and R all others,

        A_KK <- -A_KK^-1,   A_RK <- A_RK A_KK^-1,   A_RR <- A_RR - A_RK A_KK^-1 A_KR

    for one block of pivots after the other leaves the negative inverse. The pivot blocks are Schur complements
    of a positive definite matrix, so no pivoting is needed; they are inverted in float64. Only the lower
    triangle is read and updated, in tiles of matrix products: n^3 multiply-adds in all, beside the matrix
    about 2 * n * `pivot` + `tile` * n numbers. No single call sees more than a tile of rows, so that sizes
    beyond 2^31 entries are safe whatever integers the BLAS counts with. `done` hears of each block of rows.

    Source: Goodnight (1979): A tutorial on the SWEEP operator. The American Statistician 33(3).

    Raises:
        ValueError: the matrix is not positive definite to the precision of float32.
    """
    n = matrix.shape[0]
    for start in range(0, n, pivot):
        stop = min(start + pivot, n)
        _sweep(matrix, start, stop, tile)
        done(stop - start)
    for top in range(0, n, tile):
        rows = slice(top, min(top + tile, n))
        matrix[rows, : rows.stop].neg_()
    mirror_lower(matrix, tile)


def _sweep(matrix: torch.Tensor, start: int, stop: int, tile: int) -> None:
    n = matrix.shape[0]
    inverse = _pivot_inverse(matrix[start:stop, start:stop], start)
    # The column of the pivot: above the diagonal it stands, transposed, in the pivot's own rows.
    column = torch.empty((n, stop - start), dtype=matrix.dtype)
    column[:start] = matrix[start:stop, :start].T
    column[start:stop] = 0
    column[stop:] = matrix[stop:, start:stop]
    scaled = torch.empty_like(column)
    for top in range(0, n, tile):
        rows = slice(top, min(top + tile, n))
        scaled[rows] = times_transposed(column[rows], inverse)
        subtract_product(matrix[rows, : rows.stop], scaled[rows], column[: rows.stop])
    matrix[start:stop, :start] = scaled[:start].T
    matrix[stop:, start:stop] = scaled[stop:]
    matrix[start:stop, start:stop] = -inverse


def _pivot_inverse(block: torch.Tensor, start: int) -> torch.Tensor:
    lower = torch.tril(block).double()
    factor, failed = torch.linalg.cholesky_ex(lower)
    if int(failed) or not bool(torch.isfinite(factor).all()):
        raise ValueError(f"the matrix is not positive definite in float32 (near row {start + max(int(failed) - 1, 0)})")
    return torch.cholesky_inverse(factor).to(block.dtype)


def mirror_lower(matrix: torch.Tensor, tile: int = TILE) -> None:
    """Make (n, n) `matrix` symmetric, in place: its lower triangle, transposed, becomes the upper one."""
    n = matrix.shape[0]
    for top in range(0, n, tile):
        rows = slice(top, min(top + tile, n))
        matrix[: rows.start, rows] = matrix[rows, : rows.start].T
        corner = matrix[rows, rows]
        corner.copy_(torch.tril(corner) + torch.tril(corner, -1).T)
