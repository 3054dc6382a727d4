"""H+Vamp: a hierarchical variational autoencoder with gated layers and a prior learned as a mixture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from scipy import sparse
from torch import Tensor, nn
from torch.nn import functional

from recae.models.autoencoders.costs import dense_score, multinomial_epoch, network_cost
from recae.models.autoencoders.gaussian import divergence, draw, log_density, mixture_log_density
from recae.models.autoencoders.network import NetworkConfig, NetworkRecommender
from recae.models.base import ModelInfo, param
from recae.models.cost import Cost, Shape, Work
from recae.training.engine import Loss, Machine, Pass, Step
from recae.training.layers import Dense, SparseLinear
from recae.training.multinomial import MultinomialOutput
from recae.training.sparse import SparseRows

_LOG_VARIANCE = (-12.0, 4.0)
_PSEUDO_MEAN, _PSEUDO_DEVIATION = 0.05, 0.01

Gaussian = tuple[Tensor, Tensor]
"""Mean and log variance, (n_rows, latent) each."""


class HVampConfig(NetworkConfig):
    """Hyper-parameters of H+Vamp (gated)."""

    epochs: int = param(400, ge=1, le=100_000)
    """Passes over the training users, at most."""
    patience: int = param(50, ge=0)
    """Stop after this many epochs without a better validation metric; 0 trains all epochs."""
    batch_users: int = param(200, ge=1)
    """Users per gradient step."""
    learning_rate: float = param(5e-4, gt=0, le=1, tune=(1e-4, 1e-2), scale="log")
    """Adam's step size."""
    hidden: int = param(600, ge=1, tune=(100, 600), scale="log")
    """Size of each gated layer."""
    latent: int = param(200, ge=1, tune=(50, 400), scale="log")
    """Size of the latent code, at each of its two levels."""
    pseudo_users: int = param(1000, ge=1, le=10_000, tune=(100, 1000), scale="log")
    """Learned histories whose codes make up the prior; every step encodes them all."""
    dropout: float = param(0.5, ge=0, lt=1, tune=(0.3, 0.8))
    """Share of the normalised history that is hidden from either encoder in training."""
    beta: float = param(0.3, ge=0, le=10, tune=(0.05, 1.0), scale="log")
    """Weight of the KL terms once they are fully warmed up."""
    warm_up: int = param(100, ge=0, tune=(0, 100))
    """The weight of the KL terms grows by the epoch up to this one; 0 starts at beta."""
    l2: float = param(0.0, ge=0, tune=(1e-6, 1e-3), scale="log")
    """Weight of the sum of squared weights in the loss (biases are left alone)."""

    def penalty(self, n_rows: int) -> float:
        """The term is l2 x the sum of squares, the engine's half of that."""
        return 2 * self.l2


class Gated(nn.Module):
    """h * sigmoid(g), for h and g linear in the input: a gate in place of a squashing function."""

    def __init__(self, inputs: int, outputs: int, generator: torch.Generator) -> None:
        super().__init__()
        self.both = Dense(inputs, 2 * outputs, generator)

    def forward(self, hidden: Tensor, dtype: torch.dtype) -> Tensor:
        """(n_rows, outputs); the product runs in `dtype`."""
        return functional.glu(self.both(hidden, dtype), dim=1)


class GatedPair(nn.Module):
    """Two gated inputs side by side, and a gated layer over both."""

    def __init__(self, second: int, hidden: int, generator: torch.Generator, first: int | None = None) -> None:
        super().__init__()
        self.first = None if first is None else Gated(first, hidden, generator)
        self.second = Gated(second, hidden, generator)
        self.joint = Gated(2 * hidden, hidden, generator)

    def forward(self, first: Tensor, second: Tensor, dtype: torch.dtype) -> Tensor:
        """(n_rows, hidden); `first` is taken as it is where it has no layer here."""
        ready = first if self.first is None else self.first(first, dtype)
        hidden: Tensor = self.joint(torch.cat([ready, self.second(second, dtype)], dim=1), dtype)
        return hidden


class HVampNetwork(nn.Module):
    """history -> z2; history and z2 -> z1; z1 and z2 -> items. The prior of z1 is given z2, that of z2 a mixture."""

    beta: Tensor
    """() the weight of the KL terms in this epoch; no part of the model, but of the state of its training."""

    def __init__(self, n_items: int, config: HVampConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("beta", torch.tensor(config.beta, device=generator.device), persistent=False)
        hidden, latent = config.hidden, config.latent
        self.upper_history = SparseLinear(n_items, 2 * hidden, generator)
        self.upper_layer = Gated(hidden, hidden, generator)
        self.upper_code = Dense(hidden, 2 * latent, generator)
        self.lower_history = SparseLinear(n_items, 2 * hidden, generator)
        self.lower_layers = GatedPair(latent, hidden, generator)
        self.lower_code = Dense(hidden, 2 * latent, generator)
        self.prior_layers = nn.ModuleList([Gated(latent, hidden, generator), Gated(hidden, hidden, generator)])
        self.prior_code = Dense(hidden, 2 * latent, generator)
        self.decoder = GatedPair(latent, hidden, generator, first=latent)
        self.output = MultinomialOutput(hidden, n_items, generator)
        for module in self.modules():
            _start_as_he(module, generator)
        pseudo = torch.empty(config.pseudo_users, n_items, device=generator.device)
        self.pseudo_histories = nn.Parameter(pseudo.normal_(_PSEUDO_MEAN, _PSEUDO_DEVIATION, generator=generator))

    def start_epoch(self, epoch: int) -> None:
        """Set the weight of the KL terms: linear up to the epoch `warm_up`."""
        warm_up = self.config.warm_up
        beta = self.config.beta * (min(1.0, epoch / warm_up) if warm_up else 1.0)
        self.beta = torch.tensor(beta, device=self.beta.device)

    def loss(self, batch: SparseRows, step: int, machine: Machine) -> Loss:
        history, dtype, rate = batch.normalized(), machine.dtype, self.config.dropout
        upper = self.encode_upper(self.upper_history(history.dropped(rate, machine.generator)), dtype)
        z2 = draw(*upper, machine.generator)
        lower = self.encode_lower(history.dropped(rate, machine.generator), z2, dtype)
        z1 = draw(*lower, machine.generator)

        hidden = self.decoder(z1, z2, dtype)
        likelihood = self.output.negative_log_likelihood(hidden, batch, dtype)
        divergence_1 = divergence(*lower, *self.prior_of_lower(z2, dtype)).sum(dim=1)
        # There is no closed form against a mixture: the sample that is at hand stands for the expectation.
        divergence_2 = log_density(z2, *upper).sum(dim=1) - mixture_log_density(z2, *self.prior_of_upper(dtype))
        total_divergence = (divergence_1 + divergence_2).mean()
        total = likelihood + self.beta * total_divergence
        return Loss(total, {"loss": total, "kl": total_divergence})

    def encode_upper(self, history: Tensor, dtype: torch.dtype) -> Gaussian:
        """q(z2 | history), from the first layer's product with the history."""
        hidden = self.upper_layer(functional.glu(history, dim=1), dtype)
        return _gaussian(self.upper_code(hidden, dtype))

    def encode_lower(self, history: SparseRows, z2: Tensor, dtype: torch.dtype) -> Gaussian:
        """q(z1 | history, z2)."""
        hidden = self.lower_layers(functional.glu(self.lower_history(history), dim=1), z2, dtype)
        return _gaussian(self.lower_code(hidden, dtype))

    def prior_of_lower(self, z2: Tensor, dtype: torch.dtype) -> Gaussian:
        """p(z1 | z2)."""
        first, second = self.prior_layers
        return _gaussian(self.prior_code(second(first(z2, dtype), dtype), dtype))

    def prior_of_upper(self, dtype: torch.dtype) -> Gaussian:
        """q(z2 | pseudo-history), (pseudo_users, latent) each: the components of the prior of z2."""
        pseudo, layer = self.pseudo_histories.clamp(0, 1), self.upper_history
        product = (pseudo.to(dtype) @ layer.weight.to(dtype)).float()
        return self.encode_upper(product + layer.bias, dtype)

    def last_hidden(self, rows: SparseRows) -> Tensor:
        """(n_rows, width) what the output layer is given."""
        history, dtype = rows.normalized(), torch.float32
        z2, _ = self.encode_upper(self.upper_history(history), dtype)
        z1, _ = self.encode_lower(history, z2, dtype)
        hidden: Tensor = self.decoder(z1, z2, dtype)
        return hidden

    def scores(self, rows: SparseRows) -> Tensor:
        """(n_rows, n_items) logits at the means of both codes."""
        logits: Tensor = self.output(self.last_hidden(rows))
        return logits


def _gaussian(code: Tensor) -> Gaussian:
    mean, log_variance = code.chunk(2, dim=1)
    return mean, log_variance.clamp(*_LOG_VARIANCE)


@torch.no_grad()
def _start_as_he(module: nn.Module, generator: torch.Generator) -> None:
    # A SparseLinear keeps its inputs as rows, the others keep them as columns.
    if isinstance(module, SparseLinear):
        module.weight.normal_(0, (2 / module.weight.shape[0]) ** 0.5, generator=generator)
    elif isinstance(module, Dense | MultinomialOutput):
        module.weight.normal_(0, (2 / module.weight.shape[1]) ** 0.5, generator=generator)


class HVamp(NetworkRecommender):
    """Two levels of taste, one over the other, with a prior learned as the tastes of made-up users, and gated layers.

    The prior of the upper level is the mixture of what the encoder says of a number of learned histories (VampPrior).
    """

    info = ModelInfo(
        name="h-vamp",
        title="H+Vamp (gated)",
        source=(
            "Kim, Suh 2019: Enhancing VAEs for Collaborative Filtering: Flexible Priors & Gating Mechanisms (RecSys)"
        ),
        family="autoencoder",
        cost=(
            "memory 20 x items x (5 x hidden + pseudo_users) bytes; time per epoch ~ users x items x hidden x "
            "(1 + 2 x pseudo_users / batch_users)"
        ),
    )
    Config = HVampConfig
    grid: ClassVar[tuple[dict[str, Any], ...]] = (
        {},
        {"hidden": 200, "learning_rate": 2e-3, "warm_up": 20, "beta": 0.5},
    )

    def cost(self, shape: Shape) -> Cost:
        config, items = self.config, shape.items
        hidden, pseudo = config.hidden, config.pseudo_users
        small = 14 * hidden**2 + 10 * hidden * config.latent
        floats = items * (5 * hidden + pseudo) + small
        # Every step takes the made-up users through the first layer, and brings dense gradients back.
        steps = -(-shape.users // config.batch_users)
        prior = Work(narrow=6.0 * pseudo * items * hidden, moved=20.0 * items * (pseudo + 2 * hidden)) * steps
        return network_cost(
            shape,
            config,
            floats=floats,
            kept=floats,
            hidden=30 * hidden,
            more=items * (18 * pseudo + 24 * hidden),
            epoch=multinomial_epoch(shape, 4 * hidden, hidden) + prior + Work(products=3 * small * shape.users),
            score=dense_score(shape, 4 * hidden, hidden),
        )

    def _build(self, n_users: int, n_items: int, generator: torch.Generator) -> nn.Module:
        return HVampNetwork(n_items, self.config, generator)

    def _passes(self, rows: sparse.csr_array) -> Sequence[Pass]:
        step = Step(self.network.loss, tuple(self.network.parameters()))
        return (Pass((step,), before=self.network.start_epoch),)
