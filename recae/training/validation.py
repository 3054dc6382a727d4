"""What is measured after an epoch, to stop in time and keep the best weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from recae.data.split import HeldOut
from recae.evaluation.evaluate import evaluate
from recae.ranking.lists import Scorer

_LOWER_IS_BETTER = ("rmse", "mae")


@dataclass(frozen=True)
class Validation:
    """One metric on held-out users."""

    metric: str
    measure: Callable[[], float]

    @property
    def higher_is_better(self) -> bool:
        return self.metric not in _LOWER_IS_BETTER


def held_out_metric(scorer: Scorer, held_out: HeldOut, metric: str) -> Validation:
    """The mean of `metric` when `scorer` ranks the histories of `held_out`, the history itself excluded."""

    def measure() -> float:
        return evaluate(scorer, held_out, [metric]).means()[metric]

    return Validation(metric, measure)
