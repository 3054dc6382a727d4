"""Sums of the rows of a table that a bag of entries names, for many bags at once."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

WIDTH = 128
"""Columns of a wide table that are added up at a time: those of the rows that are named often stay in the cache."""
LARGE = 4 << 20
"""A table of up to so many numbers is taken to stay in the cache as it is."""
WORTH = 4
"""Entries for each row of the table from which on its columns are taken apart: torch copies them out of the table."""


def bag_sums(entries: Tensor, table: Tensor, starts: Tensor, weights: Tensor | None = None) -> Tensor:
    """For each bag the sum of its entries' rows of `table`, weighted if `weights` are given. No gradient is noted.

    Entries are added one after the other, so that a sum depends neither on the other bags nor on the blocks.

    Args:
        entries: (n,) int64 rows of the table, bag after bag.
        table: (n_rows, width) floats.
        starts: (n_bags,) int64: where each bag begins in `entries`.
        weights: (n,) of the type of the table.

    Returns:
        (n_bags, width); zeros for an empty bag.
    """
    table = table.detach()
    weights = None if weights is None else weights.detach()
    width = table.shape[1]
    small = width <= WIDTH or table.numel() <= LARGE
    if table.device.type != "cpu" or small or len(entries) < WORTH * len(table):
        return functional.embedding_bag(entries, table, starts, mode="sum", per_sample_weights=weights)
    sums = table.new_empty(len(starts), width)
    for start in range(0, width, WIDTH):
        columns = slice(start, start + WIDTH)
        sums[:, columns] = functional.embedding_bag(
            entries, table[:, columns], starts, mode="sum", per_sample_weights=weights
        )
    return sums
