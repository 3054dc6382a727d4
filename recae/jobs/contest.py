"""The terms of a comparison, settled before any model is fitted: the split, the metrics, who may take part."""

from __future__ import annotations

from collections.abc import Sequence

from recae.data.ids import UNKNOWN
from recae.data.interactions import Interactions
from recae.data.split import HeldOut, Split
from recae.errors import ConfigError, DataError
from recae.evaluation.metrics import DEFAULT_METRICS, parse_metrics
from recae.jobs.item_facts import refuse_features
from recae.jobs.judging import check_metrics
from recae.jobs.prepare import DEFAULT_SPLIT
from recae.models.registry import model_class

BY_USER_SPLIT = "per-user:valid=0.1,test=0.2"
"""The split for models that know only the users they were trained on."""

BASELINES = ("popularity", "item-knn", "ials")
"""What a new model should be held against: no personal taste, neighbours, and a well-tuned matrix factorization."""

ANEW = "`recae data split LOG --split {} --out DIR`"
"""How a log gets another split, from which `train` and `compare` can start."""


def checked_models(models: Sequence[str], baselines: bool = False) -> tuple[str, ...]:
    """The names, each once, and behind them those of `BASELINES` where these are wanted.

    Raises:
        ConfigError: there is no such model, or none was named.
    """
    if not models:
        raise ConfigError("Name at least one model to compare.")
    names = tuple(dict.fromkeys([*models, *(BASELINES if baselines else ())]))
    for name in names:
        model_class(name)
    return names


def contest_metrics(wanted: Sequence[str] | None, models: Sequence[str], train: Interactions) -> tuple[str, ...]:
    """The metrics in order: the usual ones, and the error of predicted ratings where a model predicts them.

    Raises:
        ConfigError: an unknown metric, or a first one that cannot judge all of the models.
    """
    if wanted is not None:
        for name in models:
            check_metrics(model_class(name).info, wanted[:1])
        refuse_features(wanted[:1], "Settings cannot be chosen")
        return tuple(str(metric) for metric in parse_metrics(wanted))
    predicts = any(model_class(name).info.needs == "ratings" for name in models)
    return (*DEFAULT_METRICS, "rmse") if predicts and train.has_ratings else DEFAULT_METRICS


def test_part(split: Split) -> HeldOut:
    """The test data.

    Raises:
        ConfigError: there is none.
    """
    if split.test is None:
        raise ConfigError(
            f"{split.spec} has no test data to judge on: split the log anew with some, "
            f"e.g. {ANEW.format(DEFAULT_SPLIT)}."
        )
    return split.test


def refuse_strangers(split: Split, by_id: Sequence[str]) -> Split:
    """The split, if all its users are in the training data or there are no models `by_id`, which know users by id.

    Raises:
        ConfigError: one of these models would have to score a user whom it does not know.
    """
    parts = [part for part in (split.valid, split.test) if part is not None]
    if by_id and any((split.train.users.positions(part.users.values) == UNKNOWN).any() for part in parts):
        raise ConfigError(
            f"{', '.join(by_id)} can score only users of the training data, and {split.spec} holds out others: "
            f"take other models, or split the log anew, {ANEW.format(BY_USER_SPLIT)}."
        )
    return split


def need_ratings(models: Sequence[str], train: Interactions) -> None:
    """Check that the data has ratings, if one of `models` can learn only from such.

    Raises:
        DataError: it has none.
    """
    needing = [name for name in models if model_class(name).info.needs == "ratings"]
    if needing and not train.has_ratings:
        raise DataError(
            f"{', '.join(needing)} can learn only from ratings, and the data has no rating column: name it with "
            "--rating-col, or leave these models out."
        )
