"""U-AutoRec: predicts ratings by reconstructing a user's known ratings."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import nn

from recae.models.autoencoders.autorec import SOURCE, AutoRecConfig, AutoRecNetwork
from recae.models.autoencoders.network import NetworkRecommender
from recae.models.base import ModelInfo


class AutoRecUser(NetworkRecommender):
    """A user's ratings go in, predicted ratings of all items come out; scores are ratings."""

    info = ModelInfo(
        name="autorec-user",
        title="U-AutoRec",
        source=SOURCE,
        family="autoencoder",
        needs="ratings",
        cost="memory 24 x items x latent bytes; time per epoch ~ ratings x latent",
    )
    Config = AutoRecConfig
    grid: ClassVar[tuple[dict[str, Any], ...]] = ({},)
    held_out_kind = "entries"
    stop_metric = "rmse"

    def _build(self, n_users: int, n_items: int, generator: torch.Generator) -> nn.Module:
        return AutoRecNetwork(n_items, self.config, generator)
