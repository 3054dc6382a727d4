"""EDLAE: the linear autoencoder that learns to fill in what dropout took, and is not rewarded for the rest."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from recae.models.base import ModelInfo
from recae.models.linear.dropout import TRIED, DroppedGramModel
from recae.models.linear.gram_model import GRAM_COST


class Edlae(DroppedGramModel):
    """EASE for histories with dropout: of the squared errors only those at dropped items count (full emphasis), whose
    expectation is EASE's with a penalty that grows with an item's users."""

    info: ClassVar = ModelInfo(
        name="edlae",
        title="EDLAE, the emphasised denoising linear autoencoder",
        source="Steck (2020): Autoencoders that don't overfit towards the identity. NeurIPS 2020, equations 8 and 9",
        family="linear",
        cost=GRAM_COST,
    )
    grid: ClassVar = TRIED

    def _solve(self, inverse: np.ndarray, penalty: np.ndarray) -> None:
        inverse /= -inverse.diagonal().copy()
