"""RDLAE with a low-pass filter: what items say of each other directly, and by way of the broadest tastes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, ClassVar

import numpy as np

from recae.data.interactions import Interactions
from recae.models.base import ModelInfo, param
from recae.models.cost import FLOAT, Cost, Shape, Work
from recae.models.linear.costs import PANELS, decomposition_bytes, decomposition_work
from recae.models.linear.gram import BLOCK_ITEMS
from recae.models.linear.rdlae import Rdlae
from recae.models.linear.svd_ae import low_pass, rank
from recae.options import RunOptions


class RdlaeLowPass(Rdlae):
    """RDLAE's weights plus `low_pass` times SVD-AE's: one item-item matrix, solved in closed form.

    RDLAE is of full rank and weighs each pair of items by what no third item explains; the filter keeps the leading
    directions of the degree-normalised matrix only. Either errs where the other does not, as in GF-CF, which adds an
    ideal low-pass filter to a linear one.
    """

    info: ClassVar = ModelInfo(
        name="rdlae-low-pass",
        title="RDLAE with a low-pass filter",
        source="this project (2026), from RDLAE (Moon, Kim, Lee 2023, SIGIR), the powers of DAN (Park, Yoo, Lee 2025, "
        "SIGIR) and the filter of SVD-AE (Hong et al. 2024, IJCAI)",
        family="linear",
        cost="with k = rank_share * min(users, items): time min(users, items)^3 + items^2 * k multiply-adds, memory "
        "4 * items^2 bytes (up to a quarter more where users are fewer) and 24 * (users + items) * k while fitting, "
        "4 * items^2 after it, or 8 * items * keep where pruned",
    )
    grid: ClassVar[tuple[dict[str, Any], ...]] = (
        {},
        {"low_pass": 0.6},
        {"item_power": 0.0},
        {"l2": 60.0, "dropout": 0.9, "user_power": 0.5, "item_power": 0.0, "relaxation": 0.0, "rank_share": 0.01},
    )

    class Config(Rdlae.Config):
        """Hyper-parameters of RDLAE with a low-pass filter; the defaults are what did well on MovieLens 1M."""

        l2: float = param(400.0, gt=0, tune=(5.0, 3000.0), scale="log")
        """Weight of the L2 penalty on RDLAE's item-item weights; grows with the size of the data."""
        user_power: float = param(0.7, ge=0, le=1, tune=(0.0, 0.7))
        """beta of DAN, as in RDLAE: the greater, the less long histories count."""
        item_power: float = param(0.1, ge=-1, le=1, tune=(0.0, 0.5))
        """alpha of DAN, as in RDLAE: the greater, the more rare items are recommended."""
        dropout: float = param(0.5, ge=0, lt=1, tune=(0.0, 0.9))
        """Share of the history that is dropped in training; the expectation is taken, nothing is drawn."""
        low_pass: float = param(0.3, ge=0, tune=(0.0, 1.0))
        """Weight of the filter, whose scores are as large as SVD-AE's for a history of average length; 0 is RDLAE."""
        rank_share: float = param(0.045, gt=0, le=1, tune=(0.005, 0.1), scale="log")
        """Directions that the filter lets through, as a share of the shorter side of the matrix."""
        filter_l2: float = param(0.006, ge=0, tune=(0.0, 0.1))
        """The filter's ridge, as in SVD-AE."""

    def cost(self, shape: Shape) -> Cost:
        whole = super().cost(shape)
        if self.config.low_pass == 0:
            return whole
        kept = rank((shape.users, shape.items), self.config.rank_share)
        filtering = decomposition_bytes(shape, kept) + FLOAT * shape.items**2 + PANELS
        work = whole.fit + decomposition_work(shape, kept) + Work(products=float(shape.items) ** 2 * kept)
        if filtering <= whole.fit_bytes:
            return replace(whole, fit=work)
        what = f"the filter of {self.info.name} on {shape.users} users and {shape.items} items"
        advice = "choose a smaller rank_share, or rdlae, which has no filter"
        return replace(whole, fit=work, fit_bytes=filtering, what=what, advice=advice)

    def _dense(self, train: Interactions, options: RunOptions) -> np.ndarray:
        weights = super()._dense(train, options)
        if self.config.low_pass == 0:
            return weights
        with options.progress.task(f"{self.info.name}: filtering", 1) as task:
            encoder, decoder = low_pass(train.binary(), self.config.rank_share, self.config.filter_l2, options.seed)
            encoder *= self.config.low_pass / np.sqrt(train.nnz / train.n_users)
            for start in range(0, train.n_items, BLOCK_ITEMS):
                rows = slice(start, start + BLOCK_ITEMS)
                weights[rows] += encoder[rows] @ decoder
            np.fill_diagonal(weights, 0)
            task.advance()
        return weights
