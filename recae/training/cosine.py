"""The loss of a linear autoencoder with unit item vectors, without a row of its output."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from recae.training.gradients import hand_over, row_blocks
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
    """Nothing of the weight's size is made: unit vectors and gradient exist in blocks of rows."""

    @staticmethod
    def forward(ctx: Any, weight: Tensor, x: SparseRows, dtype: torch.dtype) -> Tensor:
        lengths = weight.norm(dim=1).clamp_(min=_TINY)
        z = row_sums_of(x.with_values(x.values / lengths[x.indices]), weight)
        by_columns = x.n_rows > weight.shape[1]
        spread, through = _spread(weight, lengths, z, dtype, by_columns)
        z_squared, x_squared = z.square().sum(dim=1), x.row_sums(x.values.square())
        inner = z_squared - x_squared
        squared = (spread - 2 * z_squared + x_squared).clamp_(min=_TINY)
        cosine = inner / (squared * x_squared.clamp(min=_TINY)).sqrt()
        ctx.save_for_backward(lengths, z, through, inner, squared, x_squared)
        ctx.weight, ctx.x, ctx.dtype, ctx.by_columns = weight, x, dtype, by_columns
        return 2 - 2 * cosine.mean()

    @staticmethod
    def backward(ctx: Any, upstream: Tensor) -> tuple[None, None, None]:
        lengths, z, through, inner, squared, x_squared = ctx.saved_tensors
        to_inner = -2 * upstream / len(z) / (squared * x_squared.clamp(min=_TINY)).sqrt()
        to_squared = (-0.5 * to_inner * inner / squared)[:, None]
        to_z = 2 * (to_inner[:, None] - 2 * to_squared) * z + 2 * to_squared * through
        narrow, scaled = z.to(ctx.dtype), (2 * to_squared * z).to(ctx.dtype)
        factors = (narrow.T @ scaled,) if ctx.by_columns else (narrow.T, scaled)
        hand_over(ctx.weight, _CosineGradient(ctx.weight.detach(), lengths, factors, ctx.x, to_z))
        return None, None, None


def _spread(weight: Tensor, lengths: Tensor, z: Tensor, dtype: torch.dtype, by_columns: bool) -> tuple[Tensor, Tensor]:
    """(n_rows,) |A z|^2 and (n_rows, latent) A^T A z, by way of the smaller product."""
    spread, through, narrow = z.new_zeros(len(z)), torch.zeros_like(z), z.to(dtype)
    gram = z.new_zeros(weight.shape[1], weight.shape[1])
    for rows in row_blocks(len(weight), weight.shape[1], weight.device):
        part = (weight[rows] / lengths[rows, None]).to(dtype)
        if by_columns:
            gram += part.T @ part
        else:
            product = part @ narrow.T
            spread += product.float().square().sum(dim=0)
            through += product.T @ part
    if by_columns:
        through = z @ gram
        spread = torch.linalg.vecdot(through, z)
    return spread, through


class _CosineGradient:
    """What A z and z bring to the vectors; only what is perpendicular to a vector changes its direction."""

    def __init__(
        self, weight: Tensor, lengths: Tensor, factors: tuple[Tensor, ...], x: SparseRows, to_z: Tensor
    ) -> None:
        self.weight, self.lengths, self.factors, self.x, self.to_z = weight, lengths, factors, x, to_z

    def of_rows(self, rows: slice) -> Tensor:
        lengths = self.lengths[rows, None]
        vectors = self.weight[rows] / lengths
        product = vectors.to(self.factors[0].dtype)
        for factor in self.factors:
            product = product @ factor
        found = product.float()
        add_column_sums(self.x, self.to_z, found, rows)
        return found.addcmul_(vectors, torch.linalg.vecdot(vectors, found)[:, None], value=-1).div_(lengths)
