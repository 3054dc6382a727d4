"""The loss of a linear autoencoder with unit item vectors, without a row of its output."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from recae.training.gradients import gradient_of
from recae.training.sparse import SparseRows, add_column_sums, row_sums_of

_TINY = 1e-12


def cosine_loss(weight: Tensor, x: SparseRows, dtype: torch.dtype) -> Tensor:
    """Scalar: the mean over rows of |y / |y| - x / |x||^2 = 2 - 2 cos(y, x), for y = x A A^T - x.

    The rows of A are those of `weight` (n_items, latent) at unit length. With z = x A and the unit diagonal of A A^T,

        <y, x> = |z|^2 - |x|^2   and   |y|^2 = |A z|^2 - 2 |z|^2 + |x|^2,

    where |A z|^2 is the one product with all items: of z with A, or with A^T A where rows outnumber A's columns.
    That product runs in `dtype`; everything else is float32.
    """
    loss: Tensor = _CosineLoss.apply(weight, x, dtype)
    return loss


class _CosineLoss(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, weight: Tensor, x: SparseRows, dtype: torch.dtype) -> Tensor:
        lengths = weight.norm(dim=1, keepdim=True).clamp_(min=_TINY)
        vectors = weight / lengths
        narrow = vectors.to(dtype)
        z = row_sums_of(x, vectors)
        by_columns = x.n_rows > weight.shape[1]
        # Either A^T A, (latent, latent), or A z, (n_items, n_rows).
        product = narrow.T @ narrow if by_columns else narrow @ z.to(dtype).T
        spread = (z @ product.float() * z).sum(dim=1) if by_columns else product.float().square().sum(dim=0)
        z_squared, x_squared = z.square().sum(dim=1), x.row_sums(x.values.square())
        inner = z_squared - x_squared
        squared = (spread - 2 * z_squared + x_squared).clamp_(min=_TINY)
        cosine = inner / (squared * x_squared.clamp(min=_TINY)).sqrt()
        ctx.save_for_backward(lengths, vectors, narrow, z, product, inner, squared, x_squared)
        ctx.weight, ctx.x, ctx.dtype, ctx.by_columns = weight, x, dtype, by_columns
        return 2 - 2 * cosine.mean()

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[None, None, None]:
        lengths, vectors, narrow, z, product, inner, squared, x_squared = ctx.saved_tensors
        to_inner = -2 * upstream / len(z) / (squared * x_squared.clamp(min=_TINY)).sqrt()
        to_squared = -0.5 * to_inner * inner / squared
        scaled = (2 * to_squared[:, None] * z).to(ctx.dtype)
        if ctx.by_columns:
            to_vectors = (narrow @ (z.to(ctx.dtype).T @ scaled)).float()
            through_spread = z @ product.float()
        else:
            to_vectors = (product @ scaled).float()
            through_spread = (product.T @ narrow).float()
        to_z = 2 * (to_inner - 2 * to_squared)[:, None] * z + 2 * to_squared[:, None] * through_spread
        add_column_sums(ctx.x, to_z, to_vectors)
        # Only what is perpendicular to a vector changes its direction.
        to_vectors -= vectors * torch.linalg.vecdot(vectors, to_vectors)[:, None]
        gradient_of(ctx.weight).add_(to_vectors.div_(lengths))
        return None, None, None
