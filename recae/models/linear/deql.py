"""DEQL: a denoising linear autoencoder whose loss weighs errors at dropped and at kept entries as you like."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from recae.models.base import ModelInfo, param
from recae.models.linear.dropout import TRIED, DroppedGramConfig, DroppedGramModel
from recae.models.linear.gram_model import GRAM_COST


class Deql(DroppedGramModel):
    """The expected squared error under dropout, with weight a = 1 where the scored entry was dropped and b where it
    was kept: b = 0 is EDLAE, b = 1 is DLAE, and a b between or beyond is a model of its own.

    With p = `dropout`, kept entries scaled by 1 / (1 - p), c = p + (1 - p) b^2 the mean weight and t = b^2 / c,
    the equations of column i of B, divided by c, are

        (G + penalty)_j: b + t G_ji B_ii = G_ji                           for each j other than i,
        t G_i: b + (t G_ii / (1 - p) + l2) B_ii = t G_ii                  for i itself,

    b being column i of B without B_ii. The first line says that b is EDLAE's column times 1 - t B_ii; the second
    then gives B_ii, where the Schur complement has what it needs: 1 / (inverse)_ii - penalty_i is the squared error
    at item i that EDLAE's column leaves. Thus one inverse serves all columns, and `l2` means what it does in EDLAE.
    With a `user_power` above 0, G_ii in the second line is taken to be item i's users, which it then only nearly is.
    """

    info: ClassVar = ModelInfo(
        name="deql",
        title="DEQL, the linear autoencoder of the decoupled expected quadratic loss",
        source="Guo, Li, Zhou, Zhou, Jin (2026): Generalizing linear autoencoder recommenders with decoupled expected "
        "quadratic loss. ICLR 2026",
        family="linear",
        cost=GRAM_COST,
    )
    grid: ClassVar = TRIED

    class Config(DroppedGramConfig):
        """Hyper-parameters of DEQL."""

        dropout: float = param(0.33, gt=0, lt=1, tune=(0.05, 0.8))
        """Share of the history that is dropped in training; the expectation is taken, nothing is drawn."""
        kept_weight: float = param(0.5, ge=0, tune=(0.0, 1.5))
        """b of the paper, for a = 1: an error at an entry that was kept weighs b^2 times one at a dropped entry."""

    def _solve(self, inverse: np.ndarray, penalty: np.ndarray) -> None:
        p, l2, kept = self.config.dropout, self.config.l2, self.config.kept_weight**2
        share = kept / (p + (1 - p) * kept)
        exact = penalty.astype(np.float64)
        left = np.maximum(1 / inverse.diagonal().astype(np.float64) - exact, 0)
        users = (exact - l2) * (1 - p) / p
        own = share * left / (share * (1 / (1 - p) - share) * users + l2 + share**2 * left)
        inverse *= (-(1 - share * own) / inverse.diagonal()).astype(np.float32)
