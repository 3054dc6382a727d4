"""Quality gates that make sense: bounds that can be met, metrics by which something can be held against another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from recae.errors import ConfigError
from recae.evaluation.gates_bounds import TOLERANCE, Bound, parse_bound
from recae.evaluation.metrics import NO_DIRECTION, Metric, parse_metrics
from recae.jobs.gates import Gates


@dataclass(frozen=True)
class Settled:
    """Conditions that make sense."""

    bounds: tuple[Bound, ...]
    metrics: tuple[str, ...]
    """By which others are to be beaten and figures kept; empty where neither is asked for."""
    measured: tuple[str, ...]
    """All metrics of the job: those that it measures anyway, and those that the conditions need beside."""
    tolerance: float

    @property
    def all_metrics(self) -> tuple[str, ...]:
        """Those that the candidate must have."""
        return tuple(dict.fromkeys([*(bound.metric for bound in self.bounds), *self.metrics]))


def settle(gates: Gates, metrics: Sequence[str]) -> Settled:
    """Check `gates` for a job that measures `metrics`.

    Raises:
        ConfigError: a condition that cannot be checked, contradicts another, or has no effect.
    """
    _refuse_idle(gates)
    bounds = [parse_bound(text, upper=False) for text in gates.fail_under]
    bounds += [parse_bound(text, upper=True) for text in gates.fail_over]
    seen = set()
    for bound in bounds:
        if (bound.metric, bound.upper) in seen:
            raise ConfigError(f"--{str(bound).split()[0]} bounds {bound.metric} twice: keep one of the bounds.")
        seen.add((bound.metric, bound.upper))
    given = gates.gate_metrics
    held = parse_metrics(metrics[:1] if given is None else given) if gates.holds_against else []
    for metric in held:
        _refuse(metric, gates.require_beats, given is None)
    own = [str(metric) for metric in parse_metrics(metrics)]
    by = tuple(str(metric) for metric in held)
    measured = tuple(dict.fromkeys([*own, *(bound.metric for bound in bounds), *by]))
    return Settled(tuple(bounds), by, measured, TOLERANCE if gates.tolerance is None else gates.tolerance)


def _refuse_idle(gates: Gates) -> None:
    """Refuse options that would do nothing."""
    if gates.tolerance is not None and gates.against is None:
        raise ConfigError("--tolerance says how much worse than --against a result may be: give both or neither.")
    if gates.tolerance is not None and not 0 <= gates.tolerance < math.inf:
        raise ConfigError(f"--tolerance must be 0 or more (got {gates.tolerance:g}).")
    if gates.gate_metrics is not None and not gates.holds_against:
        raise ConfigError("--gate-metrics is for --require-beats and --against: give one of them, too.")
    if gates.candidate is not None and not gates.asked:
        raise ConfigError(
            "--candidate names the model that has to pass a gate, and there is none: give --fail-under, "
            "--fail-over, --require-beats or --against."
        )


def _refuse(metric: Metric, beats: Sequence[str], first: bool) -> None:
    """Refuse a metric by which nothing can be held against another."""
    other = "name another with --gate-metrics" if first else "leave it out of --gate-metrics"
    if metric.name in NO_DIRECTION:
        raise ConfigError(f"{metric} describes lists, and neither more nor less of it is better: {other}.")
    if beats and metric.overall and not metric.of_ratings:
        raise ConfigError(f"{metric} has no value for every user, so that no test over users is possible: {other}.")
