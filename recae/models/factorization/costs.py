"""What the factorizations cost."""

from __future__ import annotations

from recae.models.cost import FLOAT, WORKING_BYTES, Cost, Shape, Work, sum_rows

CONJUGATE_STEPS = 4
"""Times that alternating least squares reads what a row is made of."""
SOLVING_STEPS = 16
"""The same where a user is folded in."""
FOLD_IN_SWEEPS = 50
MATRICES = 40
"""Bytes for each interaction: copies of the matrix, one of them transposed, and wide indices."""


def _both(shape: Shape) -> int:
    return shape.users + shape.items


def ials_cost(shape: Shape, factors: int, epochs: int) -> Cost:
    """Alternating least squares by conjugate gradients; a user is scored by solving one system."""
    entries = shape.interactions / max(shape.users, 1)
    epoch = sum_rows(2 * CONJUGATE_STEPS * shape.interactions, factors) + Work(
        moved=FLOAT * CONJUGATE_STEPS * _both(shape) * factors**2 / 4
    )
    return Cost(
        MATRICES * shape.interactions + 2 * FLOAT * _both(shape) * factors + WORKING_BYTES,
        FLOAT * shape.items * factors,
        epoch * epochs,
        sum_rows(2 * SOLVING_STEPS * entries, factors) + Work(products=factors * (factors + shape.items)),
        score_bytes=int(2 * FLOAT * shape.items * factors),
    )


def bpr_cost(shape: Shape, factors: int, epochs: int) -> Cost:
    """Single steps, one after the other."""
    return Cost(
        MATRICES * shape.interactions + 3 * FLOAT * _both(shape) * (factors + 1) + WORKING_BYTES,
        FLOAT * _both(shape) * (factors + 1),
        Work(sparse=0.5 * epochs * shape.interactions * factors),
        Work(products=(factors + 1) * shape.items),
    )


def nmf_cost(shape: Shape, factors: int, epochs: int) -> Cost:
    """Sweeps over the factors of users and of items."""
    sweep = FLOAT * factors**2
    epoch = sum_rows(2 * shape.interactions, factors) + Work(moved=sweep * _both(shape) / 2, steps=factors / 20)
    return Cost(
        MATRICES * shape.interactions + 5 * FLOAT * _both(shape) * factors + WORKING_BYTES,
        FLOAT * shape.items * factors,
        epoch * epochs,
        sum_rows(shape.interactions / max(shape.users, 1), factors)
        + Work(products=factors * shape.items, moved=FOLD_IN_SWEEPS * sweep / 4),
    )


def lmf_cost(shape: Shape, factors: int, epochs: int, block_bytes: int) -> Cost:
    """Every cell in every epoch, a block of users at a time."""
    block = min(max(block_bytes, FLOAT * shape.items), FLOAT * shape.users * shape.items)
    cell = Work(products=2.0 * (factors + 1), moved=60 * FLOAT)
    return Cost(
        2 * FLOAT * 2 * _both(shape) * (factors + 1) + 3 * block + 28 * shape.interactions + WORKING_BYTES,
        FLOAT * shape.items * (factors + 1),
        cell * (2 * shape.cells * epochs),
        cell * (shape.items * epochs),
        score_bytes=4 * block_bytes,
    )
