"""Mult-VAE: a variational autoencoder with a multinomial likelihood and an annealed KL term."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from scipy import sparse
from torch import Tensor, nn

from recae.models.affine import affine
from recae.models.autoencoders.costs import dense_score, items_in_step, multinomial_epoch, network_cost
from recae.models.autoencoders.inference import encoded
from recae.models.autoencoders.network import NetworkConfig, NetworkRecommender, sampled_pass
from recae.models.base import ModelInfo, param
from recae.models.cost import Cost, Shape, Work
from recae.training.activation import tanh
from recae.training.engine import Loss, Machine, Pass
from recae.training.layers import Dense, SparseLinear
from recae.training.multinomial import MultinomialOutput
from recae.training.sampled import first_layer, sampled_likelihood
from recae.training.sparse import SparseRows


class MultVaeConfig(NetworkConfig):
    """Hyper-parameters of Mult-VAE; the defaults are the published ones."""

    hidden: int = param(600, ge=0, tune=(0, 200, 600), scale="choice")
    """Size of the layer on either side of the latent one; 0 leaves both out."""
    latent: int = param(200, ge=1, tune=(50, 400), scale="log")
    """Size of the latent code."""
    dropout: float = param(0.5, ge=0, lt=1, tune=(0.2, 0.8))
    """Share of the normalised history that is hidden from the encoder in training."""
    beta: float = param(0.2, ge=0, le=10, tune=(0.05, 1.0), scale="log")
    """Weight of the KL term once it is fully annealed."""
    anneal_steps: int = param(200_000, ge=0, tune=(2_000, 200_000), scale="log")
    """The weight of the KL term at gradient step t is min(beta, t / anneal_steps); 0 starts at beta."""
    l2: float = param(0.0, ge=0, tune=(1e-6, 1e-3), scale="log")
    """Weight of the sum of squared weights in the loss (biases are left alone)."""
    sampled: int = param(0, ge=0)
    """Where the catalogue has millions of items: take the softmax over the batch's items and so many others, drawn
    anew for each batch, and move no other rows of the tables; 0 takes all items. Best with hidden=0, as the tables
    are then no wider than the code."""

    def penalty(self, n_rows: int) -> float:
        """The paper's term is l2 x the sum of squares, the engine's half of that."""
        return 2 * self.l2


class MultVaeNetwork(nn.Module):
    """items -> hidden (tanh) -> mean and log variance -> latent -> hidden (tanh) -> items."""

    def __init__(self, n_items: int, config: MultVaeConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.config = config
        hidden, latent = config.hidden, config.latent
        self.encoder = SparseLinear(n_items, hidden or 2 * latent, generator)
        self.code: Any = nn.Sequential(nn.Tanh(), Dense(hidden, 2 * latent, generator)) if hidden else nn.Identity()
        self.decoder: Any = nn.Sequential(Dense(latent, hidden, generator), nn.Tanh()) if hidden else nn.Identity()
        self.output = MultinomialOutput(hidden or latent, n_items, generator)

    def encode(self, rows: SparseRows) -> tuple[Tensor, Tensor]:
        """Mean and log variance of the latent code, (n_rows, latent) each, for normalised rows."""
        return self._code(self.encoder(rows))

    def _code(self, first: Tensor, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
        both = self.code[1](tanh(first), dtype) if self.config.hidden else first
        mean, log_variance = both.chunk(2, dim=1)
        return mean, log_variance

    def _decode(self, code: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        return tanh(self.decoder[0](code, dtype)) if self.config.hidden else code

    def loss(self, batch: SparseRows, step: int, machine: Machine) -> Loss:
        # The history is normalised first and corrupted afterwards, as the authors do it.
        history = batch.normalized().dropped(self.config.dropout, machine.generator)
        first, read = first_layer(self.encoder, history) if self.config.sampled else (self.encoder(history), None)
        mean, log_variance = self._code(first, machine.dtype)
        noise = torch.empty_like(mean).normal_(generator=machine.generator)
        hidden = self._decode(mean + noise * torch.exp(0.5 * log_variance), machine.dtype)
        if read is None:
            likelihood = self.output.negative_log_likelihood(hidden, batch, machine.dtype)
        else:
            draws = self.config.sampled
            likelihood, decoded = sampled_likelihood(
                self.output, hidden, batch, draws, machine.dtype, machine.generator
            )
            # The schedule's penalty would look at every row of the tables.
            likelihood = likelihood + self.config.l2 * (read.square().sum() + decoded.square().sum())
        divergence = gaussian_kl(mean, log_variance).mean()
        total = likelihood + kl_weight(step, self.config.beta, self.config.anneal_steps) * divergence
        return Loss(total, {"loss": total, "kl": divergence})

    def last_hidden(self, rows: SparseRows) -> Tensor:
        """(n_rows, width) what the output layer is given."""
        first, latent = encoded(self.encoder, rows.normalized()), self.config.latent
        if not self.config.hidden:
            return first[:, :latent].contiguous()
        code, decoder = self.code[1], self.decoder[0]
        # The mean alone: the first half of what the code's layer gives.
        mean = affine(tanh(first), code.weight[:latent], code.bias[:latent])
        return tanh(affine(mean, decoder.weight, decoder.bias))

    def scores(self, rows: SparseRows) -> Tensor:
        """(n_rows, n_items) logits at the mean of the latent code."""
        logits: Tensor = self.output(self.last_hidden(rows))
        return logits


def gaussian_kl(mean: Tensor, log_variance: Tensor) -> Tensor:
    """(n_rows,) KL(N(mean, variance) || N(0, I)), summed over the latent dimensions (Liang et al. 2018, eq. 6)."""
    return 0.5 * (log_variance.exp() + mean.square() - 1 - log_variance).sum(dim=1)


def kl_weight(step: int, beta: float, anneal_steps: int) -> float:
    """The weight of the KL term at gradient step `step` (from 0): linear per step, capped at beta."""
    return beta if anneal_steps == 0 else min(beta, step / anneal_steps)


class MultVae(NetworkRecommender):
    """Infers a distribution over tastes from a history, and draws the items from one multinomial."""

    info = ModelInfo(
        name="mult-vae",
        title="Mult-VAE",
        source="Liang, Krishnan, Hoffman, Jebara 2018: Variational Autoencoders for Collaborative Filtering (WWW)",
        family="autoencoder",
        cost="memory 24 x items x hidden bytes; time per epoch ~ users x items x hidden, or users x sampled x hidden",
    )
    Config = MultVaeConfig
    grid: ClassVar[tuple[dict[str, Any], ...]] = (
        {},
        # Small data overfits the published depth, and its few steps an epoch want larger ones and earlier annealing.
        {"hidden": 0, "anneal_steps": 5_000, "learning_rate": 3e-3},
        {"hidden": 0, "anneal_steps": 2_000, "beta": 0.5, "batch_users": 100},
    )

    def cost(self, shape: Shape) -> Cost:
        hidden, latent, items = self.config.hidden, self.config.latent, shape.items
        into, out, small = hidden or 2 * latent, hidden or latent, 3 * hidden * latent
        chosen = items_in_step(shape, self.config.batch_users, self.config.sampled)
        return network_cost(
            shape,
            self.config,
            floats=items * (into + out) + small,
            kept=items * (into + out) + small,
            hidden=into + out + 6 * latent,
            epoch=multinomial_epoch(shape, into, out, chosen) + Work(products=3 * small * shape.users),
            moving=chosen / max(items, 1),
            score=dense_score(shape, into, out),
        )

    def _passes(self, rows: sparse.csr_array) -> Sequence[Pass]:
        return sampled_pass(self.network) if self.config.sampled else super()._passes(rows)

    def _build(self, n_users: int, n_items: int, generator: torch.Generator) -> nn.Module:
        return MultVaeNetwork(n_items, self.config, generator)
