"""EASE: the linear autoencoder whose item-item weights are solved in closed form."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from recae.models.base import ModelInfo
from recae.models.linear.gram_model import GRAM_COST, GramConfig, GramModel


class Ease(GramModel):
    """B minimises |X - X B|^2 + l2 |B|^2 with a zero diagonal; the scores of a binary history x are x B."""

    info: ClassVar = ModelInfo(
        name="ease",
        title="EASE, the closed-form linear autoencoder",
        source="Steck (2019): Embarrassingly shallow autoencoders for sparse data. WWW 2019, equation 8; powers: Park, "
        "Yoo, Lee (2025): Why is normalization necessary for linear recommenders? SIGIR 2025",
        family="linear",
        cost=GRAM_COST,
    )
    grid: ClassVar = (
        {},
        {"l2": 100.0},
        {"l2": 250.0},
        {"l2": 1000.0},
        {"l2": 2000.0},
        {"l2": 500.0, "user_power": 0.5, "item_power": 0.2},
    )
    Config = GramConfig

    def _solve(self, inverse: np.ndarray, penalty: np.ndarray) -> None:
        inverse /= -inverse.diagonal().copy()
