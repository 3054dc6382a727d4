"""Will it fit? Asked before memory is taken, so that a job ends with a sentence and not with a kill."""

from __future__ import annotations

from typing import TYPE_CHECKING

from recae.errors import CapacityError
from recae.resident import amount, free_memory

if TYPE_CHECKING:
    from recae.models.base import Recommender
    from recae.models.cost import Shape

__all__ = ["amount", "free_memory", "refuse_unless_it_fits", "require_memory"]


def refuse_unless_it_fits(model: Recommender, shape: Shape, limit: int | None) -> None:
    """Refuse a fit that needs more bytes than `limit`, or than the machine has free where that is None.

    Raises:
        CapacityError: it would not fit; the sentences name the estimate, and what would fit instead.
    """
    cost = model.cost(shape)
    may = free_memory() if limit is None else limit
    if cost.fit_bytes <= may:
        return
    from recae.models.instead import instead_of  # all models are looked at, which is slow to import

    what = cost.what or f"{model.info.name} on {shape.users} users and {shape.items} items"
    advice = cost.advice or "drop rare items (--min-item-users)"
    estimate = f"about {amount(cost.fit_bytes)} of memory and {amount(may)} may be used"
    raise CapacityError(f"{what} would take {estimate}: {advice}. {instead_of(model, shape, may)}")


def require_memory(needed: int, limit: int | None, what: str, alternative: str) -> None:
    """Refuse work that needs more bytes than `limit`, or than the machine has free where that is None.

    Raises:
        CapacityError: it would not fit; the sentence names the estimate and `alternative`.
    """
    free = free_memory() if limit is None else limit
    if needed > free:
        estimate = f"about {amount(needed)} of memory and {amount(free)} may be used"
        raise CapacityError(f"{what} would take {estimate}: {alternative}.")
