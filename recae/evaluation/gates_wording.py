"""Why a gate passed or failed, in one sentence with its figures."""

from __future__ import annotations

import math

from recae.evaluation.gates_bounds import ALPHA, ROUNDING, Bound


def bound_reason(name: str, bound: Bound, value: float, passed: bool) -> str:
    """`"ndcg@100 of ease is 0.2812, under 0.3."`."""
    if not math.isfinite(value):
        return f"{bound.metric} of {name} has no value, and what has none passes no bound."
    side = f"{'not ' if passed else ''}{'over' if bound.upper else 'under'}"
    return f"{bound.metric} of {name} is {figure(value, bound.limit)}, {side} {bound.limit:g}."


def beating_reason(one: str, other: str, metric: str, gain: float, p: float, passed: bool, tests: int) -> str:
    """`"ease beats ials by 0.0120 ndcg@10 (p < 0.001, corrected for 2 comparisons)."`."""
    if not math.isfinite(gain):
        return f"{metric} has no value for every user of {one} and {other}, so that they cannot be compared."
    sure = f"{_p(p)}, corrected for {tests} comparisons" if tests > 1 else _p(p)
    if passed:
        return f"{one} beats {other} by {figure(gain)} {metric} ({sure})."
    if gain > 0:
        return f"{one} is ahead of {other} by {figure(gain)} {metric}, but not significantly ({sure})."
    if gain == 0:
        return f"{one} is no better than {other}: both have the same {metric}."
    return f"{one} is behind {other} by {figure(-gain)} {metric} ({sure})."


def keeping_reason(
    name: str, former: str, metric: str, value: float, was: float, drop: float, tolerance: float, p: float | None
) -> str:
    """`"ndcg@10 of ease is 0.3301, 0.3412 in last.parquet: significantly worse by more than ..."`.

    `drop` is how much worse `value` is than `was`; `p` is None where nothing was tested, and otherwise tells whether a
    drop of more than `tolerance` is significant.
    """
    if not math.isfinite(drop):
        return f"{metric} of {name} or of {former} has no value for every user, so that they cannot be compared."
    said = f"{metric} of {name} is {figure(value, was)}, {figure(was, value)} in {former}"
    if drop <= 0:
        return f"{said}: no worse."
    if drop <= tolerance + ROUNDING:
        return f"{said}: worse by no more than the tolerated {tolerance:g}."
    beyond = f"worse by more than the tolerated {tolerance:g}"
    if p is None:
        return f"{said}: {beyond} (there are no values per user to test)."
    if p > ALPHA:
        return f"{said}: {beyond}, but not significantly ({_p(p)})."
    return f"{said}: significantly {beyond} ({_p(p)})."


def figure(value: float, beside: float = 0.0) -> str:
    """`value` with four digits after the point, or as many as tell it from `beside`."""
    for digits in range(4, 17):
        if value == beside or f"{value:.{digits}f}" != f"{beside:.{digits}f}":
            return f"{value:.{digits}f}"
    return repr(value)


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
