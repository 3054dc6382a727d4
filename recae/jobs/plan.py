"""What each model would take on a log, in memory and roughly in time, before anything is fitted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from recae.errors import ConfigError
from recae.jobs.inputs import open_input
from recae.jobs.rates import Rates, measured_rates
from recae.jobs.reading import AS_FOUND, Reading, Source
from recae.models.base import Recommender
from recae.models.capacity import free_memory
from recae.models.cost import Shape
from recae.models.instead import instead_of
from recae.models.registry import create, model_class, model_names
from recae.options import DEFAULTS, RunOptions
from recae.ranking.recommend import MEMORY_BYTES

LIST_BYTES = 24
"""Of one place in a list while it is written."""


@dataclass(frozen=True)
class ModelPlan:
    """What one model takes."""

    model: str
    settings: dict[str, Any]
    """Those that differ from the defaults."""
    fit_bytes: int
    """Memory for a fit at its peak, beside the log and the libraries."""
    fit_seconds: tuple[float, float]
    """From, where training stops as early as it may, and to."""
    model_bytes: int
    """Size of the fitted model."""
    lists_bytes: int
    """Memory to make lists for all users."""
    lists_seconds: tuple[float, float]
    fits: bool
    """Whether both a fit and the lists fit."""
    instead: str
    """What would fit in its place; empty where it fits itself."""


@dataclass(frozen=True)
class Plan:
    """What the models take on one log, those that fit first, and among them the quickest first."""

    users: int
    items: int
    interactions: int
    log_bytes: int
    """What the log itself takes in memory."""
    may_use: int
    """Bytes that may be used: what was given, or what the machine has free."""
    top: int
    models: tuple[ModelPlan, ...]


@dataclass(frozen=True)
class Sizes:
    """A log that nobody has yet."""

    users: int
    items: int
    interactions: int

    def shape(self) -> Shape:
        """The shape of a log of these sizes.

        Raises:
            ConfigError: there cannot be so many interactions.
        """
        if self.interactions > self.users * self.items:
            raise ConfigError(
                f"{self.users:,} users and {self.items:,} items have at most {self.users * self.items:,} different "
                f"interactions, and --interactions is {self.interactions:,}."
            )
        return Shape.assumed(self.users, self.items, self.interactions)


def plan(
    source: Source | Sizes,
    *,
    models: Sequence[str] | None = None,
    settings: Mapping[str, Any] | None = None,
    top: int = 20,
    reading: Reading = AS_FOUND,
    options: RunOptions = DEFAULTS,
) -> Plan:
    """Foretell what `models` (by default all that can learn from the data) take on `source`.

    `source` is whatever `train` takes, or the sizes of a log. With several models each takes those of the `settings`
    that it has. Nothing is fitted; the machine's speed is measured for less than a second.

    Raises:
        ConfigError: an unknown model or hyper-parameter, or impossible sizes.
        DataError: the data is malformed.
        StorageError: it cannot be read.
    """
    names = list(dict.fromkeys(models)) if models else model_names()
    chosen = _with_settings(names, settings or {})
    if isinstance(source, Sizes):
        shape = source.shape()
    else:
        log = open_input(source, reading=reading, progress=options.progress).train
        shape = Shape.of(log)
        if not models and not log.has_ratings:
            chosen = [model for model in chosen if model.info.needs != "ratings"]
    may = free_memory() if options.max_memory is None else options.max_memory
    rates = measured_rates(options.device, options.precision)
    told = [_told(model, shape, may, top, rates) for model in chosen]
    told.sort(key=lambda one: (not one.fits, sum(one.fit_seconds)))
    return Plan(shape.users, shape.items, shape.interactions, shape.log_bytes, may, top, tuple(told))


def _with_settings(names: Sequence[str], settings: Mapping[str, Any]) -> list[Recommender]:
    if len(names) == 1:
        return [create(names[0], **settings)]
    known = {name: model_class(name).Config.model_fields.keys() for name in names}
    if unused := sorted(set(settings) - set().union(*known.values())):
        raise ConfigError(f"None of the models has the hyper-parameter {', '.join(unused)}.")
    return [create(name, **{key: settings[key] for key in settings if key in known[name]}) for name in names]


def _told(model: Recommender, shape: Shape, may: int, top: int, rates: Rates) -> ModelPlan:
    cost = model.cost(shape)
    in_block = min(shape.users, 4096)
    lists_bytes = cost.lists_bytes(shape, MEMORY_BYTES) + LIST_BYTES * min(top, shape.items) * in_block
    fits = max(cost.fit_bytes, lists_bytes) <= may
    return ModelPlan(
        model=model.info.name,
        settings=model.config.model_dump(exclude_defaults=True),
        fit_bytes=cost.fit_bytes,
        fit_seconds=rates.fit_range(cost),
        model_bytes=cost.size_bytes,
        lists_bytes=lists_bytes,
        lists_seconds=rates.range(cost.lists(shape)),
        fits=fits,
        instead="" if fits else instead_of(model, shape, may),
    )
