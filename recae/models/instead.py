"""What would fit where a model does not: a smaller setting of it, or another model."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from recae.errors import ConfigError
from recae.models.base import Recommender
from recae.models.capacity import amount
from recae.models.cost import Cost, Shape
from recae.models.registry import create, model_class

SIZES = ("rank_share", "rank", "hidden", "latent", "factors", "density", "neighbours", "starts", "max_users")
"""Hyper-parameters that memory grows with, those first that quality depends on least."""
SMALLEST = 1 / 8
"""A setting is not made smaller than this share of what was asked for: it would be another model."""
PREFERRED = {
    "implicit": ("rdlae-low-pass", "ease", "elsa", "mult-vae", "mult-dae", "ials", "sansa", "item-knn", "pure-svd"),
    "ratings": ("autorec-both", "autorec-user", "autorec-item"),
}
"""In whose place another model is taken, by what it learns from: the ones that do best come first."""
LAST = "popularity"
NAMED = 3


Needs = Callable[[Cost], int]
"""The bytes of a cost that have to fit."""


def to_fit(cost: Cost) -> int:
    """What a fit takes."""
    return cost.fit_bytes


def instead_of(model: Recommender, shape: Shape, may: int, needs: Needs = to_fit) -> str:
    """A sentence that names what fits into `may` bytes."""
    found = []
    smaller = smaller_setting(model, shape, may, needs)
    if smaller is not None:
        settings = ", ".join(f"{key}={value}" for key, value in smaller[0].items())
        found.append(f"{model.info.name} with {settings} ({amount(smaller[1])})")
    found += [f"{name} ({amount(size)})" for name, size in models_that_fit(model, shape, may, needs)]
    if not found:
        return "No model would fit."
    return f"What would fit: {', '.join(found)}."


def models_that_fit(model: Recommender, shape: Shape, may: int, needs: Needs = to_fit) -> list[tuple[str, int]]:
    """Other models that learn from the same, at their defaults, and what they take; popularity only if no other."""
    names = [name for name in PREFERRED[model.info.needs] if name != model.info.name]
    sizes = [(name, needs(create(name).cost(shape))) for name in names]
    fitting = [(name, size) for name, size in sizes if size <= may][:NAMED]
    if fitting or model.info.name == LAST:
        return fitting
    last = needs(create(LAST).cost(shape))
    return [(LAST, last)] if last <= may else []


def smaller_setting(
    model: Recommender, shape: Shape, may: int, needs: Needs = to_fit
) -> tuple[dict[str, Any], int] | None:
    """The largest of the halved sizes of the model with which it fits, and what it takes then; None if none does."""
    given = model.config.model_dump()
    for name in SIZES:
        for halvings in range(1, 1 + round(-math.log2(SMALLEST))):
            value = _halved(given, name, halvings, shape)
            if value is None:
                break
            try:
                smaller = model_class(model.info.name)(**given | {name: value})
            except ConfigError:
                break
            needed = needs(smaller.cost(shape))
            if needed <= may:
                return {name: value}, needed
    return None


def _halved(given: dict[str, Any], name: str, halvings: int, shape: Shape) -> int | float | None:
    asked = given.get(name)
    if name == "max_users" and asked == 0:
        asked = shape.users
    if not asked:
        return None
    value = asked / 2**halvings
    return value if isinstance(asked, float) else int(value) or None
