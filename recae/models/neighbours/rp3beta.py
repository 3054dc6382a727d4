"""RP3-beta: a random walk of three steps from a user, with popular items held back."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from scipy import sparse

from recae.data.interactions import Interactions
from recae.data.split import HeldOut
from recae.models.base import ModelConfig, ModelInfo, param
from recae.models.cost import Cost, Shape
from recae.models.neighbours.costs import neighbours_cost
from recae.models.neighbours.neighbour_model import NeighbourModel, nearest
from recae.options import RunOptions


class Rp3Beta(NeighbourModel):
    """How probably a walk user - item - other user - item ends at an item, divided by the item's users ^ beta.

    Every transition probability is raised to the power alpha first. The last two steps are one sparse item-item matrix,
    of which only the greatest entries of each row are kept, so that any history can be scored.
    """

    info: ClassVar = ModelInfo(
        name="rp3beta",
        title="RP3-beta, a popularity-aware random walk of three steps",
        source="Paudel, Christoffel, Newell, Bernstein (2016): Updatable, accurate, diverse, and scalable "
        "recommendations for interactive applications. ACM TiiS 7(1)",
        family="neighbours",
        cost="time the sum of squared history lengths + items^2, memory 8 * items * neighbours bytes",
    )
    grid: ClassVar = (
        {},
        {"neighbours": 50},
        {"alpha": 0.8, "beta": 0.2, "neighbours": 800},
        {"alpha": 0.5, "beta": 0.4, "normalised": True},
    )

    class Config(ModelConfig):
        """The two exponents, and how much of the walk is kept."""

        neighbours: int = param(200, ge=1, tune=(10, 1000), scale="log")
        """Items kept per item of a history, the most probable ones."""
        alpha: float = param(1.0, ge=0, tune=(0.0, 2.0))
        """Exponent of each step's probability; below 1, users with long histories count for more."""
        beta: float = param(0.6, ge=0, tune=(0.0, 1.0))
        """Exponent of the number of users by which an item's probability is divided: the greater, the rarer the items
        that are recommended; 0 is P3-alpha."""
        normalised: bool = param(False, tune=(False, True), scale="choice")
        """Let what is kept for an item sum to 1, so that all items of a history count alike."""

    def cost(self, shape: Shape) -> Cost:
        return neighbours_cost(self.info.name, shape, self.config.neighbours)

    def _fit(self, train: Interactions, valid: HeldOut | None, options: RunOptions) -> None:
        settings = self.config
        users_items = transitions(train.binary(), settings.alpha)
        items_users = transitions(train.binary().T.tocsr(), settings.alpha)
        rarity = (np.maximum(self.item_counts, 1.0) ** -settings.beta).astype(np.float32)

        def hold_back(block: np.ndarray, rows: slice) -> None:
            block *= rarity

        with options.progress.task("RP3-beta: walking from each item", train.n_items, "items") as task:
            kept = nearest(items_users, users_items, settings.neighbours, task, hold_back)
        if settings.normalised:
            sums = np.repeat(np.asarray(kept.sum(axis=1)).ravel(), np.diff(kept.indptr))
            kept.data /= sums
        self._similar = kept


def transitions(binary: sparse.csr_array, alpha: float) -> sparse.csr_array:
    """The probability of each step from a row to one of its columns, all alike, to the power alpha."""
    lengths = np.diff(binary.indptr)
    values = np.repeat(np.maximum(lengths, 1.0) ** -alpha, lengths).astype(np.float32)
    return sparse.csr_array((values, binary.indices, binary.indptr), shape=binary.shape)
