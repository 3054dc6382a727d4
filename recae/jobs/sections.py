"""What a report tells beside the leaderboard: found while the data and the models are in memory.

A new section is a field of `ModelRun` or of `Comparison` with plain data in it, filled by one line in one of the two
functions here, and drawn by a module of its own in `recae.reports`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from recae.data.interactions import Interactions
from recae.data.split import HeldOut, Split
from recae.evaluation.background import Background
from recae.evaluation.result import Evaluation
from recae.insight.item_map import ItemMap
from recae.jobs.error_examples import error_examples, pick_users, saved_lists
from recae.jobs.examples import draw_users, example_users, lists_for
from recae.jobs.item_map import map_for_comparison
from recae.jobs.reading import Source
from recae.jobs.similar import asked_items, similar_to_asked
from recae.jobs.slices import usual_catalog
from recae.models.base import Recommender
from recae.models.cost import Shape
from recae.options import RunOptions
from recae.ranking.lists import TopN
from recae.reports.comparison import ErrorExample
from recae.reports.wording import lower_is_better


@dataclass(frozen=True, eq=False)
class Terms:
    """What all models of a comparison have in common; of several splits the first one's."""

    split: Split
    test: HeldOut
    metrics: tuple[str, ...]
    titles: list[str]
    """Of the training items, by position; untrusted text."""
    background: Background
    source: Source
    catalog: Source | None
    """The catalogue that was named; there may be one beside `source`."""
    options: RunOptions


def of_model(model: Recommender, evaluation: Evaluation, terms: Terms) -> dict[str, Any]:
    """Further fields of the model's `ModelRun`: what can be found only while `model`, fitted, is in memory.

    `evaluation` is that on `terms.test`, without the users who have no target.
    """
    return {
        "fit_foretold_bytes": model.cost(Shape.of(terms.split.train)).fit_bytes,
        "similar": similar_to_asked(model, terms.split.train, terms.titles),
    }


def of_comparison(
    evaluations: Mapping[str, Evaluation], lists: Mapping[str, TopN], models: Path, terms: Terms
) -> dict[str, Any]:  # fmt: skip
    """Further fields of the `Comparison`, when all models are judged.

    `evaluations` are those on `terms.test` by the name of the model; `lists` what each lists for `drawn_users(terms)`;
    `models` is the folder of the model folders.
    """
    return {
        "popularity_curve": _popularity_curve(terms.split.train),
        "examples": example_users(drawn_users(terms), lists, terms.titles),
        "errors": _errors(evaluations, models, terms),
        "asked": asked_items(terms.split.train, terms.titles),
        "item_map": _item_map(evaluations, models, terms),
    }


def drawn_users(terms: Terms) -> HeldOut:
    """The test users whose lists are shown."""
    return draw_users(terms.test, terms.options.seed)


def example_lists(model: Recommender, terms: Terms) -> TopN:
    """What a fitted `model` lists for them."""
    return lists_for(model, drawn_users(terms))


def _item_map(evaluations: Mapping[str, Evaluation], models: Path, terms: Terms) -> ItemMap | None:
    metric = terms.metrics[0]
    sign = 1 if lower_is_better(metric) else -1
    reached = {name: evaluation.means()[metric] for name, evaluation in evaluations.items()}
    order = sorted(reached, key=lambda name: (sign * reached[name], name))
    catalog, _ = usual_catalog(terms.catalog, terms.source)
    return map_for_comparison(order, models, terms.split.train, catalog, terms.options.progress)


def _errors(evaluations: Mapping[str, Evaluation], models: Path, terms: Terms) -> tuple[ErrorExample, ...]:
    picked = pick_users(evaluations, terms.metrics[0], terms.test) if evaluations else None
    if picked is None:
        return ()
    lists = saved_lists(models, list(evaluations), picked.users)
    return error_examples(picked, lists, terms.titles, terms.split.train.item_counts(), terms.test)


def _popularity_curve(train: Interactions, points: int = 500) -> tuple[int, ...]:
    counts = np.sort(train.item_counts())[::-1]
    places = np.unique(np.linspace(0, len(counts) - 1, min(points, len(counts))).astype(np.int64))
    return tuple(counts[places].tolist())
