"""Several networks of ratings as one: trained side by side from independent starts, their predictions averaged."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from scipy import sparse
from torch import Tensor, nn

from recae.training.engine import Loss, Machine
from recae.training.sparse import SparseRows


class Average(nn.Module):
    """The mean prediction of networks that share no weights: each learns as if it were alone.

    The codes stand side by side and so do the output weights, divided by the number of networks: the product of both
    is the mean, and whoever keeps codes and weights need not know that there are several.
    """

    def __init__(self, networks: list[nn.Module]) -> None:
        super().__init__()
        self.starts = nn.ModuleList(networks)

    def __iter__(self) -> Iterator[Any]:
        return iter(self.starts)

    def start_at(self, rows: sparse.csr_array) -> None:
        for network in self:
            network.start_at(rows)

    def before(self, epoch: int) -> None:
        for network in self:
            network.before(epoch)

    def loss(self, batch: SparseRows, step: int, machine: Machine) -> Loss:
        """The sum of the losses, of which each network's gradient is its own; and the mean of what is shown."""
        losses = [network.loss(batch, step, machine) for network in self]
        total = torch.stack([loss.total for loss in losses]).sum()
        shown = {name: torch.stack([loss.parts[name].detach() for loss in losses]).mean() for name in losses[0].parts}
        return Loss(total, shown)

    def code(self, rows: SparseRows) -> Tensor:
        """(n_rows, sum of code sizes)"""
        return torch.cat([network.code(rows) for network in self], dim=1)

    def decoder(self) -> tuple[Tensor, Tensor]:
        """(n_columns, sum of code sizes) output weights and (n_columns,) biases."""
        weights, biases = zip(*(network.decoder() for network in self), strict=True)
        return torch.cat(weights, dim=1) / len(weights), torch.stack(biases).mean(dim=0)

    def scores(self, rows: SparseRows) -> Tensor:
        """(n_rows, n_columns) mean predictions."""
        weight, bias = self.decoder()
        return torch.addmm(bias, self.code(rows), weight.T)


def averaged(starts: int, build: Callable[[], nn.Module]) -> nn.Module:
    """One network, or the average of several; `build` draws new weights at every call."""
    return build() if starts == 1 else Average([build() for _ in range(starts)])
