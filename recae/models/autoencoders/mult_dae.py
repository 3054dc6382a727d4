"""Mult-DAE: a denoising autoencoder with a multinomial likelihood."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from scipy import sparse
from torch import Tensor, nn

from recae.models.autoencoders.costs import dense_score, items_in_step, multinomial_epoch, network_cost
from recae.models.autoencoders.network import NetworkConfig, NetworkRecommender, sampled_pass
from recae.models.base import ModelInfo, param
from recae.models.cost import Cost, Shape
from recae.training.activation import tanh
from recae.training.engine import Loss, Machine, Pass
from recae.training.layers import SparseLinear
from recae.training.multinomial import MultinomialOutput
from recae.training.sampled import first_layer, sampled_likelihood
from recae.training.sparse import SparseRows


class MultDaeConfig(NetworkConfig):
    """Hyper-parameters of Mult-DAE; the defaults are the published ones."""

    latent: int = param(200, ge=1, tune=(50, 600), scale="log")
    """Size of the hidden layer."""
    dropout: float = param(0.5, ge=0, lt=1, tune=(0.2, 0.8))
    """Share of the normalised history that is hidden from the encoder in training."""
    l2: float = param(2e-5, ge=0, tune=(1e-6, 1e-3), scale="log")
    """Weight of the sum of squared weights in the loss (biases are left alone)."""
    sampled: int = param(0, ge=0)
    """Where the catalogue has millions of items: take the softmax over the batch's items and so many others, drawn
    anew for each batch, and move no other rows of the tables; 0 takes all items."""

    def penalty(self, n_rows: int) -> float:
        """The paper's term is l2 x the sum of squares, the engine's half of that."""
        return 2 * self.l2


class MultDaeNetwork(nn.Module):
    """items -> latent (tanh) -> items."""

    def __init__(self, n_items: int, config: MultDaeConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.dropout, self.sampled, self.l2 = config.dropout, config.sampled, config.l2
        self.encoder = SparseLinear(n_items, config.latent, generator)
        self.output = MultinomialOutput(config.latent, n_items, generator)

    def loss(self, batch: SparseRows, step: int, machine: Machine) -> Loss:
        # The history is normalised first and corrupted afterwards, as the authors do it.
        history = batch.normalized().dropped(self.dropout, machine.generator)
        if self.sampled:
            return self._sampled_loss(history, batch, machine)
        hidden = tanh(self.encoder(history))
        total = self.output.negative_log_likelihood(hidden, batch, machine.dtype)
        return Loss(total, {"loss": total})

    def last_hidden(self, rows: SparseRows) -> Tensor:
        """(n_rows, width) what the output layer is given."""
        hidden: Tensor = tanh(self.encoder(rows.normalized()))
        return hidden

    def _sampled_loss(self, history: SparseRows, batch: SparseRows, machine: Machine) -> Loss:
        first, read = first_layer(self.encoder, history)
        total, decoded = sampled_likelihood(
            self.output, tanh(first), batch, self.sampled, machine.dtype, machine.generator
        )
        # The schedule's penalty would look at every row of the tables.
        total = total + self.l2 * (read.square().sum() + decoded.square().sum())
        return Loss(total, {"loss": total})

    def scores(self, rows: SparseRows) -> Tensor:
        """(n_rows, n_items) logits."""
        logits: Tensor = self.output(self.last_hidden(rows))
        return logits


class MultDae(NetworkRecommender):
    """Reconstructs a history from a corrupted copy of it, as draws from one multinomial over all items."""

    info = ModelInfo(
        name="mult-dae",
        title="Mult-DAE",
        source="Liang, Krishnan, Hoffman, Jebara 2018: Variational Autoencoders for Collaborative Filtering (WWW)",
        family="autoencoder",
        cost="memory 24 x items x latent bytes; time per epoch ~ users x items x latent, or users x sampled x latent",
    )
    Config = MultDaeConfig
    grid: ClassVar[tuple[dict[str, Any], ...]] = (
        {},
        {"l2": 2e-4, "learning_rate": 3e-3, "batch_users": 100},
        {"l2": 1e-4, "learning_rate": 3e-3, "dropout": 0.7, "batch_users": 200},
    )

    def cost(self, shape: Shape) -> Cost:
        width, items = self.config.latent, shape.items
        chosen = items_in_step(shape, self.config.batch_users, self.config.sampled)
        return network_cost(
            shape,
            self.config,
            floats=2 * items * width,
            kept=2 * items * width,
            hidden=2 * width,
            epoch=multinomial_epoch(shape, width, width, chosen),
            moving=chosen / max(items, 1),
            score=dense_score(shape, width, width),
        )

    def _passes(self, rows: sparse.csr_array) -> Sequence[Pass]:
        return sampled_pass(self.network) if self.config.sampled else super()._passes(rows)

    def _build(self, n_users: int, n_items: int, generator: torch.Generator) -> nn.Module:
        return MultDaeNetwork(n_items, self.config, generator)
