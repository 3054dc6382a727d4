"""I-AutoRec and U-AutoRec as one network: a rating is the sum of both reconstructions."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from recae.models.autoencoders.autorec import SOURCE
from recae.models.autoencoders.item_ratings import ItemRatings
from recae.models.autoencoders.rating_network import RatingConfig
from recae.models.base import ModelInfo, param
from recae.training.engine import Loss, Machine
from recae.training.layers import Dense, observed_product, small_bias, sparse_product, xavier
from recae.training.sparse import SparseRows

GAIN = 2.5


class AutoRecBothConfig(RatingConfig):
    """Hyper-parameters of the joint AutoRec."""

    epochs: int = param(110, ge=1, le=100_000)
    """Gradient steps, each on all ratings; over them the step size falls to zero along half a cosine."""
    batch_users: int = param(2**31, ge=1)
    """Items per gradient step: all of them, since a user's code needs all of the user's ratings."""
    learning_rate: float = param(1e-2, gt=0, le=1, tune=(1e-3, 3e-2), scale="log")
    """Adam's step size at the start."""
    hidden_layers: int = param(1, ge=1, le=4)
    """How many hidden layers there are on each side."""
    latent: int = param(250, ge=1, tune=(50, 500), scale="log")
    """Size of each hidden layer."""
    dropout: float = param(0.8, ge=0, lt=1, tune=(0.3, 0.9))
    """Share of the ratings hidden from both inputs in each gradient step; those left are scaled up."""
    l2: float = param(80.0, ge=0, tune=(10.0, 500.0), scale="log")
    """Weight of the sum of squared weights beside the sum of squared errors over all known ratings."""

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

    def forward(self, ratings: SparseRows, shown: SparseRows) -> Tensor:
        """(n_rows, latent) code."""
        before = sparse_product(ratings, self.rating) + self.bias
        hidden = torch.sigmoid(before if self.known is None else before + sparse_product(shown, self.known))
        for layer in self.between:
            # A sigmoid's outputs differ little; without a gain l2 would take the next layer's input to nothing.
            hidden = torch.sigmoid(layer(GAIN * (hidden - 0.5)))
        return hidden - 0.5


class AutoRecBothNetwork(nn.Module):
    """mean + b_u + b_i + w_u . code of the item's ratings + v_i . code of the user's ratings."""

    centre: Tensor
    """(1,) mean of the training ratings."""

    def __init__(self, n_users: int, n_items: int, config: AutoRecBothConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(1, device=generator.device))
        self.dropout = config.dropout
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
        return Loss(squared / batch.n_rows, {"mse": squared / max(1, len(errors))})

    def _of_items(self, rows: SparseRows, shown: SparseRows) -> Tensor:
        code = self.item_code(self._centred(rows, shown), shown)
        return torch.cat([code, self.item_weight[rows.positions], self.item_bias[rows.positions, None]], dim=1)

    def _of_users(self, rows: SparseRows, shown: SparseRows) -> Tensor:
        code = self.user_code(self._centred(rows, shown), shown)
        return torch.cat([self.user_weight, code, torch.ones_like(code[:, :1])], dim=1)

    def _centred(self, rows: SparseRows, shown: SparseRows) -> SparseRows:
        return rows.with_values((rows.values - self.centre) * shown.values)


def _transposed(batch: SparseRows) -> tuple[SparseRows, Tensor]:
    """The columns of a batch as rows over the positions of all training rows, and where each entry came from."""
    order = torch.argsort(batch.indices, stable=True)
    counts = torch.bincount(batch.indices, minlength=batch.n_columns)
    indptr = torch.cat([counts.new_zeros(1), counts.cumsum(0)])
    if batch.positions is None:
        raise ValueError("the positions of the rows are needed")
    return SparseRows(indptr, batch.positions[batch.rows[order]], batch.values[order], batch.n_rows), order


class AutoRecBoth(ItemRatings):
    """I-AutoRec and U-AutoRec trained as one: a predicted rating is the sum of what the item's ratings by others and
    the user's other ratings say.

    No paper's model: each side has an input weight for ratings and another for there being one, as SVD++ has.
    """

    info = ModelInfo(
        name="autorec-both",
        title="Joint I- and U-AutoRec",
        source=f"recae, after {SOURCE} and Koren 2008: Factorization Meets the Neighborhood (KDD)",
        family="autoencoder",
        needs="ratings",
        inductive=False,
        cost="memory 48 x (users + items) x latent bytes; time per epoch ~ ratings x latent",
    )
    Config = AutoRecBothConfig
    grid: ClassVar[tuple[dict[str, Any], ...]] = ({}, {"l2": 60.0, "hidden_layers": 2}, {"l2": 40.0}, {"l2": 15.0})

    def _build(self, n_users: int, n_items: int, generator: torch.Generator) -> nn.Module:
        return AutoRecBothNetwork(n_users, n_items, self.config, generator)

    @property
    def _code_size(self) -> int:
        return 2 * int(self.config.latent) + 1
