"""Which settings of a model to take: tried on validation data, never on test data."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from recae.data.split import Split
from recae.evaluation.evaluate import evaluate
from recae.evaluation.metrics import parse_metrics
from recae.models.base import Recommender
from recae.models.registry import model_class
from recae.options import RunOptions
from recae.reports.comparison import Trial

KEEP_BYTES = 512 * 2**20
"""A larger model is not kept while others are tried, but fitted again if it turns out to be the best."""


@dataclass(frozen=True, eq=False)
class Selected:
    """The best of the settings that were tried."""

    model: Recommender
    """Fitted on the training data."""
    trials: tuple[Trial, ...]
    """Empty where there was no choice."""
    valid_value: float | None
    fit_seconds: float


@dataclass(eq=False)
class _Best:
    model: Recommender | None
    number: int
    value: float | None
    seconds: float


def select(name: str, split: Split, metric: str, options: RunOptions, *, trials: int | None = None) -> Selected:
    """Fit `name` on `split.train` with each setting of its grid (the first `trials` of them) and keep the best.

    Without validation data, or with `trials` 0, only the defaults are fitted. Earlier settings win ties.

    Raises:
        CapacityError: a setting would not fit in memory.
        DataError: the model cannot learn from this data.
    """
    grid = model_class(name).grid
    settings = grid[: max(trials, 1) if trials is not None else None] if split.valid is not None else grid[:1]
    best, tried, model = _Best(None, -1, None, 0.0), [], None
    for number, setting in enumerate(settings):
        options.progress.say(f"{name}: setting {number + 1} of {len(settings)}, {_in_words(setting)}")
        model = None  # the last one goes before the next one comes
        model, seconds = _fit(name, setting, split, options)
        value = _measure(model, split, metric, options)
        if value is not None:
            tried.append(Trial(dict(setting), value, seconds))
        if best.number < 0 or _better(metric, value, best.value):
            best = _Best(model if size_bytes(model) <= KEEP_BYTES else None, number, value, seconds)
    if best.model is None and best.number != len(settings) - 1:
        model = None
        model, _ = _fit(name, settings[best.number], split, options)
    final = best.model or model
    if final is None:
        raise ValueError(f"{name} has an empty grid")
    return Selected(final, tuple(tried) if len(settings) > 1 else (), best.value, best.seconds)


def size_bytes(model: Recommender) -> int:
    """Bytes of a fitted model's weights."""
    return sum(array.nbytes for array in model.weights().values())


def _fit(name: str, setting: dict[str, Any], split: Split, options: RunOptions) -> tuple[Recommender, float]:
    started = time.perf_counter()
    model = model_class(name)(**setting).fit(split.train, split.valid, options)
    return model, time.perf_counter() - started


def _measure(model: Recommender, split: Split, metric: str, options: RunOptions) -> float | None:
    if split.valid is None:
        return None
    return evaluate(model, split.valid, [metric], progress=options.progress).means()[metric]


def _better(metric: str, value: float | None, than: float | None) -> bool:
    if value is None or than is None:
        return False
    return value < than if parse_metrics([metric])[0].lower_is_better else value > than


def _in_words(setting: dict[str, Any]) -> str:
    return ", ".join(f"{key} = {value}" for key, value in setting.items()) or "defaults"
