"""MacridVAE: a variational autoencoder with one latent code for each of a few learned groups of items."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from recae.models.autoencoders.costs import dense_score, multinomial_epoch, network_cost
from recae.models.autoencoders.mult_vae import kl_weight
from recae.models.autoencoders.network import NetworkConfig, NetworkRecommender
from recae.models.base import ModelInfo, param
from recae.models.cost import FLOAT, Cost, Shape, Work
from recae.training.activation import tanh
from recae.training.engine import Loss, Machine
from recae.training.layers import Dense
from recae.training.prototypes import GroupedLinear, PrototypeOutput
from recae.training.sparse import SparseRows


class MacridVaeConfig(NetworkConfig):
    """Hyper-parameters of MacridVAE; the defaults are those of the paper and its authors' code."""

    batch_users: int = param(100, ge=1)
    """Users per gradient step."""
    prototypes: int = param(7, ge=1, le=100, tune=(2, 20), scale="log")
    """Number K of item groups, each with a latent code of its own for every user."""
    hidden: int = param(100, ge=1, tune=(50, 600), scale="log")
    """Size of the encoder's hidden layer, and so of the items' vectors in the encoder."""
    latent: int = param(100, ge=1, tune=(50, 400), scale="log")
    """Size of each latent code, and so of the items' and the prototypes' vectors."""
    temperature: float = param(0.1, ge=0.03, le=10, tune=(0.05, 0.3), scale="log")
    """Divides the cosines of items with prototypes and with latent codes; the lower, the sharper."""
    deviation: float = param(0.075, gt=0, le=10, tune=(0.05, 0.5), scale="log")
    """Standard deviation of a latent code under the prior; the mean of a code has length 1."""
    gumbel: bool = param(True, tune=(True, False), scale="choice")
    """Draw the items' groups anew in each training step (relaxed, by Gumbel noise), or use their probabilities."""
    dropout: float = param(0.5, ge=0, lt=1, tune=(0.2, 0.8))
    """Share of the normalised history that is hidden from the encoder in training."""
    beta: float = param(0.2, ge=0, le=10, tune=(0.05, 1.0), scale="log")
    """Weight of the KL term once it is fully annealed."""
    anneal_steps: int = param(5_000, ge=0, tune=(500, 50_000), scale="log")
    """The weight of the KL term at gradient step t is min(beta, t / anneal_steps); 0 starts at beta."""
    l2: float = param(0.0, ge=0, tune=(1e-6, 1e-3), scale="log")
    """Weight of half the sum of squared weights in the loss (biases are left alone)."""

    def penalty(self, n_rows: int) -> float:
        """The engine's own term."""
        return self.l2


class MacridVaeNetwork(nn.Module):
    """A history is split by item groups; each part gives a code, and an item is scored by the code of its group."""

    def __init__(self, n_items: int, config: MacridVaeConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.config = config
        self.encoder = GroupedLinear(n_items, config.hidden, generator)
        self.code = Dense(config.hidden, 2 * config.latent, generator)
        self.output = PrototypeOutput(n_items, config.latent, config.prototypes, config.temperature, generator)

    def encode(
        self, rows: SparseRows, groups: Tensor, dropout: float = 0.0, generator: torch.Generator | None = None
    ) -> tuple[Tensor, Tensor]:
        """Mean, of length 1, and log of variance / prior variance: (prototypes, n_rows, latent) each."""
        hidden = tanh(self.encoder(rows, groups, dropout, generator))
        mean, log_shrinkage = self.code(hidden.flatten(0, 1)).unflatten(0, hidden.shape[:2]).chunk(2, dim=2)
        return functional.normalize(mean, dim=2), -log_shrinkage

    def loss(self, batch: SparseRows, step: int, machine: Machine) -> Loss:
        config, generator = self.config, machine.generator
        items = functional.normalize(self.output.weight, dim=1)
        log_groups = self.output.log_groups(items, generator if config.gumbel else None)
        mean, log_ratio = self.encode(batch, log_groups.exp(), config.dropout, generator)
        noise = torch.empty_like(mean).normal_(generator=generator)
        codes = functional.normalize(mean + config.deviation * noise * torch.exp(0.5 * log_ratio), dim=2)
        likelihood = self.output.negative_log_likelihood(codes, items, log_groups, batch, machine.dtype)
        divergence = variance_kl(log_ratio).mean(dim=1).sum()
        total = likelihood + kl_weight(step, config.beta, config.anneal_steps) * divergence
        return Loss(total, {"loss": total, "kl": divergence})

    def scores(self, rows: SparseRows) -> Tensor:
        """(n_rows, n_items) logits at the means of the latent codes and the probabilities of the groups."""
        items = functional.normalize(self.output.weight, dim=1)
        log_groups = self.output.log_groups(items)
        mean, _ = self.encode(rows, log_groups.exp())
        return self.output.logits(mean, items, log_groups)


def variance_kl(log_ratio: Tensor) -> Tensor:
    """KL(N(mean, variance) || N(0, prior variance)) without the term of the mean, summed over the last axis.

    The mean has length 1, so its term is the same for all users: 1 / (2 prior variance).
    """
    return 0.5 * (log_ratio.exp() - 1 - log_ratio).sum(dim=-1)


class MacridVae(NetworkRecommender):
    """Sorts the items into a few groups while it learns, and infers one code per group from that part of a history:
    several tastes of one user side by side."""

    info = ModelInfo(
        name="macrid-vae",
        title="MacridVAE",
        source="Ma, Zhou, Cui, Yang, Zhu 2019: Learning Disentangled Representations for Recommendation (NeurIPS)",
        family="autoencoder",
        cost="memory (20 x hidden + 32 x latent) x items bytes; time per epoch ~ users x items x latent x prototypes",
    )
    Config = MacridVaeConfig
    grid: ClassVar[tuple[dict[str, Any], ...]] = (
        {},
        {"learning_rate": 3e-3, "batch_users": 500},
        {"gumbel": False},
        {"prototypes": 3, "dropout": 0.7},
    )

    def cost(self, shape: Shape) -> Cost:
        config, items = self.config, shape.items
        groups, floats = config.prototypes, items * (config.hidden + config.latent)
        steps = -(-shape.users // config.batch_users)
        epoch = multinomial_epoch(shape, groups * config.hidden, groups * config.latent)
        softmax = Work(moved=15 * FLOAT * groups * shape.cells)
        return network_cost(
            shape,
            config,
            floats=floats,
            kept=floats,
            hidden=8 * groups * (config.hidden + 4 * config.latent),
            more=items * (18 * config.latent + 32 * groups),
            repeats=1 + groups / 4,
            epoch=epoch + softmax + Work(moved=items * (24.0 * config.latent + 40 * groups)) * steps,
            score=dense_score(shape, groups * config.hidden, groups * config.latent) + Work(moved=12 * groups * items),
        )

    def _build(self, n_users: int, n_items: int, generator: torch.Generator) -> nn.Module:
        return MacridVaeNetwork(n_items, self.config, generator)
