"""I-AutoRec: predicts ratings by reconstructing an item's known ratings."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import nn

from recae.models.autoencoders.autorec import SOURCE, AutoRecConfig, AutoRecNetwork
from recae.models.autoencoders.average import averaged
from recae.models.autoencoders.costs import rating_cost
from recae.models.autoencoders.item_ratings import ItemRatings
from recae.models.base import ModelInfo
from recae.models.cost import Cost, Shape


class AutoRecItem(ItemRatings):
    """An item's ratings by all users go in and come out again; it knows only the users it was trained on.

    A prediction needs the item's hidden code and the user's output weights, so those are what is kept.
    """

    info = ModelInfo(
        name="autorec-item",
        title="I-AutoRec",
        source=SOURCE,
        family="autoencoder",
        needs="ratings",
        inductive=False,
        cost="memory 36 x starts x users x latent bytes; time per epoch ~ starts x ratings x latent",
    )
    Config = AutoRecConfig
    grid: ClassVar[tuple[dict[str, Any], ...]] = ({}, {"l2": 100.0}, {"l2": 300.0}, {"l2": 20.0}, {"dropout": 0.5})

    def cost(self, shape: Shape) -> Cost:
        return rating_cost(shape, self.config, by_item=True)

    def _build(self, n_users: int, n_items: int, generator: torch.Generator) -> nn.Module:
        return averaged(self.config.starts, lambda: AutoRecNetwork(n_users, self.config, generator))
