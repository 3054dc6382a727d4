"""CDAE: a denoising autoencoder with a vector for each user, fitted to a user's items and some of the others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal

import torch
from scipy import sparse
from torch import Tensor, nn
from torch.nn import functional

from recae.models.autoencoders.costs import cdae_cost
from recae.models.autoencoders.network import NetworkConfig, NetworkRecommender
from recae.models.base import ModelInfo, param
from recae.models.cost import Cost, Shape
from recae.training.engine import Loss, Machine, Pass, Step
from recae.training.layers import ObservedLinear, SparseLinear, xavier
from recae.training.sparse import SparseRows

SOURCE = (
    "Wu, DuBois, Zheng, Ester 2016: Collaborative Denoising Auto-Encoders for Top-N Recommender Systems (WSDM); "
    "trained by Adam, where the paper uses AdaGrad"
)


class CdaeConfig(NetworkConfig):
    """Hyper-parameters of CDAE; the paper uses 50 hidden units and 5 negatives, and searches dropout and loss."""

    batch_users: int = param(100, ge=1)
    """Users per gradient step."""
    learning_rate: float = param(0.02, gt=0, le=1, tune=(1e-3, 0.1), scale="log")
    """Adam's step size."""
    latent: int = param(50, ge=1, tune=(25, 400), scale="log")
    """Size of the hidden layer and of the users' vectors."""
    dropout: float = param(0.5, ge=0, lt=1, tune=(0.2, 0.8))
    """Share of the history that is hidden from the encoder in training (the paper's corruption level q)."""
    negatives: int = param(5, ge=1, le=1000, tune=(2, 20), scale="log")
    """Items outside the history that are drawn afresh in every step, per item in it."""
    objective: Literal["logistic", "square"] = param("logistic", tune=("logistic", "square"), scale="choice")
    """Loss between an output and its target, 1 for an item of the history and 0 for another."""
    l2: float = param(1e-3, ge=0, tune=(1e-4, 0.1), scale="log")
    """Weight of half the sum of squared weights beside the mean loss over the users; a user's vector is a part of
    that user's loss."""

    def penalty(self, n_rows: int) -> float:
        """The engine's penalty is the paper's: half the sum of squares beside a mean over users."""
        return self.l2


class CdaeNetwork(nn.Module):
    """h = sigmoid(x W + V_u + b); outputs h W'.T + b' (section 3.1), of which training looks at a sample."""

    def __init__(self, n_users: int, n_items: int, config: CdaeConfig, generator: torch.Generator) -> None:
        super().__init__()
        self.config = config
        self.encoder = SparseLinear(n_items, config.latent, generator)
        self.output = ObservedLinear(config.latent, n_items, generator)
        self.users = xavier(n_users, config.latent, generator) if n_users else None

    def loss(self, batch: SparseRows, step: int, machine: Machine) -> Loss:
        own = self.of_users(batch)
        hidden = self.hidden(batch.dropped(self.config.dropout, machine.generator), own)
        others = draw_negatives(batch, self.config.negatives, machine.generator)
        errors = self.errors(self.output.at(hidden, batch), 1.0).sum()
        errors = errors + self.errors(self.output.at(hidden, others), 0.0).sum()
        data = errors / batch.n_rows
        penalty = 0.0 if own is None else 0.5 * self.config.l2 * own.square().sum() / batch.n_rows
        return Loss(data + penalty, {"loss": data})

    def of_users(self, rows: SparseRows) -> Tensor | None:
        """(n_rows, latent) the vectors of the rows' users; None for a network without them."""
        if self.users is None or rows.positions is None:
            return None
        return functional.embedding(rows.positions, self.users, sparse=True)

    def hidden(self, rows: SparseRows, own: Tensor | None) -> Tensor:
        """(n_rows, latent) hidden code of histories and their users' own vectors."""
        encoded = self.encoder(rows)
        return torch.sigmoid(encoded if own is None else encoded + own)

    def errors(self, outputs: Tensor, target: float) -> Tensor:
        """The loss of each output; they all have the one target."""
        if self.config.objective == "square":
            return 0.5 * (outputs - target).square()
        return functional.softplus(-outputs if target else outputs)

    def last_hidden(self, rows: SparseRows) -> Tensor:
        """(n_rows, width) what the output layer is given."""
        hidden: Tensor = self.hidden(rows, self.of_users(rows))
        return hidden

    def scores(self, rows: SparseRows) -> Tensor:
        """(n_rows, n_items) outputs for whole histories."""
        outputs: Tensor = self.output(self.last_hidden(rows))
        return outputs


def draw_negatives(batch: SparseRows, per_entry: int, generator: torch.Generator) -> SparseRows:
    """Entries outside the rows: `per_entry` for each entry, uniform over the row's other columns, with replacement.

    A row that has every column gets none. Exact and without rejection: the r-th column that is missing from a row
    stands at r + (its columns that have at most r missing ones before them).
    """
    missing = batch.n_columns - batch.counts
    counts = batch.counts * per_entry * (missing > 0)
    rows = torch.repeat_interleave(torch.arange(batch.n_rows, device=counts.device), counts)
    uniform = torch.rand(len(rows), generator=generator, device=counts.device, dtype=torch.float64)
    nth = (uniform * missing[rows]).long().clamp_(max=missing[rows] - 1)
    stride = batch.n_columns + 1
    columns = torch.sort(batch.rows * stride + batch.indices).values - batch.rows * stride
    within = torch.arange(len(columns), device=columns.device) - batch.indptr[batch.rows]
    keys = batch.rows * stride + columns - within
    before = torch.searchsorted(keys, rows * stride + nth, right=True) - batch.indptr[rows]
    indptr = functional.pad(counts.cumsum(0), (1, 0))
    return SparseRows(indptr, nth + before, torch.zeros(len(rows), device=counts.device), batch.n_columns)


class Cdae(NetworkRecommender):
    """Reconstructs a history from a corrupted copy of it and a vector of the user's own; it knows only the users it
    was trained on.

    The loss looks at the items of the history and, for each of them, at a few others drawn at random, so that a step
    costs as much as there are interactions. Adam moves the vectors of the batch's users only.
    """

    info = ModelInfo(
        name="cdae",
        title="CDAE",
        source=SOURCE,
        family="autoencoder",
        inductive=False,
        cost="memory (40 x items + 16 x users) x latent bytes; time per epoch ~ nnz x (2 + negatives) x latent",
    )
    Config = CdaeConfig
    grid: ClassVar[tuple[dict[str, Any], ...]] = (
        {},
        {"l2": 5e-3},
        {"l2": 5e-3, "learning_rate": 5e-3},
    )
    held_out_kind = "entries"

    def cost(self, shape: Shape) -> Cost:
        return cdae_cost(shape, self.config, shape.users)

    def _build(self, n_users: int, n_items: int, generator: torch.Generator) -> nn.Module:
        return CdaeNetwork(n_users, n_items, self.config, generator)

    def _passes(self, rows: sparse.csr_array) -> Sequence[Pass]:
        users = self.network.users
        others = tuple(each for each in self.network.parameters() if each is not users)
        return (Pass((Step(self.network.loss, others, tables=(users,)),)),)


class CdaeFoldIn(NetworkRecommender):
    """CDAE without the users' own vectors: a user is known by the history alone, so that new users can be served.

    What it gives up is what a history does not tell of a user. The paper compares the two as CDAE and DAE.
    """

    info = ModelInfo(
        name="cdae-fold-in",
        title="CDAE without user vectors",
        source=SOURCE,
        family="autoencoder",
        cost="memory 40 x items x latent bytes; time per epoch ~ nnz x (2 + negatives) x latent",
    )
    Config = CdaeConfig
    grid: ClassVar[tuple[dict[str, Any], ...]] = Cdae.grid

    def cost(self, shape: Shape) -> Cost:
        return cdae_cost(shape, self.config, 0)

    def _build(self, n_users: int, n_items: int, generator: torch.Generator) -> nn.Module:
        return CdaeNetwork(0, n_items, self.config, generator)
