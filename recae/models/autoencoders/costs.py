"""What the networks cost: weights with Adam's memory, batches, and products with all items or at the entries."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from recae.models.autoencoders.network import NetworkConfig
from recae.models.cost import FLOAT, WORKING_BYTES, Cost, Shape, Work, ranking, sum_rows
from recae.ranking.recommend import MEMORY_BYTES

if TYPE_CHECKING:
    from recae.models.autoencoders.autorec_both import AutoRecBothConfig
    from recae.models.autoencoders.cdae import CdaeConfig
    from recae.models.autoencoders.rating_network import RatingConfig
    from recae.models.autoencoders.sparse_fc import SparseFcConfig

TRAINED = 20
"""Bytes for each weight: itself, its gradient, Adam's two means, and the best so far."""
BLOCKS = 96 << 20
"""Blocks of outputs with what is computed from them."""
ENTRY = 64
"""Bytes for each interaction while training rows and validation data are cut from the log."""
SPREAD = 160 << 20
"""What the convolved blocks of GLocal-K take, with the neighbours that they are made of."""
BATCH_ENTRY = 160
"""Bytes for each entry of a batch: the batch, its copies with other values, and its entries sorted by column."""


def network_cost(
    shape: Shape,
    config: NetworkConfig,
    *,
    floats: float,
    kept: float,
    epoch: Work,
    score: Work,
    hidden: float = 0.0,
    more: float = 0.0,
    rows: int = 0,
    repeats: float = 1.0,
    judged: int | None = None,
    blocks: int = BLOCKS,
    moving: float = 1.0,
) -> Cost:
    """The cost of a network that the one training loop trains.

    Args:
        floats: weights that are trained.
        kept: weights that are kept for scoring.
        epoch: operations of an epoch, without the optimizer and validation.
        score: operations to score one user.
        hidden: numbers in all the layers of one row.
        more: bytes beside all this.
        rows: training rows; the users where it is 0.
        repeats: entries of a batch that are looked at, for each that there is.
        blocks: bytes of the blocks in which outputs for all items are computed; 0 where outputs are at entries only.
        judged: users ranked after each epoch, where training may stop early; by default those cut from the log.
        moving: the share of the weights that a step moves.
    """
    rows = rows or shape.users
    in_batch = min(config.batch_users, max(rows, 1))
    steps = -(-rows // config.batch_users)
    batch = in_batch * (BATCH_ENTRY * repeats * shape.interactions / max(rows, 1) + 8 * FLOAT * hidden)
    cut = min(max(shape.users // 100, 50), 2000, max(shape.users // 10, 1))
    ranked = 0 if not config.patience else cut if judged is None else judged
    validated = (score + ranking(shape.items)) * ranked
    optimizer = Work(moved=40 * floats * moving, steps=1) * steps
    return Cost(
        int(TRAINED * floats + batch + more + ENTRY * shape.interactions)
        + min(MEMORY_BYTES, 12 * ranked * shape.items)
        + blocks
        + WORKING_BYTES,
        int(FLOAT * kept),
        (epoch + optimizer + validated) * config.epochs,
        score,
        least=min(1.0, (config.patience + 1) / config.epochs) if config.patience else 1.0,
    )


def multinomial_epoch(shape: Shape, into: float, out: float, items: float | None = None) -> Work:
    """All users once, from the sparse first layer (`into` wide) to the softmax over `items` (`out` wide)."""
    cells = float(shape.users) * (shape.items if items is None else items)
    softmax = Work(narrow=4 * out * cells, moved=8 * FLOAT * cells)
    return softmax + sum_rows(3 * shape.interactions, into)


def items_in_step(shape: Shape, batch_users: int, sampled: int) -> float:
    """Items of the softmax in one step: all, or those of the batch and the sample."""
    entries = batch_users * shape.interactions / max(shape.users, 1)
    return min(float(shape.items), sampled + entries) if sampled else float(shape.items)


def cosine_epoch(shape: Shape, latent: int, batch_users: int) -> Work:
    """All users once, where the norm of the scores is taken by way of the smaller of two products."""
    steps = -(-shape.users // batch_users)
    narrow = 4.0 * shape.items * latent * min(batch_users, 2 * latent)
    cells = min(batch_users, latent) * shape.items
    return Work(narrow=narrow, moved=48.0 * shape.items * latent + 6 * FLOAT * cells) * steps + sum_rows(
        4 * shape.interactions, latent
    )


def rating_epoch(shape: Shape, latent: int, inputs: int) -> Work:
    """All ratings once: `inputs` tables are read at the ratings, and outputs are computed there."""
    return sum_rows((2 * inputs + 2) * shape.interactions, latent)


def dense_score(shape: Shape, into: float, out: float) -> Work:
    """A history's code, and its products with every item."""
    entries = shape.interactions / max(shape.users, 1)
    return sum_rows(entries, into) + Work(products=out * shape.items)


def cdae_cost(shape: Shape, config: CdaeConfig, users: int) -> Cost:
    """CDAE, with the vectors of so many `users`: outputs at a history's items and at some drawn beside them."""
    latent, drawn = config.latent, 1 + config.negatives
    entries = drawn * shape.interactions
    return network_cost(
        shape,
        config,
        floats=2 * shape.items * latent,
        kept=(2 * shape.items + users) * latent,
        hidden=4 * latent,
        more=TRAINED * users * latent,
        repeats=drawn,
        epoch=sum_rows(3 * shape.interactions + 4 * entries, latent) + Work(sparse=80 * entries),
        score=dense_score(shape, latent, latent),
        judged=users or None,
    )


def rating_cost(shape: Shape, config: RatingConfig, *, by_item: bool) -> Cost:
    """AutoRec of one side, with input weights for ratings and for there being one; its rows are users or items."""
    rows, columns = (shape.items, shape.users) if by_item else (shape.users, shape.items)
    inputs, code = 2 if config.known else 1, config.starts * config.latent
    floats = (inputs + 1) * columns * code
    both = shape.items + shape.users if by_item else 0
    return network_cost(
        shape,
        config,
        floats=floats,
        kept=both * code if both else floats,
        hidden=4 * code,
        more=2 * FLOAT * (columns + both) * code,
        rows=rows,
        repeats=1.25,
        epoch=rating_epoch(shape, code, inputs),
        score=dense_score(shape, 0 if both else inputs * code, code),
        judged=0,
        blocks=0,
    )


def kernel_cost(shape: Shape, config: SparseFcConfig, spread_epochs: int = 0) -> Cost:
    """SparseFC: every weight times a kernel, made anew in each step; GLocal-K: the last epochs on dense blocks."""
    plain = rating_cost(shape, config, by_item=True)
    weights = config.starts * config.latent * (2 * shape.users + (config.hidden_layers - 1) * config.latent)
    steps = -(-shape.items // config.batch_users)
    kernels = Work(moved=90 * FLOAT * weights) * (steps * config.epochs)
    spread = Work(products=3 * shape.cells * config.starts * config.latent, moved=200 * shape.cells * config.starts)
    return replace(
        plain,
        fit_bytes=int(plain.fit_bytes + 14 * FLOAT * weights + (SPREAD if spread_epochs else 0)),
        fit=plain.fit + kernels + spread * spread_epochs,
    )


def joint_cost(shape: Shape, config: AutoRecBothConfig) -> Cost:
    """Both AutoRecs as one, all ratings in every step."""
    inputs, code = 2 if config.known else 1, config.starts * config.latent
    sides = shape.users + shape.items
    layers = config.starts * 2 * (config.hidden_layers - 1) * config.latent**2
    width = config.starts * (2 * config.latent + 1)
    return network_cost(
        shape,
        config,
        floats=(inputs + 1) * sides * code + layers,
        kept=sides * width,
        more=FLOAT * sides * (5 * width + 4 * config.hidden_layers * code),
        rows=shape.items,
        repeats=1 + config.starts / 4,
        epoch=rating_epoch(shape, 2 * code, inputs)
        + Work(
            products=3.0 * sides * config.starts * 2 * config.hidden_layers * config.latent**2,
            moved=60.0 * sides * width,
        ),
        score=dense_score(shape, 0, width),
        judged=0,
        blocks=0,
    )
