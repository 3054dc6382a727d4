"""Adversarial autoencoder: a denoising autoencoder whose codes a discriminator holds to a normal distribution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from scipy import sparse
from torch import Tensor, nn
from torch.nn import functional

from recae.models.autoencoders.costs import dense_score, multinomial_epoch, network_cost
from recae.models.autoencoders.network import NetworkConfig, NetworkRecommender
from recae.models.base import ModelInfo, param
from recae.models.cost import Cost, Shape, Work
from recae.training.engine import Loss, Machine, Pass, Step
from recae.training.layers import Dense, SparseLinear
from recae.training.multinomial import MultinomialOutput
from recae.training.sparse import SparseRows


class AdversarialAeConfig(NetworkConfig):
    """Hyper-parameters of the adversarial autoencoder; the defaults are those used for sets of items."""

    epochs: int = param(500, ge=1, le=100_000)
    """Passes over the training users, at most."""
    batch_users: int = param(100, ge=1)
    """Users per gradient step."""
    adversarial_rate: float = param(1e-3, ge=0, le=1, tune=(1e-5, 1e-2), scale="log")
    """Adam's step size for the discriminator, and for the encoder against it; 0 leaves the codes free.

    Adam forgets the size of a loss, so this rate, beside learning_rate, is the weight of the adversary.
    """
    hidden: int = param(100, ge=0, tune=(0, 100, 200, 600), scale="choice")
    """Size of the layer on either side of the code; 0 leaves both out."""
    latent: int = param(50, ge=1, tune=(50, 400), scale="log")
    """Size of the code."""
    discriminator_hidden: int = param(100, ge=1, tune=(50, 400), scale="log")
    """Size of either hidden layer of the discriminator."""
    dropout: float = param(0.2, ge=0, lt=1, tune=(0.2, 0.8))
    """Share of the normalised history that is hidden from the encoder in training."""
    l2: float = param(0.0, ge=0, tune=(1e-6, 1e-3), scale="log")
    """Weight of half the sum of squared weights beside the reconstruction loss (biases are left alone)."""

    def penalty(self, n_rows: int) -> float:
        return self.l2


class AdversarialAeNetwork(nn.Module):
    """items -> hidden (ReLU) -> code -> hidden (ReLU) -> items, and a discriminator of codes."""

    def __init__(self, n_items: int, config: AdversarialAeConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.dropout = config.dropout
        hidden, latent, width = config.hidden, config.latent, config.discriminator_hidden
        self.encoder = SparseLinear(n_items, hidden or latent, generator)
        self.code = nn.Sequential(nn.ReLU(), Dense(hidden, latent, generator)) if hidden else nn.Identity()
        self.decoder = nn.Sequential(Dense(latent, hidden, generator), nn.ReLU()) if hidden else nn.Identity()
        self.output = MultinomialOutput(hidden or latent, n_items, generator)
        self.discriminator = nn.Sequential(
            Dense(latent, width, generator),
            nn.ReLU(),
            Dense(width, width, generator),
            nn.ReLU(),
            Dense(width, 1, generator),
        )

    def encode(self, rows: SparseRows) -> Tensor:
        """(n_rows, latent) codes of normalised rows."""
        codes: Tensor = self.code(self.encoder(rows))
        return codes

    def reconstruct(self, batch: SparseRows, step: int, machine: Machine) -> Loss:
        """The autoencoder's loss: -log of the multinomial likelihood of the histories, from corrupted copies."""
        hidden = self.decoder(self._corrupted_codes(batch, machine))
        total = self.output.negative_log_likelihood(hidden, batch, machine.dtype)
        return Loss(total, {"loss": total})

    def discriminate(self, batch: SparseRows, step: int, machine: Machine) -> Loss:
        """The discriminator's loss: -log D(draw from N(0, I)) - log(1 - D(code)), mean over the rows."""
        codes = self._corrupted_codes(batch, machine)
        draws = torch.empty_like(codes).normal_(generator=machine.generator)
        of_draws, of_codes = self.discriminator(draws), self.discriminator(codes)
        total = functional.softplus(-of_draws).mean() + functional.softplus(of_codes).mean()
        return Loss(total, {"discriminator": total})

    def confuse(self, batch: SparseRows, step: int, machine: Machine) -> Loss:
        """The encoder's loss as a generator: -log D(code), mean over the rows."""
        total = functional.softplus(-self.discriminator(self._corrupted_codes(batch, machine))).mean()
        return Loss(total, {"confusion": total})

    def last_hidden(self, rows: SparseRows) -> Tensor:
        """(n_rows, width) what the output layer is given."""
        hidden: Tensor = self.decoder(self.encode(rows.normalized()))
        return hidden

    def scores(self, rows: SparseRows) -> Tensor:
        """(n_rows, n_items) logits at the code of the whole history."""
        logits: Tensor = self.output(self.last_hidden(rows))
        return logits

    def _corrupted_codes(self, batch: SparseRows, machine: Machine) -> Tensor:
        return self.encode(batch.normalized().dropped(self.dropout, machine.generator))


_SHALLOW = {"hidden": 0, "latent": 200, "dropout": 0.5, "batch_users": 250, "learning_rate": 3e-3}


class AdversarialAe(NetworkRecommender):
    """A denoising autoencoder whose codes are made to look like draws from N(0, I), so that a discriminator of
    codes cannot tell them from such draws: Mult-VAE's prior without its KL term.

    Here histories are corrupted by dropout and come from one multinomial, as in Mult-DAE; the earlier use on sets of
    items reconstructs by binary cross-entropy, and drops units of the hidden layers instead.
    """

    info = ModelInfo(
        name="adversarial-ae",
        title="Adversarial autoencoder",
        source="Makhzani, Shlens, Jaitly, Goodfellow, Frey 2015: Adversarial Autoencoders (arXiv:1511.05644); "
        "Vagliano, Galke, Mai, Scherp 2018: Using Adversarial Autoencoders for Multi-Modal Automatic Playlist "
        "Continuation (RecSys Challenge)",
        family="autoencoder",
        cost="memory 48 x items x (hidden or latent) bytes; time per epoch ~ users x items x (hidden or latent)",
    )
    Config = AdversarialAeConfig
    grid: ClassVar[tuple[dict[str, Any], ...]] = (
        {},
        # Without hidden layers, as the shallow forms of the other autoencoders do well on small data.
        {**_SHALLOW, "adversarial_rate": 3e-4},
        # The same without an adversary, to see what it brings.
        {**_SHALLOW, "adversarial_rate": 0.0},
    )

    def cost(self, shape: Shape) -> Cost:
        config, items = self.config, shape.items
        width, judge = config.hidden or config.latent, config.discriminator_hidden
        small = 2 * config.hidden * config.latent + judge * (config.latent + judge)
        return network_cost(
            shape,
            config,
            # The encoder has a second Adam, for its steps against the discriminator.
            floats=2.5 * items * width + small,
            kept=2 * items * width + small,
            hidden=4 * width + 3 * judge,
            epoch=multinomial_epoch(shape, 3 * width, width)
            + Work(products=6 * small * shape.users, steps=shape.users / 100),
            score=dense_score(shape, width, width),
        )

    def _build(self, n_users: int, n_items: int, generator: torch.Generator) -> nn.Module:
        return AdversarialAeNetwork(n_items, self.config, generator)

    def _passes(self, rows: sparse.csr_array) -> Sequence[Pass]:
        network, rate = self.network, self.config.adversarial_rate
        encoder = (*network.encoder.parameters(), *network.code.parameters())
        decoder = (*network.decoder.parameters(), *network.output.parameters())
        reconstruct = Step(network.reconstruct, (*encoder, *decoder))
        discriminate = Step(network.discriminate, tuple(network.discriminator.parameters()), rate, 0.0)
        confuse = Step(network.confuse, encoder, rate, 0.0)
        return (Pass((reconstruct, discriminate, confuse)),)
