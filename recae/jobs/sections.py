"""What a report tells beside the leaderboard: found while the data and the models are in memory.

A new section is a field of `ModelRun` or of `Comparison` with plain data in it, filled by one line in one of the two
functions here, and drawn by a module of its own in `recae.reports`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from recae.data.interactions import Interactions
from recae.data.split import HeldOut, Split
from recae.evaluation.background import Background
from recae.evaluation.result import Evaluation
from recae.jobs.examples import draw_users, example_users, lists_for
from recae.jobs.reading import Source
from recae.jobs.similar import asked_items, similar_to_asked
from recae.models.base import Recommender
from recae.models.cost import Shape
from recae.options import RunOptions
from recae.ranking.lists import TopN


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


def of_comparison(evaluations: Mapping[str, Evaluation], lists: Mapping[str, TopN], terms: Terms) -> dict[str, Any]:
    """Further fields of the `Comparison`, when all models are judged.

    `evaluations` are those on `terms.test` by the name of the model; `lists` what each lists for `drawn_users(terms)`.
    """
    return {
        "popularity_curve": _popularity_curve(terms.split.train),
        "examples": example_users(drawn_users(terms), lists, terms.titles),
        "asked": asked_items(terms.split.train, terms.titles),
    }


def drawn_users(terms: Terms) -> HeldOut:
    """The test users whose lists are shown."""
    return draw_users(terms.test, terms.options.seed)


def example_lists(model: Recommender, terms: Terms) -> TopN:
    """What a fitted `model` lists for them."""
    return lists_for(model, drawn_users(terms))


def _popularity_curve(train: Interactions, points: int = 500) -> tuple[int, ...]:
    counts = np.sort(train.item_counts())[::-1]
    places = np.unique(np.linspace(0, len(counts) - 1, min(points, len(counts))).astype(np.int64))
    return tuple(counts[places].tolist())
