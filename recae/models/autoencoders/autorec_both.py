"""I-AutoRec and U-AutoRec as one network: a rating is the sum of both reconstructions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, ClassVar, cast

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from recae.models.autoencoders.autorec import SOURCE
from recae.models.autoencoders.average import Average, averaged
from recae.models.autoencoders.costs import joint_cost
from recae.models.autoencoders.item_ratings import ItemRatings
from recae.models.autoencoders.rating_network import RatingConfig
from recae.models.base import ModelInfo, param
from recae.models.cost import Cost, Shape
from recae.training.engine import Loss, Machine, Pass, Step
from recae.training.layers import Dense, observed_product, small_bias, sparse_product, xavier
from recae.training.sparse import SparseRows

HIDDEN_START = 2.0
"""By how much the hidden layers' weights start larger than usual: a sigmoid's outputs differ little."""


class AutoRecBothConfig(RatingConfig):
    """Hyper-parameters of the joint AutoRec."""

    epochs: int = param(120, ge=1, le=100_000)
    """Gradient steps, each on all ratings; over them the step size falls to zero along half a cosine."""
    batch_users: int = param(2**31, ge=1)
    """Items per gradient step: all of them, since a user's code needs all of the user's ratings."""
    learning_rate: float = param(1.2e-2, gt=0, le=1, tune=(1e-3, 3e-2), scale="log")
    """Adam's step size at the start."""
    starts: int = param(3, ge=1, le=100)
    """How many networks are trained side by side from independent starts; their predictions are averaged."""
    hidden_layers: int = param(2, ge=1, le=4)
    """How many hidden layers there are on each side."""
    latent: int = param(250, ge=1, tune=(50, 500), scale="log")
    """Size of each hidden layer."""
    dropout: float = param(0.85, ge=0, lt=1, tune=(0.3, 0.9))
    """Share of the ratings hidden from both inputs in each gradient step; those left are scaled up."""
    l2: float = param(45.0, ge=0, tune=(10.0, 500.0), scale="log")
    """Weight of the sum of squared weights beside the sum of squared errors over all known ratings."""
    hidden_l2: float = param(10.0, ge=0, tune=(1.0, 100.0), scale="log")
    """The same for the weights between two hidden layers; they are few, and every row's code depends on them."""

    def penalty(self, n_rows: int) -> float:
        return 2 * self.l2 / n_rows


class _Side(nn.Module):
    """A code of what is known of each row: sigmoid layers on weights of ratings and weights of there being one."""

    def __init__(self, n_columns: int, config: AutoRecBothConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.rating = xavier(n_columns, config.latent, generator)
        self.known = xavier(n_columns, config.latent, generator) if config.known else None
        self.bias = small_bias(config.latent, generator)
        more = range(config.hidden_layers - 1)
        self.between = nn.ModuleList(Dense(config.latent, config.latent, generator) for _ in more)
        with torch.no_grad():
            for weight in self.between_weights():
                weight.mul_(HIDDEN_START)

    def forward(self, ratings: SparseRows, shown: SparseRows) -> Tensor:
        """(n_rows, latent) code."""
        before = sparse_product(ratings, self.rating) + self.bias
        hidden = torch.sigmoid(before if self.known is None else before + sparse_product(shown, self.known))
        for layer in self.between:
            hidden = torch.sigmoid(layer(hidden - 0.5))
        return hidden - 0.5

    def between_weights(self) -> list[nn.Parameter]:
        """The (latent, latent) weights of the hidden layers after the first."""
        return [layer.weight for layer in cast("Iterable[Dense]", self.between)]


class AutoRecBothNetwork(nn.Module):
    """mean + b_u + b_i + w_u . code of the item's ratings + v_i . code of the user's ratings."""

    centre: Tensor
    """(1,) mean of the training ratings."""

    def __init__(self, n_users: int, n_items: int, config: AutoRecBothConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(1, device=generator.device))
        self.dropout, self.hidden_l2 = config.dropout, config.hidden_l2
        self.item_code = _Side(n_users, config, generator)
        self.user_code = _Side(n_items, config, generator)
        self.user_weight = xavier(n_users, config.latent, generator)
        self.item_weight = xavier(n_items, config.latent, generator)
        self.user_bias = small_bias(n_users, generator)
        self.item_bias = small_bias(n_items, generator)

    def start_at(self, rows: sparse.csr_array) -> None:
        """Take the training rows, items x users, and the mean of their ratings."""
        self.rows = rows
        self.centre.fill_(float(rows.data.mean(dtype=np.float64)))

    def code(self, rows: SparseRows) -> Tensor:
        """(n_rows, 2 latent + 1) each item's code, its weights for the users' codes, and its bias."""
        return self._of_items(rows, rows.with_values(torch.ones_like(rows.values)))

    def decoder(self) -> tuple[Tensor, Tensor]:
        """(n_users, 2 latent + 1) each user's weights for the items' codes, its code, and 1; and (n_users,) biases."""
        users = SparseRows.of(self.rows.T.tocsr(), self.centre.device)
        ones = users.with_values(torch.ones_like(users.values))
        return self._of_users(users, ones), self.user_bias + self.centre

    def loss(self, batch: SparseRows, step: int, machine: Machine) -> Loss:
        shown = batch.with_values(torch.ones_like(batch.values)).dropped(self.dropout, machine.generator)
        users, order = _transposed(batch)
        items = self._of_items(batch, shown)
        both = observed_product(items, self._of_users(users, users.with_values(shown.values[order])), batch)
        errors = both + self.user_bias[batch.indices] + self.centre - batch.values
        squared = errors.square().sum()
        penalty = sum((weight.square().sum() for weight in self.between_weights()), squared.new_zeros(()))
        total = (squared + self.hidden_l2 * penalty) / batch.n_rows
        return Loss(total, {"mse": squared / max(1, len(errors))})

    def between_weights(self) -> list[nn.Parameter]:
        """The hidden layers' weights, which pay `hidden_l2` instead of `l2`."""
        return [*self.item_code.between_weights(), *self.user_code.between_weights()]

    def _of_items(self, rows: SparseRows, shown: SparseRows) -> Tensor:
        code = self.item_code(*self._inputs(rows, shown))
        return torch.cat([code, self.item_weight[rows.positions], self.item_bias[rows.positions, None]], dim=1)

    def _of_users(self, rows: SparseRows, shown: SparseRows) -> Tensor:
        code = self.user_code(*self._inputs(rows, shown))
        return torch.cat([self.user_weight, code, torch.ones_like(code[:, :1])], dim=1)

    def _inputs(self, rows: SparseRows, shown: SparseRows) -> tuple[SparseRows, SparseRows]:
        """The ratings less their mean, and that they are there, both only where `shown` is not zero."""
        there = shown.without_zeros()
        ratings = (rows.values - self.centre)[shown.values != 0]
        return there.with_values(ratings * there.values), there


def _transposed(batch: SparseRows) -> tuple[SparseRows, Tensor]:
    """The columns of a batch as rows over the positions of all training rows, and where each entry came from."""
    order = batch.by_column.order
    counts = torch.bincount(batch.indices, minlength=batch.n_columns)
    indptr = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    if batch.positions is None:
        raise ValueError("the positions of the rows are needed")
    return SparseRows(indptr, batch.positions[batch.by_column.rows], batch.values[order], batch.n_rows), order


class AutoRecBoth(ItemRatings):
    """I-AutoRec and U-AutoRec trained as one: a predicted rating is the sum of what the item's ratings by others and
    the user's other ratings say.

    No paper's model: each side has an input weight for ratings and another for there being one, as SVD++ has, and two
    hidden layers; by default the predictions of three such networks are averaged.
    """

    info = ModelInfo(
        name="autorec-both",
        title="Joint I- and U-AutoRec",
        source=f"this project (2026), from {SOURCE} and Koren 2008: Factorization Meets the Neighborhood (KDD)",
        family="autoencoder",
        needs="ratings",
        inductive=False,
        cost="memory 48 x starts x (users + items) x latent bytes; time per epoch ~ starts x ratings x latent",
    )
    Config = AutoRecBothConfig
    grid: ClassVar[tuple[dict[str, Any], ...]] = (
        {},
        {"hidden_layers": 1, "l2": 80.0, "dropout": 0.8, "starts": 1},
        {"latent": 150, "starts": 5},
        {"l2": 15.0},
    )

    def cost(self, shape: Shape) -> Cost:
        return joint_cost(shape, self.config)

    def _build(self, n_users: int, n_items: int, generator: torch.Generator) -> nn.Module:
        return averaged(self.config.starts, lambda: AutoRecBothNetwork(n_users, n_items, self.config, generator))

    def _passes(self, rows: sparse.csr_array) -> Sequence[Pass]:
        self.network.start_at(rows)
        networks = self.network if isinstance(self.network, Average) else [self.network]
        between = tuple(weight for network in networks for weight in network.between_weights())
        return (Pass((Step(self.network.loss, tuple(self.network.parameters()), unpenalised=between),)),)

    @property
    def _code_size(self) -> int:
        return 2 * int(self.config.latent) + 1
