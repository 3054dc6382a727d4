"""Cosine-DAE: a denoising autoencoder of one bend, trained on the angle between what it says and what was hidden."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from recae.models.autoencoders.costs import cosine_epoch, dense_score, network_cost
from recae.models.autoencoders.network import NetworkConfig, NetworkRecommender
from recae.models.base import ModelInfo, param
from recae.models.cost import Cost, Shape
from recae.ranking.lists import Product
from recae.training.engine import Loss, Machine
from recae.training.layers import observed_product, small_bias, sparse_product, xavier
from recae.training.sparse import SparseRows, row_sums_of

_TINY = 1e-12


class CosineDaeConfig(NetworkConfig):
    """Hyper-parameters of the cosine-DAE."""

    epochs: int = param(60, ge=1, le=100_000)
    """Passes over the training users, at most."""
    patience: int = param(6, ge=0)
    """Stop after this many epochs without a better validation metric; 0 trains all epochs."""
    batch_users: int = param(64, ge=1, tune=(32, 512), scale="log")
    """Users per gradient step."""
    learning_rate: float = param(0.01, gt=0, le=1, tune=(1e-3, 0.03), scale="log")
    """Adam's step size."""
    latent: int = param(512, ge=1, tune=(128, 1024), scale="log")
    """Length of the item vectors, and of the code."""
    dropout: float = param(0.5, gt=0, lt=1, tune=(0.2, 0.8))
    """Share of a history that is hidden from the encoder in training, and is what the scores are compared with."""
    l2: float = param(0.0, ge=0, tune=(1e-7, 1e-4), scale="log")
    """Weight of half the sum of squared weights in the loss (biases are left alone)."""

    def penalty(self, n_rows: int) -> float:
        return self.l2


class CosineDaeNetwork(nn.Module):
    """items -> code (swish) -> items, with the same item vectors at both ends."""

    def __init__(self, n_items: int, config: CosineDaeConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.dropout = config.dropout
        self.weight = xavier(n_items, config.latent, generator)
        self.bias = small_bias(config.latent, generator)

    def code(self, rows: SparseRows) -> Tensor:
        """(n_rows, latent) for histories of ones."""
        return functional.silu(sparse_product(rows, self.weight) + self.bias)

    def loss(self, batch: SparseRows, step: int, machine: Machine) -> Loss:
        hidden = torch.rand(len(batch.values), generator=machine.generator, device=machine.device) < self.dropout
        kept = batch.with_values((~hidden).float())
        code = self.code(kept)
        total = hidden_cosine_loss(code, self.weight, batch.with_values(hidden.float()), kept, machine.dtype)
        return Loss(total, {"loss": total})

    def scores(self, rows: SparseRows) -> Tensor:
        """(n_rows, n_items)."""
        return self.last_hidden(rows) @ self.weight.T

    def last_hidden(self, rows: SparseRows) -> Tensor:
        """(n_rows, latent) codes, without gradients."""
        return functional.silu(row_sums_of(rows, self.weight) + self.bias)


def hidden_cosine_loss(
    code: Tensor, weight: Tensor, target: SparseRows, kept: SparseRows, dtype: torch.dtype
) -> Tensor:
    """Scalar: the mean over rows of 1 - cos(y, t), for y = code @ weight.T with zeros at what was kept.

    `target` and `kept` have the entries of the whole history, and ones at what was hidden and what was kept. Only
    those entries of y are computed one by one; |code @ weight.T|^2 is taken by way of the smaller of two products.
    Rows of which nothing was hidden count as 1.
    """
    entries = observed_product(code, weight, target)
    narrow_code, narrow_weight = code.to(dtype), weight.to(dtype)
    if len(code) > weight.shape[1]:
        # |W h|^2 = h^T (W^T W) h, where rows outnumber the columns of W.
        spread = (code * functional.linear(narrow_code, narrow_weight.T @ narrow_weight).float()).sum(dim=1)
    else:
        spread = functional.linear(narrow_code, narrow_weight).float().square().sum(dim=1)
    squared = spread - target.row_sums(entries.square() * kept.values)
    inner, n_hidden = target.row_sums(entries * target.values), target.row_sums(target.values).clamp(min=1)
    # Where next to all of y was kept, the difference is the rounding of `dtype`; no cosine may exceed 1 for it.
    least = inner.detach().square() / n_hidden
    lengths = (torch.where(squared > least, squared, least).clamp(min=_TINY) * n_hidden).sqrt()
    return 1 - (inner / lengths).mean()


class CosineDae(NetworkRecommender):
    """A denoising autoencoder with tied item vectors and one non-linear layer, trained to point from the kept part of
    a history to the hidden part: the loss is the angle between the two over all items that were not kept, so that a
    long history counts no more than a short one.

    The loss is ELSA's, the tied vectors are, too; the bend and the hidden targets are what is added. Of the
    gradient-trained models here it takes the fewest steps on small, dense data.
    """

    info = ModelInfo(
        name="cosine-dae",
        title="Cosine-DAE, a tied denoising autoencoder with a cosine loss",
        source="this project (2026), from the loss of ELSA (Vancura, Alves, Kasalicky, Kordik 2022, RecSys) and the "
        "denoising autoencoder of Vincent, Larochelle, Bengio, Manzagol (2008): Extracting and composing robust "
        "features with denoising autoencoders. ICML 2008",
        family="autoencoder",
        cost="memory 20 x items x latent bytes; time per epoch ~ nnz x latent + users x items x latent (or items x "
        "latent^2 for each batch of more than latent users)",
    )
    Config = CosineDaeConfig
    grid: ClassVar[tuple[dict[str, Any], ...]] = (
        {},
        {"latent": 256},
        {"latent": 1024, "learning_rate": 5e-3},
        {"batch_users": 256, "dropout": 0.3},
    )

    def cost(self, shape: Shape) -> Cost:
        floats = shape.items * self.config.latent
        return network_cost(
            shape,
            self.config,
            floats=floats,
            kept=floats,
            hidden=6 * self.config.latent,
            more=14 * floats + 12 * shape.items * min(self.config.batch_users, self.config.latent),
            epoch=cosine_epoch(shape, self.config.latent, self.config.batch_users),
            score=dense_score(shape, self.config.latent, self.config.latent),
        )

    def _build(self, n_users: int, n_items: int, generator: torch.Generator) -> nn.Module:
        return CosineDaeNetwork(n_items, self.config, generator)

    def as_product(self) -> Product:
        return Product(self._last_hidden, self.item_vectors())

    def item_vectors(self) -> np.ndarray:
        """(n_items, latent) float32."""
        vectors: np.ndarray = self.network.weight.detach().cpu().numpy()
        return vectors
