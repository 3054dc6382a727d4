"""Non-negative elastic nets for all columns of a Gram matrix, exact, many columns at a time."""

from __future__ import annotations

from collections.abc import Callable

import torch
from scipy import sparse
from torch import Tensor
from torch.nn import functional

BLOCK_COLUMNS = 256
_FIRST = 48
"""Candidates that a column starts with, and at least as many as may join it in a round."""
_BATCH_NUMBERS = 1 << 22
"""Numbers in the small matrices that are solved at once."""
_TOLERANCE = 1e-5
"""An item may pull at its weight of 0 with this share of the column's strongest pull at the start, not more."""
_MOST_ROUNDS = 100
_PATIENCE = 3
_MOST_EXCHANGES = 300


def solve_columns(
    gram: Tensor, l1: float, l2: float, *, done: Callable[[int], None] = lambda columns: None
) -> sparse.csr_array:
    """For each column j: the w >= 0 with w_j = 0 that minimises w' (G + l2 E) w / 2 - w' (G_j - l1).

    An active set of candidates per column: the small problem on the candidates is solved, its gradient is found for
    all items, and items whose weight it would raise above 0 become candidates, until there are none.

    Args:
        gram: (n, n) float32, symmetric: G = X^T X.
        done: hears how many columns were solved.

    Returns:
        (n, n) float32 W with sorted indices and no stored zeros; the w of column j in column j.
    """
    n = len(gram)
    blocks = []
    for start in range(0, n, BLOCK_COLUMNS):
        columns = torch.arange(start, min(start + BLOCK_COLUMNS, n))
        blocks.append(_solve_block(gram, columns, l1, l2))
        done(len(columns))
    solved = sparse.vstack(blocks, format="csr").T.tocsr()
    solved.sort_indices()
    return solved


def _solve_block(gram: Tensor, columns: Tensor, l1: float, l2: float) -> sparse.csr_array:
    """(n_columns, n): the w of each column in a row."""
    target = gram[columns] - l1
    target.scatter_(1, columns[:, None], -torch.inf)  # no item explains itself
    limit = _TOLERANCE * target.amax(dim=1).clamp(min=0)
    open_ = torch.arange(len(columns))
    items, real = _strongest(target, limit, _FIRST)
    if not items.shape[1]:
        return sparse.csr_array(target.shape, dtype="float32")
    weights = torch.zeros(items.shape, dtype=torch.float64)
    solved: list[tuple[Tensor, Tensor, Tensor]] = []
    for left in reversed(range(_MOST_ROUNDS)):
        before = weights > 0
        weights = _solve_small(gram, target[open_], items, real, weights, l2)
        explained = functional.embedding_bag(items, gram, mode="sum", per_sample_weights=weights.float())
        pull = target[open_] - explained
        row, place = real.nonzero(as_tuple=True)
        pull[row, items[row, place]] = -torch.inf
        more, wanted = _strongest(pull, limit[open_], max(_FIRST, items.shape[1] // 2))
        # Where none of those that joined stayed, what pulls is the rounding of float32.
        going = wanted.any(dim=1) & ((weights > 0) & ~before).any(dim=1)
        if not left:
            going = torch.zeros_like(going)
        row, place = (weights * ~going[:, None]).nonzero(as_tuple=True)
        solved.append((open_[row], items[row, place], weights[row, place]))
        open_ = open_[going]
        if len(open_) == 0:
            break
        items, real, weights = _joined(items[going], weights[going], more[going], wanted[going])
    rows, found, values = (torch.cat(parts).numpy() for parts in zip(*solved, strict=True))
    return sparse.coo_array((values.astype("float32"), (rows, found)), shape=target.shape).tocsr()


def _strongest(pull: Tensor, limit: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """(n_columns, count) items of the strongest pull, and which of them pull more than `limit` (n_columns,)."""
    best = pull.topk(min(count, pull.shape[1]), dim=1)
    wanted = best.values > limit[:, None]
    width = int(wanted.sum(dim=1).max()) if len(wanted) else 0
    return best.indices[:, :width], wanted[:, :width]


def _joined(items: Tensor, weights: Tensor, more: Tensor, wanted: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Candidates with a weight and those that join them; candidates left at 0 leave, for the width is costly."""
    real = torch.cat([weights > 0, wanted], dim=1)
    order = torch.argsort(~real, dim=1, stable=True)
    order = order[:, : int(real.sum(dim=1).max()) if len(real) else 0]
    both = torch.cat([items, more], dim=1)
    known = torch.cat([weights, torch.zeros(wanted.shape, dtype=weights.dtype)], dim=1)
    return both.gather(1, order), real.gather(1, order), known.gather(1, order)


def _solve_small(gram: Tensor, target: Tensor, items: Tensor, real: Tensor, weights: Tensor, l2: float) -> Tensor:
    """(n_columns, width) float64: the solution on the candidates `items` that are `real`, 0 for the others."""
    width = items.shape[1]
    size = max(1, _BATCH_NUMBERS // max(width * width, 1))
    solved = []
    for rows in torch.arange(len(items)).split(size):
        own = items[rows]
        squares = gram[own[:, :, None], own[:, None, :]].double()
        squares.diagonal(dim1=1, dim2=2).add_(l2)
        wish = target[rows].gather(1, own).double().masked_fill_(~real[rows], 0)
        solved.append(non_negative(squares, wish, real[rows], weights[rows] > 0))
    return torch.cat(solved)


def non_negative(squares: Tensor, wish: Tensor, allowed: Tensor, start: Tensor) -> Tensor:
    """The w >= 0 that minimises w' Q w / 2 - w' b, for each of some small problems.

    Block principal pivoting: solve for the weights believed positive, then exchange all that are on the wrong side;
    where that does not help for a while, only the last of them, which cannot cycle.

    Source: Kim, Park (2011): Fast nonnegative matrix factorization: an active-set-like method and comparisons. SIAM
    Journal on Scientific Computing 33(6), algorithm 2.

    Args:
        squares: (n, width, width) float64, positive definite: Q.
        wish: (n, width) float64: b.
        allowed: (n, width): places that may be above 0.
        start: (n, width): places believed to be above 0.
    """
    weights = torch.zeros_like(wish)
    positive = start & allowed if bool(start.any()) else allowed.clone()
    slack = 1e-10 * wish.abs().amax(dim=1, keepdim=True) if wish.shape[1] else wish
    fewest = torch.full((len(wish),), wish.shape[1] + 1)
    patience = torch.full((len(wish),), _PATIENCE)
    open_ = torch.arange(len(wish))
    for _ in range(_MOST_EXCHANGES):
        if len(open_) == 0:
            break
        inside, q = positive[open_], squares[open_]
        both = inside[:, :, None] & inside[:, None, :]
        factor = torch.linalg.cholesky(torch.where(both, q, torch.eye(q.shape[1], dtype=q.dtype)))
        w = torch.cholesky_solve((wish[open_] * inside)[:, :, None], factor)
        pull = wish[open_] - (q @ w).squeeze(2)
        w = w.squeeze(2)
        weights[open_] = w.clamp(min=0)
        wrong = (inside & (w < 0)) | (allowed[open_] & ~inside & (pull > slack[open_]))
        count = wrong.sum(dim=1)
        better = count < fewest[open_]
        fewest[open_] = torch.where(better, count, fewest[open_])
        patience[open_] = torch.where(better, _PATIENCE, patience[open_] - 1)
        last = wrong & (wrong.flip(1).cumsum(dim=1).flip(1) == 1)
        positive[open_] = inside ^ torch.where((patience[open_] >= 0)[:, None], wrong, last)
        open_ = open_[count > 0]
    return weights
