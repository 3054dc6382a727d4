"""The multinomial loss over a sample of the items, for catalogues too large to be looked at in every step."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

from recae.training.layers import SparseLinear, sparse_product
from recae.training.multinomial import MultinomialOutput, multinomial_loss
from recae.training.sparse import SparseRows


def rows_in_use(table: Tensor, items: Tensor) -> Tensor:
    """(len(items), width) rows of a table, whose gradient is sparse: no other rows are read or moved."""
    return functional.embedding(items, table, sparse=True)


def first_layer(encoder: SparseLinear, x: SparseRows) -> tuple[Tensor, Tensor]:
    """What the encoder gives for x, (n_rows, latent), and the rows of its table that were read."""
    table = rows_in_use(encoder.weight, x.by_column.columns)
    return sparse_product(x.within_columns_in_use(), table) + encoder.bias, table


def sampled_likelihood(
    output: MultinomialOutput,
    hidden: Tensor,
    target: SparseRows,
    draws: int,
    dtype: torch.dtype,
    generator: torch.Generator,
) -> tuple[Tensor, Tensor]:
    """The mean over rows of an estimate of -log p(target | hidden), and the rows of the output's table it read.

    The sum over all items in the softmax's denominator becomes a sum over the items that some row of the batch has,
    each of them, and over `draws` others, each for the n_items / draws that it stands for: log(n_items / draws) is
    added to its logit, the correction for the draw of Bengio and Senecal (2008) and Jean et al. (2015). The draw is
    stratified: one item, uniformly, from each of `draws` equal parts of the catalogue; those that the batch has are not
    counted twice. So the denominator is right on average, and exact where there are as many draws as items.
    """
    present, n_items = target.by_column.columns, target.n_columns
    draws = min(draws, n_items)
    shares = torch.rand(draws, generator=generator, device=hidden.device, dtype=torch.float64)
    shares += torch.arange(draws, device=hidden.device)
    drawn = shares.mul_(n_items / draws).long().clamp_(max=n_items - 1)
    place = torch.searchsorted(present, drawn).clamp_(max=len(present) - 1)
    stands_for = torch.where(present[place] == drawn, -math.inf, math.log(n_items / draws))
    items = torch.cat([present, drawn])
    table = rows_in_use(output.weight, items)
    # What a batch has comes first, so that the largest logit so far is finite from the start.
    bias = output.bias[items] + functional.pad(stands_for, (len(present), 0))
    within = target.within_columns_in_use(n_columns=len(items))
    return multinomial_loss(hidden, table, bias, within, dtype, output.spare), table
