"""What report.json holds, key by key, as types; docs/report-schema.md and its JSON Schema are written from here.

A number that is not finite (a trial that failed, a metric without a value) is null in the file.
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any, Literal, NotRequired, TypedDict

from recae.evaluation.gates import GateResult
from recae.evaluation.paired import PairedTest
from recae.evaluation.repeats import SplitFigures
from recae.evaluation.slices import Slice
from recae.insight.item_map import ItemMap
from recae.insight.neighbours import NamedItem
from recae.reports.comparison import ErrorExample, ExampleUser, FailedModel, Trial
from recae.training.curve import LearningCurve


class Figure(TypedDict):
    """A mean over the test users and its interval."""

    value: float
    low: float | None
    """Lower end of the 95 % interval; null for metrics of all lists together, such as coverage."""
    high: float | None


class BehindBest(TypedDict):
    """How far the best model is ahead of this one by the first metric, over the same users."""

    difference: float
    """The best model's mean minus this one's, turned so that positive means behind."""
    low: float | None
    """95 % interval of the mean paired difference; null where there are no values per user."""
    high: float | None
    clear: bool
    """Whether the difference stands."""


class Verdict(TypedDict):
    """What the report says in words."""

    metric: str
    """The metric that decides: the first one."""
    best: str
    """Name of the leading model."""
    not_clearly_behind: list[str]
    """Names of the models that could turn out better."""
    headline: str
    caution: str
    """What to know before the headline is believed; empty where there is nothing."""
    details: list[str]


class Model(TypedDict):
    """One model: how it was chosen, what it reached on test data, what it cost."""

    name: str
    """Unique in the report; the value of the column `model` of per-user.parquet."""
    title: str
    rank: int
    """From 1, by the first metric."""
    config: dict[str, Any]
    """The full hyper-parameters of the chosen setting."""
    metrics: dict[str, Figure]
    """By the name of the metric, also those at further list lengths that are only drawn."""
    behind_best: BehindBest | None
    """null for the best model."""
    valid_value: float | None
    """The first metric on validation data with the chosen setting."""
    test_users: int
    """Test users with targets."""
    fit_seconds: float
    """Of the chosen setting alone."""
    users_per_second: float
    """Users scored, ranked and judged in a second."""
    size_bytes: int
    """Of the weights."""
    fit_peak_bytes: NotRequired[int | None]
    """Main memory that the fit took at its peak beside what was there before."""
    fit_foretold_bytes: NotRequired[int | None]
    """What it was expected to take at most."""
    disk_bytes: NotRequired[int | None]
    """Of the model folder."""
    similar: NotRequired[list[list[NamedItem]]]
    """What it holds to be most like each of the items `asked`; empty where it tells no items apart."""
    trials: list[Trial]
    """Every setting tried on validation data, in the order of trying."""
    curve: LearningCurve | None
    """null for models that do not train in epochs."""
    over_splits: NotRequired[SplitFigures | None]
    """What it reached on each of several splits; null where there is one."""
    slices: NotRequired[list[Slice]]
    """Its figures by groups of users and of targets."""


class ReportDocument(TypedDict):
    """The whole of a comparison; one row per user and model lies beside it in per-user.parquet."""

    schema: Literal["recae-comparison/1"]
    """Name and version of this form."""
    verdict: Verdict
    metrics: list[str]
    """In the order in which tables show them; the first chose the settings and sorts the models."""
    selected_on: str
    """How settings were chosen, in words."""
    models: list[Model]
    """Best first."""
    pairs: list[PairedTest]
    """Every pair of models, tested by the first metric."""
    data: dict[str, Any]
    """What was read: users, items, interactions, density, items_per_user, users_per_item, gini, top_1_percent, values,
    times, left_out, columns, columns_not_used, source; as `recae data describe --json` tells it."""
    split: dict[str, Any]
    """spec, seed, the sizes of its parts, notes."""
    popularity_curve: list[int]
    """Training users per item, most popular first, at most 500 points."""
    examples: list[ExampleUser]
    """A few test users drawn at random."""
    errors: NotRequired[list[ErrorExample]]
    """Users whom the best model serves worst, then those about whom the models disagree most."""
    asked: NotRequired[list[NamedItem]]
    """A few items, the well-known first, whose neighbours the models were asked for."""
    item_map: NotRequired[ItemMap | None]
    """Where the best model with vectors of items puts them."""
    failed: NotRequired[list[FailedModel]]
    """The models that could not be judged."""
    plan: NotRequired[str]
    """A digest of the data, the splits, the metrics and the libraries: the same plan gives the same figures."""
    user_column: NotRequired[str]
    """What the input calls the users: that column of per-user.parquet."""
    gates: NotRequired[list[GateResult]]
    """What became of the quality gates that were asked for."""
    facts: dict[str, Any]
    """seed, command, run_id, machine, versions and the configuration: what is needed to run it again."""


def schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of report.json, as it comes with the package."""
    text = (files("recae.reports") / "schemas" / "recae-comparison-1.json").read_text(encoding="utf-8")
    content: dict[str, Any] = json.loads(text)
    return content
