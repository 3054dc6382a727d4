"""Quality gates: is a model good enough, is it better than others, is it no worse than before? One rule for each."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from recae.evaluation.gates_bounds import ALPHA, ROUNDING, TOLERANCE, Bound
from recae.evaluation.gates_figures import Figures, direction, lead_p, mean_of, tested_lead_p
from recae.evaluation.gates_wording import beating_reason, bound_reason, keeping_reason
from recae.evaluation.paired import holm


@dataclass(frozen=True)
class GateResult:
    """What became of one gate, as plain values."""

    name: str
    """As it was asked for: "fail-under ndcg@100=0.3", "require-beats ials", "against last.parquet"."""
    metric: str
    passed: bool
    reason: str
    """One sentence, with the figures."""
    value: float | None
    """The candidate's figure; None where it is not a number."""
    held_against: float | None
    """The bound, or the other's figure."""
    p: float | None = None
    """p-value of the paired test after correction; None where nothing was tested."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """The model that has to pass, and those beside it."""

    name: str
    figures: Mapping[str, Figures]
    """Name -> figures of the candidate, of all that it must beat, and of all that might have been the candidate; all of
    them on the same users in the same order, or on the same splits."""
    must_beat: Sequence[str] = ()
    chosen: bool = False
    """Whether it is the best of `figures` on these very users. Its tests are then corrected for all that might have
    come first: the best of many models that are no better than another looks better than it."""

    @property
    def own(self) -> Figures:
        return self.figures[self.name]


@dataclass(frozen=True, eq=False)
class Former:
    """The figures that a candidate must keep."""

    name: str
    """What they are called, usually their path."""
    figures: Figures
    """On the same users in the same order, or on the same splits; an evaluation without users has only means."""
    tolerance: float = TOLERANCE
    """How much worse a figure may be, in the units of its metric."""

    def __post_init__(self) -> None:
        if not 0 <= self.tolerance < math.inf:
            raise ValueError(f"the tolerance must be 0 or more, not {self.tolerance}")


def check_gates(
    candidate: Candidate,
    metrics: Sequence[str],
    *,
    bounds: Sequence[Bound] = (),
    former: Former | None = None,
    seed: int = 42,
) -> tuple[GateResult, ...]:
    """Hold a candidate against bounds, against other models and against former figures.

    - A bound passes where the figure is a finite number on the right side of it, the bound itself included.
    - Another model is beaten where the candidate's mean is better and the paired randomisation test over the same users
      gives p <= 0.05, after Holm's correction over all that is to be beaten by all of `metrics`. Over several splits
      the test is the corrected resampled t-test of their means (`recae.evaluation.repeats.corrected_t_test`).
    - Against `former` a metric fails where it is worse by more than the tolerance and the same test, of the hypothesis
      that it is worse by just the tolerance, gives p <= 0.05, corrected over `metrics`. Metrics without values per
      user, and former figures that are only means, are not tested: they fail where they are worse by more than it.

    So a model that is no better than another passes for better with a chance of at most 2.5 % (5 % where it was
    `chosen`), and one that is worse than before by at most the tolerance fails with a chance of at most 2.5 %. What is
    not finite never passes.

    Args:
        candidate: the model and those beside it.
        metrics: by which others are to be beaten and former figures to be kept.
        bounds: figures to be reached, of any metric.
        former: figures to be kept.
        seed: of the sign flips.

    Raises:
        ValueError: different users, a metric that was not measured, or one that cannot be tested over users.
    """
    return (
        *(_bounded(candidate, bound) for bound in bounds),
        *_beating(candidate, metrics, seed),
        *(() if former is None else _keeping(candidate, former, metrics, seed)),
    )


def _bounded(candidate: Candidate, bound: Bound) -> GateResult:
    value = mean_of(candidate.own, bound.metric)
    short = value - bound.limit if bound.upper else bound.limit - value
    passed = math.isfinite(value) and short <= ROUNDING
    reason = bound_reason(candidate.name, bound, value, passed)
    return GateResult(str(bound), bound.metric, passed, reason, _plain(value), bound.limit)


def _beating(candidate: Candidate, metrics: Sequence[str], seed: int) -> list[GateResult]:
    corrected = _corrected(candidate, metrics, seed)
    results = []
    for other in candidate.must_beat:
        for metric in metrics:
            value, theirs = mean_of(candidate.own, metric), mean_of(candidate.figures[other], metric)
            gain, p = direction(metric) * (value - theirs), corrected.get((candidate.name, other, metric))
            passed = p is not None and gain > 0 and p <= ALPHA
            if p is None:
                reason = f"{other} itself comes first by {metric}: nothing beats it."
            else:
                reason = beating_reason(candidate.name, other, metric, gain, p, passed, len(corrected))
            results.append(
                GateResult(f"require-beats {other}", metric, passed, reason, _plain(value), _plain(theirs), p)
            )
    return results


def _corrected(candidate: Candidate, metrics: Sequence[str], seed: int) -> dict[tuple[str, str, str], float]:
    """(model, other, metric) -> p-value after Holm's correction over all of them."""
    rest = [name for name in candidate.figures if name not in (candidate.name, *candidate.must_beat)]
    might_be = [candidate.name, *(rest if candidate.chosen else ())]
    tests = {
        (one, other, metric): tested_lead_p(candidate.figures[one], candidate.figures[other], metric, seed)
        for other in candidate.must_beat
        for one in might_be
        for metric in metrics
        if one != other
    }
    return dict(zip(tests, map(float, holm(np.array(list(tests.values())))), strict=True)) if tests else {}


def _keeping(candidate: Candidate, former: Former, metrics: Sequence[str], seed: int) -> list[GateResult]:
    own, before = candidate.own, former.figures
    raw = {metric: lead_p(before, own, metric, seed, former.tolerance) for metric in metrics}
    tested = {metric: p for metric, p in raw.items() if p is not None}
    corrected = dict(zip(tested, map(float, holm(np.array(list(tested.values())))), strict=True)) if tested else {}
    results = []
    for metric in metrics:
        value, was, p = mean_of(own, metric), mean_of(before, metric), corrected.get(metric)
        drop = direction(metric) * (was - value)
        passed = math.isfinite(drop) and (drop <= former.tolerance + ROUNDING or (p is not None and p > ALPHA))
        reason = keeping_reason(candidate.name, former.name, metric, value, was, drop, former.tolerance, p)
        results.append(GateResult(f"against {former.name}", metric, passed, reason, _plain(value), _plain(was), p))
    return results


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
