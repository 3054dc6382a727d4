"""RecVAE: a variational autoencoder with a composite prior and a deep encoder, trained apart from its decoder."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn
from torch.nn import functional

from recae.errors import ConfigError
from recae.models.autoencoders.costs import dense_score, multinomial_epoch, network_cost
from recae.models.autoencoders.gaussian import draw, log_density
from recae.models.autoencoders.implicit_slim import implicit_slim
from recae.models.autoencoders.network import NetworkConfig, NetworkRecommender
from recae.models.base import ModelInfo, param
from recae.models.cost import FLOAT, Cost, Shape, Work
from recae.training.engine import Loss, Machine, Pass, Step
from recae.training.layer_norm import LayerNorm
from recae.training.layers import Dense, SparseLinear
from recae.training.multinomial import MultinomialOutput
from recae.training.sparse import SparseRows

_NORM_EPS = 0.1
_PRIOR_LOG_WEIGHTS = (math.log(3 / 20), math.log(3 / 4), math.log(1 / 10))
_WIDE_LOG_VARIANCE = 10.0


class RecVaeConfig(NetworkConfig):
    """Hyper-parameters of RecVAE; the defaults are the authors' for MovieLens 20M."""

    epochs: int = param(50, ge=1, le=100_000)
    """Rounds of encoder and decoder passes over the training users, at most."""
    learning_rate: float = param(5e-4, gt=0, le=1, tune=(1e-4, 1e-2), scale="log")
    """Adam's step size, for the encoder and the decoder alike."""
    hidden: int = param(600, ge=1, tune=(100, 600), scale="log")
    """Size of each layer of the encoder."""
    layers: int = param(5, ge=1, le=20, tune=(1, 5))
    """Layers of the encoder, each fed by all before it."""
    latent: int = param(200, ge=1, tune=(50, 400), scale="log")
    """Size of the latent code."""
    dropout: float = param(0.5, ge=0, lt=1, tune=(0.3, 0.8))
    """Share of the normalised history that is hidden from the encoder while it is trained."""
    decoder_dropout: float = param(0.0, ge=0, lt=1, tune=(0.0, 0.7))
    """Share of the normalised history that is hidden while the decoder is trained; the authors hide nothing."""
    gamma: float = param(0.005, ge=0, le=10, tune=(0.001, 0.02), scale="log")
    """Weight of the KL term for each interaction of the user: long histories are held closer to the prior."""
    beta: float = param(0.0, ge=0, le=10)
    """Weight of the KL term that is the same for all users, in addition to gamma x interactions."""
    encoder_passes: int = param(3, ge=1, le=20)
    """Passes in which the encoder learns, for each pass of the decoder."""
    l2: float = param(0.0, ge=0, tune=(1e-6, 1e-3), scale="log")
    """Weight of the sum of squared weights in the loss (biases are left alone)."""
    implicit_slim_every: int = param(0, ge=0)
    """Refine the item weights at both ends by ImplicitSLIM before every such epoch; 0 never does."""
    implicit_slim_l2: float = param(500.0, gt=0, tune=(100, 2000), scale="log")
    """ImplicitSLIM's L2 penalty on item-item weights, in users."""
    implicit_slim_alpha: float = param(1.0, gt=0, tune=(0.1, 10), scale="log")
    """How strongly ImplicitSLIM holds on to the weights as they were learned."""
    implicit_slim_threshold: int = param(1000, ge=0)
    """Items of fewer users than this do not guide ImplicitSLIM."""

    def penalty(self, n_rows: int) -> float:
        """The term is l2 x the sum of squares, the engine's half of that."""
        return 2 * self.l2


class RecVaeEncoder(nn.Module):
    """Densely connected layers from a normalised history to mean and log variance of the latent code."""

    def __init__(self, n_items: int, config: RecVaeConfig, generator: torch.Generator) -> None:
        super().__init__()
        hidden, device = config.hidden, generator.device
        self.first = SparseLinear(n_items, hidden, generator)
        self.dense = nn.ModuleList(Dense(hidden, hidden, generator) for _ in range(config.layers - 1))
        self.norms = nn.ModuleList(LayerNorm(hidden, _NORM_EPS, device=device) for _ in range(config.layers))
        self.code = Dense(hidden, 2 * config.latent, generator)

    def forward(self, rows: SparseRows, dtype: torch.dtype = torch.float32) -> tuple[Tensor, Tensor]:
        """(n_rows, latent) each; products between layers run in `dtype`."""
        hidden = self.norms[0](functional.silu(self.first(rows)))
        before = hidden
        for dense, norm in zip(self.dense, self.norms[1:], strict=True):
            hidden = norm(functional.silu(dense(hidden, dtype) + before))
            before = before + hidden
        mean, log_variance = self.code(hidden, dtype).chunk(2, dim=1)
        return mean, log_variance


class RecVaeNetwork(nn.Module):
    """A deep encoder and a linear decoder."""

    def __init__(self, n_items: int, config: RecVaeConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.encoder = RecVaeEncoder(n_items, config, generator)
        self.output = MultinomialOutput(config.latent, n_items, generator)

    def last_hidden(self, rows: SparseRows) -> Tensor:
        """(n_rows, width) what the output layer is given."""
        mean, _ = self.encoder(rows.normalized())
        hidden: Tensor = mean
        return hidden

    def scores(self, rows: SparseRows) -> Tensor:
        """(n_rows, n_items) logits at the mean of the latent code."""
        logits: Tensor = self.output(self.last_hidden(rows))
        return logits


class Alternation:
    """The encoder learns against its own past; the decoder follows with a clean view of the histories."""

    def __init__(self, network: RecVaeNetwork, config: RecVaeConfig, rows: sparse.csr_array) -> None:
        self.network, self.config, self.rows = network, config, rows
        # Kept out of the network: it is neither moved nor saved.
        self.old_encoder = copy.deepcopy(network.encoder).requires_grad_(False)

    def passes(self) -> Sequence[Pass]:
        """Some passes of the encoder, then one of the decoder."""
        encoder = Step(self.encoder_loss, tuple(self.network.encoder.parameters()))
        decoder = Step(self.decoder_loss, tuple(self.network.output.parameters()))
        encoding = [
            Pass((encoder,), before=self._refine if turn == 0 else None, memory=(self.old_encoder,))
            for turn in range(self.config.encoder_passes)
        ]
        return (*encoding, Pass((decoder,), before=self._keep_encoder, memory=(self.old_encoder,)))

    def encoder_loss(self, batch: SparseRows, step: int, machine: Machine) -> Loss:
        """Likelihood and weighted KL term for corrupted histories."""
        history = batch.normalized()
        mean, log_variance = self.network.encoder(
            history.dropped(self.config.dropout, machine.generator), machine.dtype
        )
        code = draw(mean, log_variance, machine.generator)
        likelihood = self.network.output.negative_log_likelihood(code, batch, machine.dtype)
        prior = composite_log_density(code, *self.old_encoder(history, machine.dtype))
        divergence = (log_density(code, mean, log_variance) - prior).sum(dim=1)
        weighted = (kl_weights(batch, self.config) * divergence).mean()
        return Loss(likelihood + weighted, {"loss": likelihood + weighted, "kl": divergence.mean()})

    def decoder_loss(self, batch: SparseRows, step: int, machine: Machine) -> Loss:
        """Likelihood of whole histories; the KL term does not depend on the decoder."""
        shown = batch.normalized().dropped(self.config.decoder_dropout, machine.generator)
        mean, log_variance = self.network.encoder(shown, machine.dtype)
        code = draw(mean, log_variance, machine.generator)
        likelihood = self.network.output.negative_log_likelihood(code, batch, machine.dtype)
        return Loss(likelihood, {"decoder loss": likelihood})

    def _keep_encoder(self, epoch: int) -> None:
        self.old_encoder.load_state_dict(self.network.encoder.state_dict())

    @torch.no_grad()
    def _refine(self, epoch: int) -> None:
        config = self.config
        if config.implicit_slim_every == 0 or epoch % config.implicit_slim_every:
            return
        for weight in (self.network.encoder.first.weight, self.network.output.weight):
            refined = implicit_slim(
                weight.cpu().numpy(),
                self.rows,
                config.implicit_slim_l2,
                config.implicit_slim_alpha,
                config.implicit_slim_threshold,
            )
            weight.copy_(torch.from_numpy(refined))


def kl_weights(batch: SparseRows, config: RecVaeConfig) -> Tensor:
    """(n_rows,) the weight of each user's KL term."""
    return config.beta + config.gamma * batch.counts.float()


def composite_log_density(z: Tensor, old_mean: Tensor, old_log_variance: Tensor) -> Tensor:
    """(n_rows, latent) log density of the prior in each dimension.

    A mixture of N(0, 1), what the encoder said before, and a wide N(0, e^10).
    """
    still, wide = torch.zeros_like(z), torch.full_like(z, _WIDE_LOG_VARIANCE)
    parts = (
        log_density(z, still, still),
        log_density(z, old_mean, old_log_variance),
        log_density(z, still, wide),
    )
    weighted = [part + log_weight for part, log_weight in zip(parts, _PRIOR_LOG_WEIGHTS, strict=True)]
    return torch.stack(weighted).logsumexp(dim=0)


class RecVae(NetworkRecommender):
    """Mult-VAE with a deeper encoder that is trained apart from the decoder and kept close to its own past.

    The KL term weighs more the longer a history is.
    """

    info = ModelInfo(
        name="rec-vae",
        title="RecVAE",
        source=(
            "Shenbin, Alekseev, Tutubalina, Malykh, Nikolenko 2020: RecVAE: A New Variational Autoencoder for Top-N "
            "Recommendations with Implicit Feedback (WSDM); ImplicitSLIM by Shenbin, Nikolenko 2024 (ICLR)"
        ),
        family="autoencoder",
        cost=(
            "memory items x (24 x hidden + 20 x latent) + 24 x layers x hidden^2 bytes; "
            "time per epoch ~ 4 x users x (items x latent + layers x hidden^2) + 4 x interactions x hidden"
        ),
    )
    Config = RecVaeConfig
    grid: ClassVar[tuple[dict[str, Any], ...]] = (
        {},
        # Few users make few steps an epoch, and do not fill five layers.
        {"layers": 1, "batch_users": 100, "learning_rate": 1e-3},
        {"layers": 1, "hidden": 200, "batch_users": 250, "learning_rate": 3e-3, "epochs": 100},
    )

    def cost(self, shape: Shape) -> Cost:
        config, items = self.config, shape.items
        hidden, latent = config.hidden, config.latent
        encoder = items * hidden + (config.layers - 1) * hidden**2 + 2 * hidden * latent
        passes, small = config.encoder_passes + 1, encoder - items * hidden
        likelihood = multinomial_epoch(shape, 2 * hidden, latent) + Work(products=4 * small * shape.users)
        optimizers = Work(moved=40 * (encoder + items * latent) / config.batch_users * shape.users / 2)
        refined = 8 * 4 * items * max(hidden, latent) if config.implicit_slim_every else 0
        return network_cost(
            shape,
            config,
            floats=encoder + items * latent,
            kept=encoder + items * latent,
            hidden=3 * config.layers * hidden + 20 * latent,
            more=FLOAT * encoder + refined,
            epoch=(likelihood + optimizers) * (2 * passes),
            score=dense_score(shape, hidden, latent) + Work(products=small),
        )

    def _build(self, n_users: int, n_items: int, generator: torch.Generator) -> nn.Module:
        return RecVaeNetwork(n_items, self.config, generator)

    def _passes(self, rows: sparse.csr_array) -> Sequence[Pass]:
        config: RecVaeConfig = self.config
        most = int(np.bincount(rows.indices).max())
        if config.implicit_slim_every and most < config.implicit_slim_threshold:
            raise ConfigError(
                f"ImplicitSLIM needs items of at least implicit_slim_threshold={config.implicit_slim_threshold} "
                f"training users, and no item has more than {most}: lower the threshold."
            )
        return Alternation(self.network, config, rows).passes()
