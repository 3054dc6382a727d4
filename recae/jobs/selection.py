"""Which settings of a model to take: tried on validation data or a part of the training data, never on test data."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

from recae.data.split import Split
from recae.data.splits import validation_cut
from recae.evaluation.evaluate import evaluate
from recae.evaluation.metrics import parse_metrics
from recae.jobs.failures import NothingFittedError, of_memory, reason_of
from recae.jobs.peak import peak_memory
from recae.models.base import Recommender
from recae.models.registry import model_class
from recae.options import Checkpoints, RunOptions
from recae.reports.comparison import Trial

KEEP_BYTES = 512 * 2**20
"""A larger model is not kept while others are tried, but fitted again if it turns out to be the best."""


class TrialLog(Protocol):
    """What was tried before, and what is: so that an interrupted search goes on with the next setting."""

    def known(self, setting: dict[str, Any]) -> Trial | None:
        """The finished trial of a setting."""

    def add(self, trial: Trial) -> None:
        """Keep a finished trial."""

    def checkpoints(self, fit: str) -> Checkpoints | None:
        """Where the fit of this name leaves its state, from which an interrupted one goes on."""


class NoLog:
    """Nothing was tried before, and nothing is kept."""

    def known(self, setting: dict[str, Any]) -> Trial | None:
        return None

    def add(self, trial: Trial) -> None:
        pass

    def checkpoints(self, fit: str) -> Checkpoints | None:
        return None


NO_LOG = NoLog()


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


@dataclass(frozen=True, eq=False)
class _Best:
    fit: _Fit | None
    """None where the model was too large to be kept, is to be fitted to other data, or was tried by an earlier run."""
    setting: dict[str, Any]
    value: float


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


Fixed = Mapping[str, Mapping[str, Any]]
"""Model -> hyper-parameters that are given, so that nothing is chosen."""


def tried_settings(name: str, trials: int | None, fixed: Fixed | None = None) -> Sequence[dict[str, Any]]:
    """The first `trials` settings of the model's grid: its defaults for 0, all of them for None; or the given ones."""
    if fixed and name in fixed:
        return (dict(fixed[name]),)
    return model_class(name).grid[: max(trials, 1) if trials is not None else None]


def tried_models(names: Sequence[str], trials: int | None, fixed: Fixed | None = None) -> list[Recommender]:
    """Each model with each of its settings, none of them fitted."""
    return [model_class(name)(**setting) for name in names for setting in tried_settings(name, trials, fixed)]


def select(
    name: str,
    split: Split,
    metric: str,
    options: RunOptions,
    *,
    settings: Sequence[dict[str, Any]] | None = None,
    trials: int | None = None,
    choosing: Split | None = None,
    log: TrialLog = NO_LOG,
) -> Selected:
    """Try each of the settings (by default the first `trials` of the model's grid) and fit the best to `split.train`.

    Settings are tried on the training and validation data of `choosing`, by default of `split`; without validation
    data, or with `trials` 0, the defaults are taken. Earlier settings win ties. A setting that cannot be fitted or
    judged is told as failed, and the others go on. What `log` knows is not tried again.

    Raises:
        NothingFittedError: all of several settings failed.
        CapacityError: the only setting would not fit in memory.
        DataError: the model cannot learn from this data.
    """
    if settings is None:
        settings = tried_settings(name, trials)
    tried_on = split if choosing is None else choosing
    if tried_on.valid is None:
        settings = settings[:1]
    if len(settings) == 1:  # nothing to choose
        only = _fit(name, settings[0], split, replace(options, checkpoints=log.checkpoints("only")))
        return Selected(only.model, (), _measure(only.model, split, metric, options), only.seconds, only.peak_bytes)
    best, tried = _best(name, settings, tried_on, metric, options, log, keep=tried_on is split)
    if tried_on is not split:
        options.progress.say(f"{name}: fitting {_in_words(best.setting)} to all of the training data")
    chosen = best.fit or _fit(name, best.setting, split, replace(options, checkpoints=log.checkpoints("best")))
    return Selected(chosen.model, tried, best.value, chosen.seconds, chosen.peak_bytes)


def _best(
    name: str,
    settings: Sequence[dict[str, Any]],
    split: Split,
    metric: str,
    options: RunOptions,
    log: TrialLog,
    *,
    keep: bool,
) -> tuple[_Best, tuple[Trial, ...]]:
    best: _Best | None = None
    tried: list[Trial] = []
    for number, setting in enumerate(settings):
        fit, trial = None, log.known(setting)  # the last model goes before the next one comes
        if trial is None:
            options.progress.say(f"{name}: setting {number + 1} of {len(settings)}, {_in_words(setting)}")
            keeping = replace(options, checkpoints=log.checkpoints(f"{number + 1}"))
            fit, trial, lasting = _tried(name, setting, split, metric, keeping)
            if lasting:
                log.add(trial)
        tried.append(trial)
        if trial.failed:
            options.progress.say(f"{name}: {_in_words(setting)} failed: {trial.failed}")
        elif best is None or _better(metric, trial.value, best.value):
            kept = (
                fit if keep and fit and (size_bytes(fit.model) <= KEEP_BYTES or number == len(settings) - 1) else None
            )
            best = _Best(kept, setting, trial.value)
    if best is None:
        raise NothingFittedError(name, tuple(tried))
    return best, tuple(tried)


def _tried(
    name: str, setting: dict[str, Any], split: Split, metric: str, options: RunOptions
) -> tuple[_Fit | None, Trial, bool]:
    """The fitted model and what it reached, or why not; and whether another attempt would end alike."""
    started = time.perf_counter()
    try:
        fit = _fit(name, setting, split, options)
        value = _measure(fit.model, split, metric, options)
    except Exception as error:  # noqa: BLE001 - whatever ails one setting, the others go on
        failed = Trial(dict(setting), math.nan, time.perf_counter() - started, reason_of(error))
        return None, failed, not of_memory(error)
    if value is None or not math.isfinite(value):
        return None, Trial(dict(setting), math.nan, fit.seconds, f"Its {metric} is not a number."), True
    return fit, Trial(dict(setting), value, fit.seconds), True


def size_bytes(model: Recommender) -> int:
    """Bytes of a fitted model's weights."""
    return sum(array.nbytes for array in model.weights().values())


def _fit(name: str, setting: dict[str, Any], split: Split, options: RunOptions) -> _Fit:
    with peak_memory() as peak:
        started = time.perf_counter()
        model = model_class(name)(**setting).fit(split.train, split.valid, options)
        seconds = time.perf_counter() - started
    # A fit that went on from a checkpoint took what came before as well; its curve knows.
    trained = model.curve.points[-1].seconds if model.curve and model.curve.points else 0.0
    return _Fit(model, max(seconds, trained), peak.bytes)


def _measure(model: Recommender, split: Split, metric: str, options: RunOptions) -> float | None:
    if split.valid is None:
        return None
    return evaluate(model, split.valid, [metric], progress=options.progress).means()[metric]


def _better(metric: str, value: float, than: float) -> bool:
    return value < than if parse_metrics([metric])[0].lower_is_better else value > than


def beside_defaults(name: str, trials: Sequence[Trial]) -> tuple[Trial, ...]:
    """The trials of a model, all with the same hyper-parameters: what a setting leaves out has its default."""
    defaults = model_class(name)().config.model_dump(mode="json")
    varied = {key: defaults.get(key) for trial in trials for key in trial.settings}
    return tuple(replace(trial, settings=varied | trial.settings) for trial in trials)


def _in_words(setting: dict[str, Any]) -> str:
    return ", ".join(f"{key} = {value}" for key, value in setting.items()) or "defaults"
