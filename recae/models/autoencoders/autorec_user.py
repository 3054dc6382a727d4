"""U-AutoRec: predicts ratings by reconstructing a user's known ratings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from scipy import sparse
from torch import nn

from recae.data.split import HeldOut
from recae.models.autoencoders.autorec import SOURCE, AutoRecConfig, AutoRecNetwork
from recae.models.autoencoders.average import averaged
from recae.models.autoencoders.costs import rating_cost
from recae.models.autoencoders.network import NetworkRecommender
from recae.models.base import ModelInfo
from recae.models.cost import Cost, Shape
from recae.training.engine import Pass
from recae.training.layers import observed_product
from recae.training.sparse import SparseRows
from recae.training.validation import Validation, held_out_rmse


class AutoRecUser(NetworkRecommender):
    """A user's ratings go in, predicted ratings of all items come out; scores are ratings."""

    info = ModelInfo(
        name="autorec-user",
        title="U-AutoRec",
        source=SOURCE,
        family="autoencoder",
        needs="ratings",
        cost="memory 36 x starts x items x latent bytes; time per epoch ~ starts x ratings x latent",
    )
    Config = AutoRecConfig
    grid: ClassVar[tuple[dict[str, Any], ...]] = ({}, {"l2": 100.0}, {"l2": 300.0}, {"l2": 20.0}, {"dropout": 0.5})
    held_out_kind = "entries"
    stop_metric = "rmse"

    def cost(self, shape: Shape) -> Cost:
        return rating_cost(shape, self.config, by_item=False)

    def _build(self, n_users: int, n_items: int, generator: torch.Generator) -> nn.Module:
        return averaged(self.config.starts, lambda: AutoRecNetwork(n_items, self.config, generator))

    def _passes(self, rows: sparse.csr_array) -> Sequence[Pass]:
        self.network.start_at(rows)
        return super()._passes(rows)

    def _validation(self, valid: HeldOut) -> Validation:
        def predict() -> np.ndarray:
            weight, bias = self.network.decoder()
            history, target = (SparseRows.of(part, weight.device) for part in (valid.history, valid.target))
            ratings = observed_product(self.network.code(history), weight, target) + bias[target.indices]
            predicted: np.ndarray = ratings.cpu().numpy()
            return predicted

        return held_out_rmse(predict, valid)

    @torch.no_grad()
    def item_vectors(self) -> np.ndarray:
        vectors: np.ndarray = self.network.decoder()[0].cpu().numpy()
        return vectors
