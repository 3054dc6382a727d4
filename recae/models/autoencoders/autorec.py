"""What both AutoRec models are made of: a sigmoid code of the known ratings, and a linear reconstruction."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from recae.models.autoencoders.network import NetworkConfig
from recae.models.base import param
from recae.training.engine import Loss, Machine
from recae.training.layers import ObservedLinear, SparseLinear
from recae.training.sparse import SparseRows

SOURCE = "Sedhain, Menon, Sanner, Xie 2015: AutoRec: Autoencoders Meet Collaborative Filtering (WWW)"


class AutoRecConfig(NetworkConfig):
    """Hyper-parameters of AutoRec; the paper tunes l2 between 0.001 and 1000 and uses 500 hidden units."""

    epochs: int = param(300, ge=1, le=100_000)
    """Passes over the training rows, at most."""
    batch_users: int = param(256, ge=1)
    """Rows (users or items) per gradient step."""
    latent: int = param(500, ge=1, tune=(50, 500), scale="log")
    """Size of the hidden layer."""
    l2: float = param(50.0, ge=0, tune=(0.1, 1000.0), scale="log")
    """Weight of half the sum of squared weights beside the sum of squared errors over all known ratings."""

    def penalty(self, n_rows: int) -> float:
        """The paper's objective is a sum over all rows, the engine's a mean: l2 is divided by the number of rows.

        The errors enter the paper's sum without the factor 1/2 that its penalty has.
        """
        return self.l2 / n_rows


class AutoRecNetwork(nn.Module):
    """h(r) = W2 sigmoid(W1 r + b1) + b2 (equation 1), fitted to the known ratings only (equation 2)."""

    def __init__(self, n_columns: int, config: AutoRecConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.encoder = SparseLinear(n_columns, config.latent, generator)
        self.output = ObservedLinear(config.latent, n_columns, generator)

    def code(self, rows: SparseRows) -> Tensor:
        """(n_rows, latent) hidden code; unknown ratings count as 0."""
        return torch.sigmoid(self.encoder(rows))

    def loss(self, batch: SparseRows, step: int, machine: Machine) -> Loss:
        errors = self.output.at(self.code(batch), batch) - batch.values
        squared = errors.square().sum()
        return Loss(squared / batch.n_rows, {"mse": squared / max(1, len(errors))})

    def scores(self, rows: SparseRows) -> Tensor:
        """(n_rows, n_columns) predicted ratings."""
        ratings: Tensor = self.output(self.code(rows))
        return ratings
