"""What the item-based rating autoencoders share: items as training rows, and codes and user weights as what is kept."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy import sparse
from torch import Tensor

from recae.data.ids import IdIndex
from recae.data.interactions import Interactions
from recae.data.split import HeldOut
from recae.models.autoencoders.network import NetworkRecommender
from recae.models.base import Weights
from recae.options import RunOptions
from recae.store.tensors import expect
from recae.training.engine import Pass
from recae.training.layers import observed_product
from recae.training.sparse import SparseRows
from recae.training.validation import Validation, held_out_rmse

_CODE_ROWS = 512


class ItemRatings(NetworkRecommender):
    """A predicted rating is the product of the item's hidden code and the user's output weights, plus a bias.

    The network has the methods `start_at` (called with all training rows before training), `code` (of some of the
    rows), and `decoder` (output weights and biases as they are in use, a row for each user).
    """

    held_out_kind = "entries"
    stop_metric = "rmse"

    codes: Tensor
    """(n_items, starts x latent) float32: the hidden code of every item."""
    user_weights: Tensor
    """(n_users, starts x latent) float32: the output layer's row of every user."""
    user_biases: Tensor
    """(n_users,) float32."""

    def _fit(self, train_log: Interactions, valid: HeldOut | None, options: RunOptions) -> None:
        super()._fit(train_log, valid, options)
        self._keep_codes()
        del self.network, self._rows

    def _training_rows(self, train: Interactions) -> sparse.csr_array:
        self._rows = train.matrix.T.tocsr()
        return self._rows

    def _passes(self, rows: sparse.csr_array) -> Sequence[Pass]:
        self.network.start_at(rows)
        return super()._passes(rows)

    def _validation(self, valid: HeldOut) -> Validation:
        users = torch.from_numpy(self.positions_of(valid.users))

        def predict() -> np.ndarray:
            self._keep_codes()
            target = SparseRows.of(valid.target, self.codes.device)
            ratings = observed_product(self.user_weights[users], self.codes, target)
            predicted: np.ndarray = (ratings + self.user_biases[users][target.rows]).cpu().numpy()
            return predicted

        return held_out_rmse(predict, valid)

    @torch.no_grad()
    def _keep_codes(self) -> None:
        device = next(self.network.parameters()).device
        blocks = np.array_split(np.arange(self._rows.shape[0]), -(-self._rows.shape[0] // _CODE_ROWS))
        rows = [SparseRows.of(self._rows[block], device, block) for block in blocks]
        self.codes = torch.cat([self.network.code(block) for block in rows])
        self.user_weights, self.user_biases = (part.detach() for part in self.network.decoder())

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
        n_users, latent = 0 if self.users is None else len(self.users), self.config.starts * self._code_size
        shapes = {"codes": (len(self.items), latent), "user_weights": (n_users, latent), "user_biases": (n_users,)}
        if weights.keys() != shapes.keys():
            raise KeyError(f"{self.info.name} needs {', '.join(shapes)}")
        for name, shape in shapes.items():
            setattr(self, name, torch.from_numpy(expect(weights, name, shape)))

    @property
    def _code_size(self) -> int:
        """Of one network."""
        return int(self.config.latent)

    def item_vectors(self) -> np.ndarray:
        vectors: np.ndarray = self.codes.cpu().numpy()
        return vectors
