"""What is measured after an epoch, to stop in time and keep the best weights."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from recae.data.split import HeldOut
from recae.evaluation.evaluate import evaluate
from recae.evaluation.metrics import parse_metrics
from recae.evaluation.rating_metrics import rating_limits
from recae.ranking.lists import Scorer


@dataclass(frozen=True)
class Validation:
    """One metric on held-out users."""

    metric: str
    measure: Callable[[], float]
    higher_is_better: bool = True


def held_out_metric(scorer: Scorer, held_out: HeldOut, metric: str) -> Validation:
    """What `metric` is when `scorer` ranks the histories of `held_out`, the history itself excluded."""

    (parsed,) = parse_metrics([metric])
    name = str(parsed)

    def measure() -> float:
        return evaluate(scorer, held_out, [name]).means()[name]

    return Validation(name, measure, not parsed.lower_is_better)


def held_out_rmse(predict: Callable[[], np.ndarray], held_out: HeldOut) -> Validation:
    """The error at the target ratings alone, for models that can predict them without scoring every item.

    `predict` gives the predicted ratings in the order of `held_out.target.data`.
    """
    limits = rating_limits(held_out.history)

    def measure() -> float:
        error = predict().astype(np.float64).clip(*limits) - held_out.target.data
        return float(np.sqrt(np.mean(error**2)))

    return Validation("rmse", measure, higher_is_better=False)
