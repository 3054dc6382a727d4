"""The grammar of split specifications, and the table of all strategies."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from difflib import get_close_matches
from typing import Any

from recae.data.interactions import Interactions
from recae.data.parts import Parts, assemble
from recae.data.protocols import autorec, inf_ae, liang2018, lightgcn
from recae.data.split import Split
from recae.data.strategies import by_time, k_fold, leave_last_out, per_user, user_holdout
from recae.data.validation import validation_cut
from recae.errors import ConfigError

__all__ = ["make_split", "parse_spec", "split_names", "validation_cut"]

_STRATEGIES: dict[str, Callable[..., Parts]] = {
    "user-holdout": user_holdout,
    "per-user": per_user,
    "leave-last-out": leave_last_out,
    "time": by_time,
    "kfold": k_fold,
    "liang2018": liang2018,
    "lightgcn": lightgcn,
    "inf-ae": inf_ae,
    "autorec": autorec,
}


def make_split(log: Interactions, spec: str, *, seed: int = 42) -> Split:
    """Cut a log as `spec` says: `name[:key=value,...]`; a value without a key is the strategy's first parameter.

    For instance "user-holdout:valid=0.1,test=0.1,observed=0.8", "kfold:5,fold=2", "time:2021-01-01", "liang2018".
    The same log, specification and seed give the same split. The columns of every part are the training items.

    Raises:
        ConfigError: a name, key or value that no strategy has.
        DataError: the log lacks a column that the strategy needs, or is too small for it.
    """
    name, settings = parse_spec(spec)
    parts = _STRATEGIES[name](log, seed, **settings)
    return assemble(parts, spec.strip(), parts.seed if parts.seed is not None else seed)


def split_names() -> dict[str, str]:
    """Name of each strategy -> one line on what it does, with its parameters and their defaults."""
    return {name: f"{_summary(strategy)} {_defaults(strategy)}".strip() for name, strategy in _STRATEGIES.items()}


def parse_spec(spec: str) -> tuple[str, dict[str, Any]]:
    """The strategy's name and the parameters that `spec` sets, each in its own type.

    >>> parse_spec("kfold:5,fold=2")
    ('kfold', {'k': 5, 'fold': 2})

    Raises:
        ConfigError: with the nearest match, where something is misspelt.
    """
    name, _, rest = spec.strip().partition(":")
    if name not in _STRATEGIES:
        raise ConfigError(f"There is no split '{name}'{_did_you_mean(name, _STRATEGIES)}")
    parameters = _parameters(_STRATEGIES[name])
    settings: dict[str, Any] = {}
    for number, part in enumerate(filter(None, (piece.strip() for piece in rest.split(",")))):
        key, equals, value = (text.strip() for text in part.partition("="))
        if not equals and number == 0 and parameters:
            key, value = next(iter(parameters)), key
        if not value:
            raise ConfigError(f"{name}: '{part}' is not of the form key=value{_choices(parameters)}")
        if key not in parameters:
            raise ConfigError(f"{name} has no parameter '{key}'{_did_you_mean(key, parameters)}")
        if key in settings:
            raise ConfigError(f"{name}: '{key}' is given twice.")
        settings[key] = _typed(name, key, value, parameters[key].annotation)
    return name, settings


def _parameters(strategy: Callable[..., Parts]) -> dict[str, inspect.Parameter]:
    found = inspect.signature(strategy, eval_str=True).parameters
    return {key: parameter for key, parameter in found.items() if parameter.kind is parameter.KEYWORD_ONLY}


def _typed(name: str, key: str, value: str, kind: type) -> Any:
    try:
        return kind(value) if kind in (int, float) else value
    except ValueError:
        wanted = "a whole number" if kind is int else "a number"
        raise ConfigError(f"{name}: {key}={value} must be {wanted}.") from None


def _did_you_mean(word: str, known: Any) -> str:
    near = get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f": did you mean '{near[0]}'? Known are {', '.join(known)}." if near else _choices(known)


def _choices(known: Any) -> str:
    return f"; known are {', '.join(known)}." if known else "; it has no parameters."


def _summary(strategy: Callable[..., Parts]) -> str:
    return (inspect.getdoc(strategy) or "").split("\n", 1)[0]


def _defaults(strategy: Callable[..., Parts]) -> str:
    found = [f"{key}={p.default}" for key, p in _parameters(strategy).items() if p.default is not None]
    return f"({', '.join(found)})" if found else ""
