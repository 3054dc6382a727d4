"""GLocal-K: SparseFC, then fine-tuned on ratings that one global kernel has spread to their neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from scipy import sparse
from torch import Tensor, nn

from recae.models.autoencoders.average import averaged
from recae.models.autoencoders.costs import kernel_cost
from recae.models.autoencoders.item_ratings import ItemRatings
from recae.models.autoencoders.sparse_fc import SparseFcConfig, SparseFcNetwork
from recae.models.base import ModelInfo, param
from recae.models.cost import Cost, Shape
from recae.training.engine import Pass, Step
from recae.training.layers import sparse_product
from recae.training.sparse import SparseRows

_BLOCK_FLOATS = 1 << 21


class GlocalKConfig(SparseFcConfig):
    """Hyper-parameters of GLocal-K; on ML-1M the authors have l2 70, kernel_l2 0.018, 500 units and no dropout."""

    epochs: int = param(50, ge=1, le=100_000)
    """Passes over the items in both stages; over them the step size falls to zero along half a cosine."""
    tuning_epochs: int = param(10, ge=0)
    """How many of the epochs, the last, fine-tune with the global kernel."""
    kernel_l2: float = param(0.018, ge=0, tune=(0.001, 1.0), scale="log")
    """Weight of the sum of squared kernel values beside the sum of squared errors; high values cut connections."""


class GlocalKNetwork(SparseFcNetwork):
    """The input is relu(ratings convolved with a 3 x 3 kernel); the kernel starts as the identity, which changes
    nothing, and moves by a product of the items' mean predictions with learned weights.
    """

    pooled: Tensor | None
    """(n_items,) of the second stage; no part of the model, but of the state of its training."""

    def __init__(self, n_columns: int, n_items: int, config: GlocalKConfig, generator: torch.Generator) -> None:
        super().__init__(n_columns, config, generator)
        self.local_epochs = config.epochs - config.tuning_epochs
        self.mixing = nn.Parameter(torch.zeros(n_items, 9, device=generator.device))
        self.register_buffer("pooled", None, persistent=False)

    def start_at(self, rows: sparse.csr_array) -> None:
        super().start_at(rows)
        self.rows, self.pooled = rows, None

    @torch.no_grad()
    def before(self, epoch: int) -> None:
        """From the first epoch of the second stage on: pool the predictions of every item by those of the users."""
        if epoch <= self.local_epochs:
            return
        self.pooled = None  # the authors pool what the first stage's network predicts
        layers, n_items = self.layers(), self.rows.shape[0]
        blocks = [np.arange(start, min(start + 512, n_items)) for start in range(0, n_items, 512)]
        rows = [SparseRows.of(self.rows[block], self.centre.device, block) for block in blocks]
        codes = torch.cat([self.encode(part, part.with_values(torch.ones_like(part.values)), layers) for part in rows])
        self.pooled = codes @ layers.output.mean(dim=0) + layers.bias.mean() + self.centre

    def global_kernel(self) -> Tensor:
        """(9,) the kernel, row by row; the identity before the second stage."""
        identity = torch.zeros(9, device=self.mixing.device)
        identity[4] = 1
        return identity if self.pooled is None else identity + self.pooled @ self.mixing / len(self.mixing)

    def first(self, rows: SparseRows, shown: SparseRows, weight: Tensor) -> Tensor:
        if self.pooled is None or rows.positions is None:
            return super().first(rows, shown, weight)
        kernel, mean = self.global_kernel(), shown.with_values(-self.centre * shown.values)
        size = max(1, _BLOCK_FLOATS // rows.n_columns)
        parts = [
            _convolved_product(kernel, weight, self._neighbours(positions, values))
            for positions, values in zip(
                rows.positions.split(size), _by_rows(rows, rows.values * shown.values, size), strict=True
            )
        ]
        return torch.cat(parts) + sparse_product(mean, weight)

    def _neighbours(self, positions: Tensor, values: Tensor) -> list[SparseRows]:
        """The rows above, at and below the positions, with `values` in the middle; none beyond the last row."""
        where, n_rows = positions.cpu().numpy(), self.rows.shape[0]
        found = []
        for step in (-1, 0, 1):
            inside = ((where + step >= 0) & (where + step < n_rows)).astype(np.float32)
            near = self.rows[np.clip(where + step, 0, n_rows - 1)]
            part = SparseRows.of(near, positions.device, sort_by_column=False)
            found.append(part.with_values(part.values * torch.from_numpy(inside).to(positions.device)[part.rows]))
        return [found[0], found[1].with_values(values), found[2]]


class _ConvolvedProduct(torch.autograd.Function):
    """relu(convolved rows) @ weight; the dense block is made again on the way back instead of being kept."""

    @staticmethod
    def forward(ctx: Any, kernel: Tensor, weight: Tensor, near: Sequence[SparseRows]) -> Tensor:
        ctx.save_for_backward(kernel, weight)
        ctx.near = near
        return convolved(near, kernel).relu_() @ weight

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, None]:
        kernel, weight = ctx.saved_tensors
        block = convolved(ctx.near, kernel).relu_()
        to_block = torch.where(block > 0, gradient @ weight.T, 0.0)
        to_kernel = [(to_block[rows, columns] * values).sum() for rows, columns, values in _shifted(ctx.near)]
        return torch.stack(to_kernel), block.T @ gradient, None


def _convolved_product(kernel: Tensor, weight: Tensor, near: Sequence[SparseRows]) -> Tensor:
    product: Tensor = _ConvolvedProduct.apply(kernel, weight, near)  # type: ignore[no-untyped-call]
    return product


def _by_rows(rows: SparseRows, values: Tensor, size: int) -> Sequence[Tensor]:
    """The values (nnz,) of `size` rows at a time."""
    ends = [int(rows.indptr[min(start + size, rows.n_rows)]) for start in range(0, rows.n_rows, size)]
    return torch.tensor_split(values, ends[:-1])


def convolved(near: Sequence[SparseRows], kernel: Tensor) -> Tensor:
    """(n_rows, n_columns) sums of the ratings in the 3 x 3 around each cell, weighed by kernel (9,)."""
    block = torch.zeros(near[0].n_rows, near[0].n_columns, device=kernel.device)
    for share, (rows, columns, values) in zip(kernel, _shifted(near), strict=True):
        block.index_put_((rows, columns), values * share, accumulate=True)
    return block


def _shifted(near: Sequence[SparseRows]) -> list[tuple[Tensor, Tensor, Tensor]]:
    """Rows, columns and values of each of the kernel's nine ratings, moved to the cell in the middle."""
    found = []
    for part in near:
        for step in (-1, 0, 1):
            columns = part.indices - step
            inside = (columns >= 0) & (columns < part.n_columns)
            found.append((part.rows[inside], columns[inside], part.values[inside]))
    return found


class GlocalK(ItemRatings):
    """SparseFC in a first stage; in a second, its input is spread to neighbouring items and users by one learned
    convolution of the whole rating matrix, and all weights are fine-tuned.
    """

    info = ModelInfo(
        name="glocal-k",
        title="GLocal-K",
        source="Han, Lim, Long, Burgstaller, Poon 2021: "
        "GLocal-K: Global and Local Kernels for Recommender Systems (CIKM)",
        family="autoencoder",
        needs="ratings",
        inductive=False,
        cost="memory 60 x starts x users x latent bytes; "
        "time per epoch ~ starts x (ratings + batches x users) x latent, "
        "in the second stage + starts x items x users x latent",
    )
    Config = GlocalKConfig
    grid: ClassVar[tuple[dict[str, Any], ...]] = (
        {},
        {"l2": 50.0, "dropout": 0.85, "latent": 500, "starts": 2},
        {"l2": 10.0},
        {"tuning_epochs": 30},
    )

    def cost(self, shape: Shape) -> Cost:
        return kernel_cost(shape, self.config, self.config.tuning_epochs)

    def _build(self, n_users: int, n_items: int, generator: torch.Generator) -> nn.Module:
        return averaged(self.config.starts, lambda: GlocalKNetwork(n_users, n_items, self.config, generator))

    def _passes(self, rows: sparse.csr_array) -> Sequence[Pass]:
        self.network.start_at(rows)
        return (Pass((Step(self.network.loss, tuple(self.network.parameters())),), before=self.network.before),)
