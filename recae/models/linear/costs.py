"""What the closed forms and decompositions cost: one function for each way in which a linear model is solved."""

from __future__ import annotations

from recae.models.cost import FLOAT, WORKING_BYTES, Cost, Shape, Work, fit_common, sum_rows
from recae.models.linear.elastic_net import BLOCK_COLUMNS
from recae.models.linear.gram import BLOCK_ITEMS
from recae.models.linear.inverse import FEWER
from recae.models.linear.spd import PIVOT, TILE

PANELS = 64 << 20
"""Beside a matrix that is inverted: what the panels of small ones and the libraries take."""
SYSTEMS = 1 << 30
"""What SANSA's small systems may take that are cut out together."""
NEIGHBOURS_SOLVED = 100
"""Weights above 0 in a column of SLIM, and so the size of the systems that are solved for it."""
LANCZOS = 4
"""Products with the matrix for each singular direction."""
ONE_THREAD = 3
"""So many times longer takes what runs on one thread, as the Lanczos steps do."""
CROWDED = 0.4
"""A sparse product whose rows become nearly dense takes this share of the time of one whose rows stay sparse."""


def inverse_bytes(shape: Shape) -> int:
    """Memory for the inverse of a Gram matrix: of the items, or by way of the users where they are fewer."""
    users, items = shape.users, shape.items
    if users >= FEWER * items:
        return FLOAT * items * (items + 2 * PIVOT + TILE) + PANELS + fit_common(shape)
    held = max(items**2, items * (items + BLOCK_ITEMS) // 2 + users**2)
    return FLOAT * (held + 2 * BLOCK_ITEMS * (items + users)) + PANELS + fit_common(shape)


def inverse_work(shape: Shape) -> Work:
    """Operations for that inverse."""
    users, items = shape.users, shape.items
    if users >= FEWER * items:
        return Work(products=items**3 / 2, sparse=CROWDED * shape.user_squares, moved=FLOAT * 6 * items**2)
    there = sum_rows(shape.interactions, users + items / 2)
    return Work(products=users**3 / 2, sparse=CROWDED * shape.item_squares, moved=FLOAT * 10 * items**2) + there


def gram_cost(name: str, shape: Shape) -> Cost:
    """EASE and its kin: the inverse, scaled in its own memory."""
    return Cost(
        inverse_bytes(shape),
        FLOAT * shape.items**2,
        inverse_work(shape),
        history_sums(shape, shape.items),
        what=f"{name} on {shape.items} items",
    )


def low_rank_cost(name: str, shape: Shape, rank: int, iterations: int) -> Cost:
    """EDLAE of low rank: the inverse, a second matrix of its size, and products with U and V."""
    items, rank = shape.items, min(rank, shape.users, shape.items)
    once = Work(products=3 * items**2 * rank + 12 * items * rank**2 + 20 * rank**3, moved=FLOAT * 50 * items**2)
    return Cost(
        inverse_bytes(shape) + FLOAT * items**2 + 56 * items * rank + 32 * rank**2,
        2 * FLOAT * items * rank,
        inverse_work(shape) + (once + sum_rows(4 * shape.interactions, rank)) * iterations,
        factor_score(shape, rank),
        what=f"{name} on {items} items",
    )


def slim_cost(shape: Shape) -> Cost:
    """The Gram matrix, and blocks of columns that are solved together."""
    items = shape.items
    width = min(NEIGHBOURS_SOLVED, items)
    solved = Work(products=items * width**3, moved=FLOAT * items**2 * width * 12, steps=80 * items / BLOCK_COLUMNS)
    return Cost(
        FLOAT * items * (items + 8 * BLOCK_COLUMNS) + (512 << 20) + fit_common(shape),
        8 * items * width,
        # Three products in all, shared by the threads.
        Work(sparse=shape.user_squares / 2) + solved,
        sparse_score(shape, width),
        what=f"slim on {items} items",
    )


def sansa_cost(shape: Shape, density: float, spare: float) -> Cost:
    """Two rounds of small systems, one for each item, cut from a Gram matrix whose blocks are bounded."""
    items = shape.items
    budget = min(int(density * items**2), items * (items - 1) // 2)
    per_item, tried = budget / max(items, 1), spare * budget / max(items, 1)
    solved = Work(products=2 * items * (tried**3 + per_item**3), sparse=shape.user_squares, steps=items / 10)
    return Cost(
        int(24 * spare * budget + min(16 * items * (1 + tried) ** 2, SYSTEMS)) + (600 << 20) + fit_common(shape),
        8 * (budget + items),
        Work(sparse=shape.user_squares) + solved,
        sparse_score(shape, 2 * per_item),
        score_bytes=20 * budget,
        what=f"sansa on {items} items with density {density:g}",
        advice="choose a smaller density or spare",
    )


def decomposition_bytes(shape: Shape, rank: int) -> int:
    """Memory for the leading singular directions: three sets of vectors in float64, and copies of the matrix."""
    return 24 * (shape.users + shape.items) * rank + fit_common(shape)


def decomposition_work(shape: Shape, rank: int) -> Work:
    """Operations for the leading singular directions: Lanczos steps, and keeping their vectors orthogonal."""
    rounds, short = LANCZOS * rank, min(shape.users, shape.items)
    return Work(
        products=2 * (shape.users + shape.items) * rank**2 * 2,
        moved=ONE_THREAD * (24 * shape.interactions + 32.0 * short * rank) * rounds,
    )


def svd_cost(name: str, shape: Shape, rank: int, *, factors_kept: int = 1, advice: str = "") -> Cost:
    """PureSVD, and SVD-AE with its two factors."""
    rank = min(rank, shape.users, shape.items)
    whole = 5 * 8 * min(shape.users, shape.items, max(256, 2 * rank)) ** 2
    return Cost(
        decomposition_bytes(shape, rank) + whole + WORKING_BYTES,
        factors_kept * FLOAT * shape.items * rank,
        decomposition_work(shape, rank) + sum_rows(3 * shape.interactions, rank),
        factor_score(shape, rank),
        what=f"{name} on {shape.users} users and {shape.items} items",
        advice=advice,
    )


def graph_filter_cost(shape: Shape, factors: int) -> Cost:
    """GF-CF: a decomposition to fit, and for each user all who share an item."""
    filtered = svd_cost("gf-cf", shape, factors)
    met = Work(moved=FLOAT * shape.interactions + 30 * shape.items, sparse=4 * shape.item_squares / max(shape.users, 1))
    return Cost(
        filtered.fit_bytes + 16 * shape.interactions,
        4 * shape.interactions + 8 * shape.users + filtered.size_bytes,
        filtered.fit,
        filtered.score + met,
        score_bytes=(384 << 20) + 40 * shape.interactions,
        what=filtered.what,
    )


def history_sums(shape: Shape, width: float) -> Work:
    """The rows of a table that a user's history names, added up."""
    return sum_rows(shape.interactions / max(shape.users, 1), width)


def factor_score(shape: Shape, rank: int) -> Work:
    """A history's code, and its products with every item."""
    return history_sums(shape, rank) + Work(products=float(rank) * shape.items)


def sparse_score(shape: Shape, width: float) -> Work:
    """A history times a sparse item-item matrix with `width` entries in a row."""
    return Work(sparse=width * shape.interactions / max(shape.users, 1), moved=2 * FLOAT * shape.items)
