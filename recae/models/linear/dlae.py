"""DLAE: the plain denoising linear autoencoder, its diagonal left free."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from recae.models.base import ModelInfo
from recae.models.linear.dropout import TRIED, DroppedGramModel
from recae.models.linear.gram_model import GRAM_COST


class Dlae(DroppedGramModel):
    """The ridge regression of whole histories on what dropout left of them: nothing keeps the diagonal at zero while
    the weights are solved, and it is left out only when items are scored."""

    info: ClassVar = ModelInfo(
        name="dlae",
        title="DLAE, the denoising linear autoencoder",
        source="Moon, Kim, Lee (2023): It's enough: relaxing diagonal constraints in linear autoencoders for "
        "recommendation. SIGIR 2023, section 2",
        family="linear",
        cost=GRAM_COST,
    )
    grid: ClassVar = TRIED

    def _solve(self, inverse: np.ndarray, penalty: np.ndarray) -> None:
        inverse *= -penalty
