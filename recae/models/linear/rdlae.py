"""RDLAE: between EDLAE, whose diagonal is zero, and DLAE, whose diagonal is free."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from recae.models.base import ModelInfo, param
from recae.models.linear.dropout import DroppedGramConfig, DroppedGramModel
from recae.models.linear.gram_model import GRAM_COST


class Rdlae(DroppedGramModel):
    """DLAE under the constraint that no diagonal entry exceeds `relaxation`: at 0 it is EDLAE, near 1 it is DLAE.
    The diagonal itself is left out when items are scored."""

    info: ClassVar = ModelInfo(
        name="rdlae",
        title="RDLAE, the denoising linear autoencoder with a relaxed diagonal",
        source="Moon, Kim, Lee (2023): It's enough: relaxing diagonal constraints in linear autoencoders for "
        "recommendation. SIGIR 2023, section 3",
        family="linear",
        cost=GRAM_COST,
    )
    grid: ClassVar[tuple[dict[str, Any], ...]] = (
        {},
        {"l2": 400.0, "dropout": 0.5},
        {"l2": 80.0, "dropout": 0.8, "relaxation": 0.1},
        {"l2": 60.0, "dropout": 0.9, "user_power": 0.5, "relaxation": 0.1},
        {"l2": 400.0, "dropout": 0.5, "user_power": 0.5, "item_power": 0.2, "relaxation": 0.1},
        {"l2": 400.0, "dropout": 0.5, "user_power": 0.7, "item_power": 0.1},
    )

    class Config(DroppedGramConfig):
        """Hyper-parameters of RDLAE."""

        relaxation: float = param(0.3, ge=0, lt=1, tune=(0.0, 0.7))
        """xi of the paper: how great an item's weight for itself may become while the weights are solved."""

    def _solve(self, inverse: np.ndarray, penalty: np.ndarray) -> None:
        inverse *= -constrained_penalty(inverse.diagonal(), penalty, self.config.relaxation)


def constrained_penalty(diagonal: np.ndarray, penalty: np.ndarray, relaxation: float) -> np.ndarray:
    """(n_items,) the penalty with the multipliers of the constraint diag(B) <= relaxation added to it.

    DLAE's diagonal is 1 - penalty * diagonal, with `diagonal` that of the inverse; only where it exceeds
    `relaxation` the multiplier is above 0, and brings it down to `relaxation`.
    """
    return np.maximum(penalty, (1 - relaxation) / diagonal)
