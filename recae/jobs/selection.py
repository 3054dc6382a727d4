"""Which settings of a model to take: tried on validation data or a part of the training data, never on test data."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from recae.data.split import Split
from recae.data.splits import validation_cut
from recae.evaluation.evaluate import evaluate
from recae.evaluation.metrics import parse_metrics
from recae.jobs.peak import peak_memory
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
    fit_peak_bytes: int | None = None
    """What `recae.jobs.peak` measured of the same fit."""


@dataclass(frozen=True, eq=False)
class _Fit:
    model: Recommender
    seconds: float
    peak_bytes: int | None


@dataclass(frozen=True)
class _Best:
    model: Recommender | None
    """None where it was too large to be kept, or is to be fitted to other data."""
    setting: dict[str, Any]
    value: float | None
    seconds: float
    peak_bytes: int | None


def choosing_data(split: Split, seed: int) -> Split:
    """Where settings are chosen: `split` itself if it has validation data, else its training data alone, with 5 % of
    the interactions cut off as validation data, so that models can be judged that know users by id.

    Raises:
        DataError: the training data is too small for that.
    """
    if split.valid is not None:
        return split
    rest, valid = validation_cut(split.train, seed=seed, kind="entries")
    return replace(split, train=rest, valid=valid, test=None)


def tried_settings(name: str, trials: int | None) -> Sequence[dict[str, Any]]:
    """The first `trials` settings of the model's grid: its defaults for 0, all of them for None."""
    return model_class(name).grid[: max(trials, 1) if trials is not None else None]


def tried_models(names: Sequence[str], trials: int | None) -> list[Recommender]:
    """Each model with each of its settings, none of them fitted."""
    return [model_class(name)(**setting) for name in names for setting in tried_settings(name, trials)]


def select(
    name: str,
    split: Split,
    metric: str,
    options: RunOptions,
    *,
    settings: Sequence[dict[str, Any]] | None = None,
    trials: int | None = None,
    choosing: Split | None = None,
) -> Selected:
    """Try each of the settings (by default the first `trials` of the model's grid) and fit the best to `split.train`.

    Settings are tried on the training and validation data of `choosing`, by default of `split`; without validation
    data, or with `trials` 0, the defaults are taken. Earlier settings win ties.

    Raises:
        CapacityError: a setting would not fit in memory.
        DataError: the model cannot learn from this data.
    """
    if settings is None:
        settings = tried_settings(name, trials)
    tried_on = split if choosing is None else choosing
    if tried_on.valid is None:
        settings = settings[:1]
    if len(settings) == 1:
        tried_on = split  # nothing to choose
    best, tried = _best(name, settings, tried_on, metric, options, keep=tried_on is split)
    model, seconds, peak = best.model, best.seconds, best.peak_bytes
    if tried_on is not split:
        options.progress.say(f"{name}: fitting {_in_words(best.setting)} to all of the training data")
    if model is None:
        again = _fit(name, best.setting, split, options)
        model, seconds, peak = again.model, again.seconds, again.peak_bytes
    return Selected(model, tried if len(settings) > 1 else (), best.value, seconds, peak)


def _best(
    name: str, settings: Sequence[dict[str, Any]], split: Split, metric: str, options: RunOptions, *, keep: bool
) -> tuple[_Best, tuple[Trial, ...]]:
    best: _Best | None = None
    tried, made = [], None
    for number, setting in enumerate(settings):
        options.progress.say(f"{name}: setting {number + 1} of {len(settings)}, {_in_words(setting)}")
        made = None  # the last one goes before the next one comes
        made = _fit(name, setting, split, options)
        value = _measure(made.model, split, metric, options)
        if value is not None:
            tried.append(Trial(dict(setting), value, made.seconds))
        if best is None or _better(metric, value, best.value):
            kept = keep and (size_bytes(made.model) <= KEEP_BYTES or number == len(settings) - 1)
            best = _Best(made.model if kept else None, setting, value, made.seconds, made.peak_bytes)
    if best is None:
        raise ValueError(f"{name} has an empty grid")
    return best, tuple(tried)


def size_bytes(model: Recommender) -> int:
    """Bytes of a fitted model's weights."""
    return sum(array.nbytes for array in model.weights().values())


def _fit(name: str, setting: dict[str, Any], split: Split, options: RunOptions) -> _Fit:
    with peak_memory() as peak:
        started = time.perf_counter()
        model = model_class(name)(**setting).fit(split.train, split.valid, options)
        seconds = time.perf_counter() - started
    return _Fit(model, seconds, peak.bytes)


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
