"""What the linear autoencoders with dropout share: its rate, and the penalty to which it comes down."""

from __future__ import annotations

from typing import Any

import numpy as np

from recae.models.base import param
from recae.models.linear.gram_model import GramModel, PowersConfig
from recae.models.linear.pruned import PrunedConfig

TRIED: tuple[dict[str, Any], ...] = (
    {},
    {"l2": 400.0, "dropout": 0.5},
    {"l2": 80.0, "dropout": 0.8},
    {"l2": 60.0, "dropout": 0.9, "user_power": 0.5},
    {"l2": 400.0, "dropout": 0.5, "user_power": 0.5, "item_power": 0.2},
    {"l2": 400.0, "dropout": 0.5, "user_power": 0.7, "item_power": 0.1},
)
"""Settings worth trying on validation data, the same for all that have no hyper-parameter beside these."""


class DropoutConfig(PowersConfig):
    """Hyper-parameters of the linear autoencoders that learn to fill in what was dropped from a history."""

    l2: float = param(300.0, gt=0, tune=(5.0, 3000.0), scale="log")
    """Weight of the L2 penalty on the item-item weights (lambda in the papers); grows with the size of the data."""
    dropout: float = param(0.33, ge=0, lt=1, tune=(0.0, 0.8))
    """Share of the history that is dropped in training (p in the papers); the expectation is taken, nothing is drawn.
    It comes down to a penalty on each item of p / (1 - p) times its users, beside `l2`."""


class DroppedGramConfig(PrunedConfig, DropoutConfig):
    """Hyper-parameters of those among them that are one item-item matrix."""


class DroppedGramModel(GramModel):
    """A Gram matrix with the penalty that dropout comes down to."""

    Config = DroppedGramConfig

    def _penalty(self, n_users_of: np.ndarray) -> np.ndarray:
        return dropout_penalty(n_users_of, self.config.dropout, self.config.l2)


def dropout_penalty(weight_of: np.ndarray, dropout: float, l2: float) -> np.ndarray:
    """(n_items,) what dropout and `l2` add to the diagonal of the Gram matrix, for its diagonal `weight_of`.

    With kept entries scaled by 1 / (1 - p), X^T X keeps its expectation under dropout everywhere but on the
    diagonal, which grows by p / (1 - p) of itself. The models pass the numbers of users, as DAN's authors do, also
    where a `user_power` weighs these.
    """
    return l2 + dropout / (1 - dropout) * weight_of
