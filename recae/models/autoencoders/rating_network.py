"""What the autoencoders of ratings share: centred inputs, some of them hidden, and the error at the known ratings."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from recae.models.autoencoders.network import NetworkConfig
from recae.models.base import param
from recae.training.engine import Loss, Machine, Schedule
from recae.training.layers import observed_product, small_bias, sparse_product, xavier
from recae.training.sparse import SparseRows


class RatingConfig(NetworkConfig):
    """Hyper-parameters of every autoencoder of ratings."""

    epochs: int = param(40, ge=1, le=100_000)
    """Passes over the training rows; over them the step size falls to zero along half a cosine."""
    patience: int = param(0, ge=0)
    """Stop after this many epochs without a better validation metric; 0 trains all epochs."""
    batch_users: int = param(1000, ge=1)
    """Rows (users or items) per gradient step."""
    learning_rate: float = param(5e-3, gt=0, le=1, tune=(1e-3, 2e-2), scale="log")
    """Adam's step size at the start."""
    latent: int = param(500, ge=1, tune=(50, 500), scale="log")
    """Size of a hidden layer."""
    dropout: float = param(0.0, ge=0, lt=1, tune=(0.0, 0.7))
    """Share of the ratings hidden from the input in each gradient step; those left are scaled up."""
    starts: int = param(1, ge=1, le=100)
    """How many networks are trained side by side from independent starts; their predictions are averaged."""
    known: bool = param(True, tune=(True, False), scale="choice")
    """Learn a second input weight of every column, for that it has a rating at all (as SVD++ does). False: none."""

    def schedule(self, n_rows: int) -> Schedule:
        return replace(super().schedule(n_rows), decay=True)


@dataclass(frozen=True)
class Layers:
    """The weights of a network as one gradient step uses them."""

    first: Tensor
    """(n_columns, latent) what a rating is multiplied by."""
    output: Tensor
    """(n_columns, latent)"""
    bias: Tensor
    """(n_columns,) of the output."""
    between: tuple[tuple[Tensor, Tensor], ...] = ()
    """Weight (latent, latent) and bias of each hidden layer after the first."""
    penalty: Tensor | float = 0.0
    """Added to the sum of squared errors over all training rows, beside the schedule's l2."""


class RatingNetwork(nn.Module):
    """Sparse ratings to a code, and a code to ratings, trained where ratings are known.

    Ratings go in and come out less the mean of all: an unknown rating counts as an average one, and training does
    not begin with thousands of steps that find the mean.
    """

    centre: Tensor
    """(1,) mean of the training ratings."""
    known: nn.Parameter | None

    def __init__(self, n_columns: int, config: RatingConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.register_buffer("centre", torch.zeros(1, device=generator.device))
        self.dropout = config.dropout
        self.encoder_bias = small_bias(config.latent, generator)
        self.known = xavier(n_columns, config.latent, generator) if config.known else None
        self.n_rows = 1

    def start_at(self, rows: sparse.csr_array) -> None:
        """Take the mean of the training rows' ratings, and their number."""
        self.centre.fill_(float(rows.data.mean(dtype=np.float64)))
        self.n_rows = int(np.count_nonzero(np.diff(rows.indptr)))

    @abstractmethod
    def layers(self) -> Layers:
        """The weights, computed from the parameters."""

    def first(self, rows: SparseRows, shown: SparseRows, weight: Tensor) -> Tensor:
        """(n_rows, latent) ratings times weight, each as many times as `shown` says at its entry."""
        return sparse_product(rows.with_values((rows.values - self.centre) * shown.values).without_zeros(), weight)

    def encode(self, rows: SparseRows, shown: SparseRows, layers: Layers) -> Tensor:
        """(n_rows, latent) code of the ratings shown."""
        before = self.first(rows, shown, layers.first) + self.encoder_bias
        hidden = torch.sigmoid(
            before if self.known is None else before + sparse_product(shown.without_zeros(), self.known)
        )
        for weight, bias in layers.between:
            # Less 1/2, so that the units of the next layer do not all begin with one large input in common.
            hidden = torch.sigmoid(torch.addmm(bias, hidden - 0.5, weight))
        return hidden - 0.5

    def code(self, rows: SparseRows) -> Tensor:
        """(n_rows, latent) code with all ratings shown."""
        return self.encode(rows, rows.with_values(torch.ones_like(rows.values)), self.layers())

    def decoder(self) -> tuple[Tensor, Tensor]:
        """(n_columns, latent) output weights and (n_columns,) biases, with which a code becomes ratings."""
        layers = self.layers()
        return layers.output, layers.bias + self.centre

    def loss(self, batch: SparseRows, step: int, machine: Machine) -> Loss:
        layers = self.layers()
        shown = batch.with_values(torch.ones_like(batch.values)).dropped(self.dropout, machine.generator)
        predicted = observed_product(self.encode(batch, shown, layers), layers.output, batch)
        squared = (predicted + layers.bias[batch.indices] + self.centre - batch.values).square().sum()
        total = squared / batch.n_rows + layers.penalty / self.n_rows
        return Loss(total, {"mse": squared / max(1, len(batch.values))})

    def scores(self, rows: SparseRows) -> Tensor:
        """(n_rows, n_columns) predicted ratings."""
        layers = self.layers()
        shown = rows.with_values(torch.ones_like(rows.values))
        return torch.addmm(layers.bias + self.centre, self.encode(rows, shown, layers), layers.output.T)
