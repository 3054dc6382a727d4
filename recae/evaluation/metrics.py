"""Metric names: what `ndcg@10` asks for, checked before any work is done."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from recae.errors import ConfigError
from recae.evaluation.disparity import GAPS, group_gap
from recae.evaluation.exposure import OF_EXPOSURE
from recae.evaluation.feature_metrics import intra_list_distance, miscalibration, serendipity, unexpectedness
from recae.evaluation.full_ranking import auc
from recae.evaluation.graded import OF_GRADES
from recae.evaluation.popularity_metrics import (
    average_popularity,
    normalised_propensity_scored_precision,
    popularity_lift,
    propensity_scored_precision,
)
from recae.evaluation.rank_metrics import OF_HITS, r_precision
from recae.evaluation.ranking_metrics import OF_ALL_LISTS, OF_EACH_LIST
from recae.evaluation.rating_metrics import OF_RATINGS

DEFAULT_METRICS = (
    "ndcg@10",
    "recall@20",
    "trecall@20",
    "precision@10",
    "map@10",
    "mrr@10",
    "hit@10",
    "coverage@10",
    "novelty@10",
)
"""What is measured unless the caller asks for something else; the first one selects models."""

FURTHER: dict[str, Callable[..., Any]] = {
    "rprecision": r_precision,
    **OF_HITS,
    **OF_GRADES,
    "auc": auc,
    "psp": propensity_scored_precision,
    "npsp": normalised_propensity_scored_precision,
    "popularity": average_popularity,
    "popularity-lift": popularity_lift,
    "ild": intra_list_distance,
    "unexpectedness": unexpectedness,
    "serendipity": serendipity,
    "miscalibration": miscalibration,
    **OF_EXPOSURE,
    **dict.fromkeys(GAPS, group_gap),
}
"""Metrics beside the usual ones -> the function that defines them; `recae.evaluation.further` computes them."""

WITHOUT_CUTOFF = ("rprecision", "auc")
"""Rankings judged to a depth of their own."""
LOWER_IS_BETTER = frozenset([*OF_RATINGS, "miscalibration", *GAPS])
NO_DIRECTION = frozenset(
    [
        "novelty", "popularity", "popularity-lift", "ild", "unexpectedness", "gini", "entropy", "personalisation",
    ]
)  # fmt: skip
"""Metrics that describe the lists; whether more of them is better is for people to say."""
UNBOUNDED = frozenset(
    [
        *OF_RATINGS, "novelty", "psp", "entropy", "popularity-lift", "ild", "unexpectedness", "serendipity",
        "miscalibration",
    ]
)  # fmt: skip
"""Metrics that do not lie between 0 and 1."""

MAX_CUTOFF = 1_000_000
OTHER_NAMES = {
    "hit_rate": "hit",
    "hitrate": "hit",
    "hits": "hit",
    "hr": "hit",
    "p": "precision",
    "prec": "precision",
    "r": "recall",
    "rr": "mrr",
    "ap": "map",
    "r-precision": "rprecision",
    "rprec": "rprecision",
    "rbp": "rbp80",
    "arp": "popularity",
    "diversity": "ild",
    "calibration": "miscalibration",
    "personalization": "personalisation",
}
"""Names that people bring from elsewhere, for the hint in the error."""


@dataclass(frozen=True)
class Metric:
    """One figure to compute: a formula and, for lists, the cut-off."""

    name: str
    """A key of `OF_EACH_LIST`, `OF_ALL_LISTS`, `OF_RATINGS` or `FURTHER`."""
    k: int | None = None
    """How many places of the list count; None for ratings, and where the metric has a depth of its own."""

    def __str__(self) -> str:
        return self.name if self.k is None else f"{self.name}@{self.k}"

    @property
    def of_ratings(self) -> bool:
        """Compares predicted with true ratings, and needs no lists."""
        return self.name in OF_RATINGS

    @property
    def overall(self) -> bool:
        """Belongs to all users together; there are no values per user."""
        return self.name in OF_ALL_LISTS or self.name in (*OF_EXPOSURE, *GAPS, "popularity-lift") or self.of_ratings

    @property
    def needs_counts(self) -> bool:
        """Needs to know how many training users each item has."""
        return self.name in ("novelty", "psp", "npsp", "popularity", "popularity-lift")

    @property
    def needs_features(self) -> bool:
        """Needs vectors or genres of the items."""
        return self.name in ("ild", "unexpectedness", "serendipity", "miscalibration")

    @property
    def needs_scores(self) -> bool:
        """Needs the score of every item, not only a list."""
        return self.name == "auc"

    @property
    def lower_is_better(self) -> bool:
        return self.name in LOWER_IS_BETTER


def parse_metrics(names: Sequence[str]) -> list[Metric]:
    """The metrics of these names, e.g. "ndcg@10" or "rmse", in their order, each once.

    Raises:
        ConfigError: no name at all, an unknown metric, a cut-off that is missing, superfluous or impossible.

    >>> [str(metric) for metric in parse_metrics(["ndcg@10", "Recall@20", "ndcg@10"])]
    ['ndcg@10', 'recall@20']
    """
    if not names:
        raise ConfigError("Name at least one metric, e.g. ndcg@10.")
    return list(dict.fromkeys(_parse(name) for name in names))


def metric_names() -> dict[str, str]:
    """Metric name -> what it is in one line, for help texts."""
    tables: tuple[Mapping[str, Callable[..., Any]], ...] = (OF_EACH_LIST, OF_ALL_LISTS, OF_RATINGS, FURTHER)
    return {name: definition(function).partition("\n")[0] for table in tables for name, function in table.items()}


def definition(function: Callable[..., Any]) -> str:
    """The docstring that defines a metric, also of a function some of whose arguments are given already."""
    return (function.func if isinstance(function, partial) else function).__doc__ or ""


def _parse(text: str) -> Metric:
    name, at, cutoff = text.strip().lower().partition("@")
    if name in OF_RATINGS:
        if at:
            raise ConfigError(f"{name} compares ratings and takes no cut-off (got {text!r}).")
        return Metric(name)
    if name in WITHOUT_CUTOFF:
        if at:
            raise ConfigError(f"{name} goes to a depth of its own and takes no cut-off (got {text!r}).")
        return Metric(name)
    if name not in OF_EACH_LIST and name not in OF_ALL_LISTS and name not in FURTHER:
        raise ConfigError(f"There is no metric {text!r}; {_hint(name, cutoff)}")
    if not at:
        raise ConfigError(f"{name} needs a cut-off, e.g. {name}@10 (got {text!r}).")
    if not re.fullmatch(r"[0-9]+", cutoff) or not 1 <= int(cutoff) <= MAX_CUTOFF:
        raise ConfigError(f"The cut-off of {name} must be a whole number from 1 to {MAX_CUTOFF} (got {text!r}).")
    return Metric(name, int(cutoff))


def _hint(name: str, cutoff: str) -> str:
    known = sorted([*OF_EACH_LIST, *OF_ALL_LISTS, *OF_RATINGS, *FURTHER])
    near = [OTHER_NAMES[name]] if name in OTHER_NAMES else difflib.get_close_matches(name, known, n=1)
    if not near:
        return f"the metrics are {', '.join(known)}."
    example = near[0] if near[0] in (*OF_RATINGS, *WITHOUT_CUTOFF) else f"{near[0]}@{cutoff or 10}"
    return f"did you mean {example}? The metrics are {', '.join(known)}."
