"""I-AutoRec: predicts ratings by reconstructing an item's known ratings."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from recae.data.ids import IdIndex
from recae.data.interactions import Interactions
from recae.data.split import HeldOut
from recae.models.autoencoders.autorec import SOURCE, AutoRecConfig, AutoRecNetwork
from recae.models.autoencoders.network import NetworkRecommender
from recae.models.base import ModelInfo, Weights
from recae.options import RunOptions
from recae.training.sparse import SparseRows
from recae.training.validation import Validation

_CODE_ROWS = 4096


class AutoRecItem(NetworkRecommender):
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
        cost="memory 24 x users x latent bytes; time per epoch ~ ratings x latent",
    )
    Config = AutoRecConfig
    grid: ClassVar[tuple[dict[str, Any], ...]] = ({},)
    held_out_kind = "entries"
    stop_metric = "rmse"

    codes: Tensor
    """(n_items, latent) float32: the hidden code of every item."""
    user_weights: Tensor
    """(n_users, latent) float32: the output layer's row of every user."""
    user_biases: Tensor
    """(n_users,) float32."""

    def _fit(self, train_log: Interactions, valid: HeldOut | None, options: RunOptions) -> None:
        super()._fit(train_log, valid, options)
        self._keep_codes()
        del self.network, self._rows

    def _build(self, n_users: int, n_items: int, generator: torch.Generator) -> nn.Module:
        return AutoRecNetwork(n_users, self.config, generator)

    def _training_rows(self, train: Interactions) -> sparse.csr_array:
        self._rows = train.matrix.T.tocsr()
        return self._rows

    def _validation(self, valid: HeldOut) -> Validation:
        ratings = super()._validation(valid)

        def measure() -> float:
            self._keep_codes()
            return ratings.measure()

        return replace(ratings, measure=measure)

    @torch.no_grad()
    def _keep_codes(self) -> None:
        device = self.network.output.weight.device
        blocks = [self._rows[start : start + _CODE_ROWS] for start in range(0, self._rows.shape[0], _CODE_ROWS)]
        self.codes = torch.cat([self.network.code(SparseRows.of(block, device)) for block in blocks])
        self.user_weights = self.network.output.weight.detach()
        self.user_biases = self.network.output.bias.detach()

    @torch.no_grad()
    def score(self, histories: sparse.csr_array, users: IdIndex | None = None) -> np.ndarray:
        rows = torch.from_numpy(self.positions_of(users)).to(self.codes.device)
        ratings = torch.addmm(self.user_biases[rows, None], self.user_weights[rows], self.codes.T)
        scores: np.ndarray = ratings.cpu().numpy()
        return scores

    def weights(self) -> Weights:
        kept = {"codes": self.codes, "user_weights": self.user_weights, "user_biases": self.user_biases}
        return {name: tensor.cpu().numpy() for name, tensor in kept.items()}

    def _restore(self, weights: Weights) -> None:
        n_users = 0 if self.users is None else len(self.users)
        latent = self.config.latent
        expected = {"codes": (len(self.items), latent), "user_weights": (n_users, latent), "user_biases": (n_users,)}
        found = {name: array.shape for name, array in weights.items()}
        if found != expected:
            raise ValueError(f"the weights have shapes {found}, but {expected} are needed")
        for name, array in weights.items():
            setattr(self, name, torch.from_numpy(array))

    def item_vectors(self) -> np.ndarray:
        vectors: np.ndarray = self.codes.cpu().numpy()
        return vectors
