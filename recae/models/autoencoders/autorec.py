"""What both AutoRec models are made of: a sigmoid code of the known ratings, and a linear reconstruction."""

from __future__ import annotations

import torch

from recae.models.autoencoders.rating_network import Layers, RatingConfig, RatingNetwork
from recae.models.base import param
from recae.training.layers import ObservedLinear, xavier

SOURCE = "Sedhain, Menon, Sanner, Xie 2015: AutoRec: Autoencoders Meet Collaborative Filtering (WWW)"


class AutoRecConfig(RatingConfig):
    """Hyper-parameters of AutoRec; the paper tunes l2 between 0.001 and 1000 and uses 500 hidden units."""

    epochs: int = param(60, ge=1, le=100_000)
    """Passes over the training rows; over them the step size falls to zero along half a cosine."""
    dropout: float = param(0.8, ge=0, lt=1, tune=(0.0, 0.9))
    """Share of the ratings hidden from the input in each gradient step; those left are scaled up. 0: as published."""
    l2: float = param(160.0, ge=0, tune=(0.1, 1000.0), scale="log")
    """Weight of half the sum of squared weights beside the sum of squared errors over all known ratings."""

    def penalty(self, n_rows: int) -> float:
        """The paper's objective is a sum over all rows, the engine's a mean: l2 is divided by the number of rows.

        The errors enter the paper's sum without the factor 1/2 that its penalty has.
        """
        return self.l2 / n_rows


class AutoRecNetwork(RatingNetwork):
    """h(r) = W2 sigmoid(W1 r + b1) + b2 (equation 1), fitted to the known ratings only (equation 2)."""

    def __init__(self, n_columns: int, config: AutoRecConfig, generator: torch.Generator) -> None:
        super().__init__(n_columns, config, generator)
        self.encoder = xavier(n_columns, config.latent, generator)
        self.output = ObservedLinear(config.latent, n_columns, generator)

    def layers(self) -> Layers:
        return Layers(self.encoder, self.output.weight, self.output.bias)
