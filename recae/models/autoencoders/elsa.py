"""ELSA: EASE's item-item matrix as a product of item vectors of unit length, trained by gradient steps."""

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
from recae.models.linear.gram import sum_of_rows
from recae.ranking.lists import Product
from recae.training.cosine import cosine_loss
from recae.training.engine import Loss, Machine
from recae.training.layers import xavier
from recae.training.sparse import SparseRows, row_sums_of


class ElsaConfig(NetworkConfig):
    """Hyper-parameters of ELSA."""

    latent: int = param(512, ge=1, tune=(64, 1024), scale="log")
    """Length of an item's vector."""
    batch_users: int = param(128, ge=1, tune=(32, 1024), scale="log")
    """Users per gradient step."""
    learning_rate: float = param(0.01, gt=0, le=1, tune=(1e-3, 0.1), scale="log")
    """Adam's step size (the authors take 0.1 with NAdam)."""


class ElsaNetwork(nn.Module):
    """One vector per item; the rows of A are these vectors scaled to unit length."""

    def __init__(self, n_items: int, config: ElsaConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.weight = xavier(n_items, config.latent, generator)

    def loss(self, batch: SparseRows, step: int, machine: Machine) -> Loss:
        total = cosine_loss(self.weight, batch, machine.dtype)
        return Loss(total, {"loss": total})

    def vectors(self) -> Tensor:
        """(n_items, latent): A."""
        return functional.normalize(self.weight)

    def scores(self, rows: SparseRows) -> Tensor:
        """(n_rows, n_items) x A A^T - x."""
        vectors = self.vectors()
        predicted: Tensor = row_sums_of(rows, vectors) @ vectors.T
        predicted[rows.rows, rows.indices] -= rows.values
        return predicted


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
    grid: ClassVar[tuple[dict[str, Any], ...]] = (
        {},
        {"latent": 256},
        {"latent": 1024},
        {"learning_rate": 0.03, "batch_users": 500},
    )

    def cost(self, shape: Shape) -> Cost:
        floats = shape.items * self.config.latent
        return network_cost(
            shape,
            self.config,
            floats=floats,
            kept=floats,
            hidden=4 * self.config.latent,
            more=18 * floats + 8 * shape.items * min(self.config.batch_users, self.config.latent),
            epoch=cosine_epoch(shape, self.config.latent, self.config.batch_users),
            score=dense_score(shape, self.config.latent, self.config.latent),
        )

    def _build(self, n_users: int, n_items: int, generator: torch.Generator) -> nn.Module:
        return ElsaNetwork(n_items, self.config, generator)

    def as_product(self) -> Product:
        # The x that is taken off is only at the items of the history.
        vectors = self.item_vectors()
        return Product(lambda histories, users: sum_of_rows(histories, vectors), vectors, unseen_only=True)

    @torch.no_grad()
    def item_vectors(self) -> np.ndarray:
        vectors: np.ndarray = self.network.vectors().cpu().numpy()
        return vectors
