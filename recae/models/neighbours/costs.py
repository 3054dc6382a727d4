"""What the neighbourhood models cost: blocks of an item-item matrix, of which the greatest entries are kept."""

from __future__ import annotations

from recae.models.cost import FLOAT, WORKING_BYTES, Cost, Shape, Work
from recae.models.neighbours.neighbour_model import BLOCK_BYTES

COPIES = 4
"""Of a block: as a sparse product, dense, divided, and what finding its greatest entries takes."""


def neighbours_cost(name: str, shape: Shape, neighbours: int) -> Cost:
    """All similarities a block of rows at a time, and `neighbours` of each row in two sparse arrays."""
    items, kept = shape.items, shape.items * min(neighbours, shape.items)
    block = min(max(BLOCK_BYTES, FLOAT * items), FLOAT * items**2)
    per_user = Work(sparse=kept / max(items, 1) * shape.interactions / max(shape.users, 1), moved=2 * FLOAT * items)
    return Cost(
        COPIES * block + 44 * shape.interactions + 36 * kept + WORKING_BYTES,
        8 * (kept + items),
        Work(sparse=shape.user_squares / 2, moved=30 * FLOAT * items**2),
        per_user,
        what=f"{name} with {neighbours} neighbours on {items} items",
    )
