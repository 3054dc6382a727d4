"""Which metrics a model can be judged by: errors of predicted ratings need a model that predicts some."""

from __future__ import annotations

from collections.abc import Sequence

from recae.errors import ConfigError
from recae.evaluation.metrics import parse_metrics
from recae.models.base import ModelInfo


def own_metrics(info: ModelInfo, metrics: Sequence[str]) -> tuple[str, ...]:
    """Those of `metrics` that mean something for the model.

    Raises:
        ConfigError: an unknown metric.
    """
    return tuple(str(metric) for metric in parse_metrics(metrics) if info.needs == "ratings" or not metric.of_ratings)


def check_metrics(info: ModelInfo, metrics: Sequence[str]) -> None:
    """Check that the model can be judged by all of `metrics`.

    Raises:
        ConfigError: an unknown metric, or one of ratings that the model does not predict.
    """
    strange = [str(metric) for metric in parse_metrics(metrics) if str(metric) not in own_metrics(info, metrics)]
    if strange:
        raise ConfigError(f"{info.name} ranks items and predicts no ratings: leave out {', '.join(strange)}.")
