"""ELSA: EASE's item-item matrix as a product of item vectors of unit length, trained by gradient steps."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from recae.models.autoencoders.network import NetworkConfig, NetworkRecommender
from recae.models.base import ModelInfo, param
from recae.training.engine import Loss, Machine
from recae.training.layers import gradient_of, xavier
from recae.training.sparse import SparseRows, add_column_sums, row_sums_of

_TINY = 1e-12


class ElsaConfig(NetworkConfig):
    """Hyper-parameters of ELSA."""

    latent: int = param(512, ge=1, tune=(64, 1024), scale="log")
    """Length of an item's vector."""
    learning_rate: float = param(0.01, gt=0, le=1, tune=(1e-3, 0.1), scale="log")
    """Adam's step size (the authors take steps of 0.1 with NAdam)."""


class ElsaNetwork(nn.Module):
    """One vector per item; the rows of A are these vectors scaled to unit length."""

    def __init__(self, n_items: int, config: ElsaConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.weight = xavier(n_items, config.latent, generator)

    def loss(self, batch: SparseRows, step: int, machine: Machine) -> Loss:
        total: Tensor = _CosineLoss.apply(self.weight, batch, machine.dtype)
        return Loss(total, {"loss": total})

    def vectors(self) -> Tensor:
        """(n_items, latent): A."""
        return functional.normalize(self.weight, eps=_TINY)

    def scores(self, rows: SparseRows) -> Tensor:
        """(n_rows, n_items) x A A^T - x."""
        vectors = self.vectors()
        predicted: Tensor = row_sums_of(rows, vectors) @ vectors.T
        predicted[rows.rows, rows.indices] -= rows.values
        return predicted


class _CosineLoss(torch.autograd.Function):
    """The mean over rows of |y / |y| - x / |x||^2 = 2 - 2 cos(y, x), for y = x A A^T - x; no row of y is ever made.

    With z = x A and the unit diagonal of A A^T,

        <y, x> = |z|^2 - |x|^2   and   |y|^2 = |A z|^2 - 2 |z|^2 + |x|^2,

    where |A z|^2 is the one product with all items: of z with A, or with A^T A where rows outnumber A's columns.
    """

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


class Elsa(NetworkRecommender):
    """The scores of a binary history x are x A A^T - x, where the rows of A, one for each item, have unit length: the
    zero diagonal of EASE without a matrix of items x items. What is maximised is the cosine of scores and history."""

    info = ModelInfo(
        name="elsa",
        title="ELSA, the scalable linear shallow autoencoder",
        source="Vancura, Alves, Kasalicky, Kordik (2022): Scalable linear shallow autoencoder for collaborative "
        "filtering. RecSys 2022",
        family="autoencoder",
        cost="memory 28 * items * latent bytes; time per epoch nnz * latent + users * items * latent (or items * "
        "latent^2 for each batch of more than latent users)",
    )
    Config = ElsaConfig
    grid: ClassVar[tuple[dict[str, Any], ...]] = ({},)

    def _build(self, n_users: int, n_items: int, generator: torch.Generator) -> nn.Module:
        return ElsaNetwork(n_items, self.config, generator)

    @torch.no_grad()
    def item_vectors(self) -> np.ndarray:
        vectors: np.ndarray = self.network.vectors().cpu().numpy()
        return vectors
