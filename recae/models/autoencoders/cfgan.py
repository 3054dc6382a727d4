"""CFGAN: a generator of purchase vectors trained against a discriminator that knows the user's history."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import torch
from scipy import sparse
from torch import Tensor, nn
from torch.nn import functional

from recae.models.autoencoders.costs import dense_score, network_cost
from recae.models.autoencoders.network import NetworkConfig, NetworkRecommender
from recae.models.base import ModelInfo, param
from recae.models.cost import FLOAT, Cost, Shape, Work, sum_rows
from recae.training.engine import Loss, Machine, Pass, Step
from recae.training.layers import Dense, ObservedLinear, SparseLinear
from recae.training.masked import masked_product
from recae.training.sparse import SparseRows


class CfganConfig(NetworkConfig):
    """Hyper-parameters of CFGAN; the defaults are the authors' for MovieLens 1M."""

    epochs: int = param(1500, ge=1, le=100_000)
    """Passes over the training users, at most; each is one for the discriminator and one for the generator."""
    batch_users: int = param(256, ge=1)
    """Users per gradient step, of either network."""
    learning_rate: float = param(1e-4, gt=0, le=1, tune=(1e-4, 1e-2), scale="log")
    """Adam's step size for the generator."""
    discriminator_rate: float = param(5e-5, ge=0, le=1, tune=(5e-5, 5e-3), scale="log")
    """Adam's step size for the discriminator; 0 leaves it as it was drawn."""
    latent: int = param(300, ge=1, tune=(50, 400), scale="log")
    """Size of the generator's hidden layer."""
    discriminator_hidden: int = param(250, ge=1, tune=(50, 250), scale="log")
    """Size of the discriminator's hidden layer."""
    l2: float = param(1e-3, ge=0, tune=(1e-6, 1e-2), scale="log")
    """Weight of half the sum of the generator's squared weights."""
    discriminator_l2: float = param(5e-5, ge=0, tune=(1e-6, 1e-2), scale="log")
    """Weight of half the sum of the discriminator's squared weights."""
    masking_share: float = param(0.9, ge=0, le=1, tune=(0.0, 0.9))
    """Partial masking: share of a user's items without an interaction that the discriminator sees beside the others."""
    zero_share: float = param(0.9, ge=0, le=1, tune=(0.1, 1.0))
    """Zero reconstruction: share of a user's items without an interaction whose outputs are drawn towards 0."""
    zero_weight: float = param(0.03, ge=0, tune=(0.01, 1.0), scale="log")
    """Weight of zero reconstruction beside the adversarial loss."""

    def penalty(self, n_rows: int) -> float:
        """The authors' term is l2 x half the sum of squares beside the mean loss, as the engine's."""
        return self.l2


class Generator(nn.Module):
    """history -> hidden (sigmoid) -> a number for every item; without random input, as the authors leave it out."""

    def __init__(self, n_items: int, latent: int, generator: torch.Generator) -> None:
        super().__init__()
        self.encoder = SparseLinear(n_items, latent, generator)
        self.output = ObservedLinear(latent, n_items, generator)

    def code(self, rows: SparseRows) -> Tensor:
        """(n_rows, latent) hidden code of binary histories."""
        return torch.sigmoid(self.encoder(rows))

    def scores(self, rows: SparseRows) -> Tensor:
        """(n_rows, n_items) the purchase vectors made up for the histories."""
        numbers: Tensor = self.output(self.code(rows))
        return numbers


class Discriminator(nn.Module):
    """[history, purchase vector] -> hidden (sigmoid) -> logit that the vector is real.

    The first layer's weights are kept in two halves, one for what each part brings to the hidden layer.
    """

    def __init__(self, n_items: int, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        self.history = SparseLinear(n_items, hidden, generator)
        self.purchases = SparseLinear(n_items, hidden, generator)
        self.verdict = Dense(hidden, 1, generator)

    def of_real(self, histories: SparseRows) -> Tensor:
        """(n_rows, 1) logits for the true purchase vectors: the histories themselves."""
        logits: Tensor = self.verdict(torch.sigmoid(self.history(histories) + self.purchases(histories)))
        return logits

    def of_fake(self, histories: SparseRows, brought: Tensor) -> Tensor:
        """(n_rows, 1) logits for made-up vectors that bring (n_rows, hidden) `brought` to the hidden layer."""
        logits: Tensor = self.verdict(torch.sigmoid(self.history(histories) + brought + self.purchases.bias))
        return logits


class CfganNetwork(nn.Module):
    """The two networks and what each of them minimises."""

    def __init__(self, n_items: int, config: CfganConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.config = config
        self.generator = Generator(n_items, config.latent, generator)
        self.discriminator = Discriminator(n_items, config.discriminator_hidden, generator)

    def discriminate(self, batch: SparseRows, step: int, machine: Machine) -> Loss:
        """The discriminator's loss, -log D(real) - log(1 - D(fake)): mean over the rows."""
        fake, _ = self._fake(batch, machine)
        total = functional.softplus(-self.discriminator.of_real(batch)).mean() + functional.softplus(fake).mean()
        return Loss(total, {"discriminator": total})

    def deceive(self, batch: SparseRows, step: int, machine: Machine) -> Loss:
        """The generator's loss, -log D(fake) + zero_weight x its squared outputs at sampled zeros: mean over the rows.

        The paper writes log(1 - D(fake)), whose gradient vanishes where the discriminator is sure; the authors'
        program minimises this one.
        """
        zeros = sampled_zeros(batch, self.config.zero_share, machine.generator)
        fake, squares = self._fake(batch, machine, zeros)
        adversarial, wrong = functional.softplus(-fake).mean(), squares / batch.n_rows
        total = adversarial + self.config.zero_weight * wrong
        return Loss(total, {"generator": adversarial, "zeros": wrong})

    def scores(self, rows: SparseRows) -> Tensor:
        """(n_rows, n_items) the generator's outputs."""
        return self.generator.scores(rows)

    def _fake(self, batch: SparseRows, machine: Machine, zeros: Tensor | None = None) -> tuple[Tensor, Tensor]:
        shown = sampled_zeros(batch, self.config.masking_share, machine.generator)
        shown[batch.rows, batch.indices] = True
        output, reader = self.generator.output, self.discriminator.purchases.weight
        code = self.generator.code(batch)
        brought, squares = masked_product(code, output.weight, output.bias, reader, shown, zeros, machine.dtype)
        return self.discriminator.of_fake(batch, brought), squares


class Cfgan(NetworkRecommender):
    """A generator makes up purchase vectors that a discriminator, shown the history beside them, takes for real.

    This is the user-based form, which scores any history; the figures in the paper are of the item-based form, which
    knows only the users that it was trained on. A later study (Perez Maurera, Ferrari Dacrema, Cremonesi 2022: An
    Evaluation Study of Generative Adversarial Networks for Collaborative Filtering, ECIR) reached the paper's figures
    again, but not consistently those of simple models once these were tuned: without random input and with the
    history as condition, the generator may as well repeat its input, and acts as a plain autoencoder.
    """

    info = ModelInfo(
        name="cfgan",
        title="CFGAN",
        source="Chae, Kang, Kim, Lee 2018: CFGAN: A Generic Collaborative Filtering Framework based on Generative "
        "Adversarial Networks (CIKM)",
        family="autoencoder",
        cost="memory 40 x items x (latent + discriminator_hidden) + 6 x batch_users x items bytes; "
        "time per epoch ~ users x items x (latent + discriminator_hidden)",
    )
    Config = CfganConfig
    grid: ClassVar[tuple[dict[str, Any], ...]] = (
        {},
        # Fewer epochs at higher rates; at still higher or unequal ones the discriminator won, and little was learnt.
        {"epochs": 150, "learning_rate": 1e-3, "discriminator_rate": 1e-3, "l2": 1e-5, "discriminator_l2": 0.0},
        {
            "epochs": 150,
            "batch_users": 128,
            "learning_rate": 2e-3,
            "discriminator_rate": 2e-3,
            "latent": 100,
            "discriminator_hidden": 50,
            "l2": 1e-6,
            "discriminator_l2": 0.0,
        },
    )

    def cost(self, shape: Shape) -> Cost:
        config, items = self.config, shape.items
        floats = 2 * items * (config.latent + config.discriminator_hidden)
        masked = Work(
            narrow=shape.cells * (6 * config.latent + 4 * config.discriminator_hidden), moved=90 * FLOAT * shape.cells
        )
        optimizer = Work(moved=20 * floats) * -(-shape.users // config.batch_users)
        return network_cost(
            shape,
            config,
            floats=floats,
            kept=2 * items * config.latent,
            hidden=config.latent + config.discriminator_hidden,
            more=12 * min(config.batch_users, shape.users) * items,
            epoch=masked + optimizer + sum_rows(9 * shape.interactions, config.latent + config.discriminator_hidden),
            score=dense_score(shape, config.latent, config.latent),
        )

    def _build(self, n_users: int, n_items: int, generator: torch.Generator) -> nn.Module:
        return CfganNetwork(n_items, self.config, generator)

    def _kept(self, network: nn.Module) -> nn.Module:
        return network.get_submodule("generator")

    def _passes(self, rows: sparse.csr_array) -> Sequence[Pass]:
        network, config = self.network, self.config
        discriminate = Step(
            network.discriminate,
            tuple(network.discriminator.parameters()),
            config.discriminator_rate,
            config.discriminator_l2,
        )
        deceive = Step(network.deceive, tuple(network.generator.parameters()))
        return Pass((discriminate,)), Pass((deceive,))


def sampled_zeros(batch: SparseRows, share: float, generator: torch.Generator) -> Tensor:
    """(n_rows, n_items) bool: each item without an entry in the row with probability `share`, others never."""
    chosen = torch.rand(batch.n_rows, batch.n_columns, generator=generator, device=batch.values.device) < share
    chosen[batch.rows, batch.indices] = False
    return chosen
