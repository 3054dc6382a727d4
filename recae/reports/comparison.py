"""`Comparison`: several models judged on one split; every report is drawn from this one object."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from recae.evaluation.gates import GateResult
from recae.evaluation.paired import PairedTest, affordable_flips, paired_tests
from recae.evaluation.repeats import SplitFigures
from recae.evaluation.result import Evaluation
from recae.insight.item_map import ItemMap
from recae.insight.neighbours import NamedItem
from recae.reports.wording import lower_is_better
from recae.training.curve import LearningCurve

if TYPE_CHECKING:
    from recae.reports.verdict import Verdict


@dataclass(frozen=True)
class Trial:
    """One setting that was tried, and what it reached on validation data."""

    settings: dict[str, Any]
    """The hyper-parameters that any of a model's trials changes, those at their defaults too; older files leave these
    out."""
    value: float
    """NaN where it failed."""
    seconds: float
    failed: str = ""
    """Why it could not be judged, in a sentence; empty where it was."""


@dataclass(frozen=True)
class FailedModel:
    """A model that took part and could not be judged."""

    name: str
    title: str
    reason: str
    """In a sentence."""
    trials: tuple[Trial, ...] = ()


@dataclass(frozen=True, eq=False)
class ModelRun:
    """One model: how it was chosen, what it reached on test data, what it cost."""

    name: str
    title: str
    config: dict[str, Any]
    """The full hyper-parameters of the chosen setting."""
    trials: tuple[Trial, ...]
    """Every setting tried on validation data, in the order of trying; empty where there was no choice."""
    evaluation: Evaluation
    """On the test users; of several splits each user's mean over them."""
    valid_value: float | None
    """The selection metric on validation data for the chosen setting."""
    fit_seconds: float
    users_per_second: float
    """Users scored, ranked and judged per second."""
    size_bytes: int
    """The model's weights."""
    curve: LearningCurve | None = None
    fit_peak_bytes: int | None = None
    """Main memory that the fit took at its peak beside what was there before, see `recae.jobs.peak`; None where it
    could not be measured."""
    fit_foretold_bytes: int | None = None
    """What it was expected to take at most."""
    disk_bytes: int | None = None
    """The model folder."""
    similar: tuple[tuple[NamedItem, ...], ...] = ()
    """What it holds to be most like each of the items `Comparison.asked`; empty where it tells no items apart."""
    over_splits: SplitFigures | None = None
    """What it reached on each of several splits; None where there is one. Its settings, curve, seconds and size are
    those of the first split."""

    @cached_property
    def intervals(self) -> dict[str, tuple[float, float]]:
        """Metric -> 95 % bootstrap interval of its mean over users, or, over several splits, Student's for other splits
        and other users alike; computed once for all reports."""
        return self.evaluation.intervals() if self.over_splits is None else self.over_splits.intervals()

    @cached_property
    def means(self) -> dict[str, float]:
        """Metric -> mean over users, or the overall value; without the metrics that the model cannot be judged by. Of
        several splits the mean."""
        return self.evaluation.means() if self.over_splits is None else self.over_splits.mean()


@dataclass(frozen=True)
class ExampleUser:
    """One test user as a person would look at it: titles (or ids), untrusted text."""

    user: str
    history: tuple[str, ...]
    targets: tuple[str, ...]
    """All that were hidden."""
    lists: dict[str, tuple[tuple[str, bool], ...]]
    """Model name -> (title, hit) from rank 1 on."""


@dataclass(frozen=True)
class ErrorExample:
    """A test user who is served badly, or about whom the models disagree, and what there is to know about it."""

    kind: Literal["worst", "disagreed"]
    user: ExampleUser
    values: dict[str, float]
    """Model name -> the first metric for this user."""
    history_items: int
    hidden_items: int
    """Targets that training knew."""
    hidden_users: float
    """How many training users have a hidden item, by the median of the user's hidden items."""
    usual_users: float
    """The same over all hidden items of all test users."""
    best: str = ""
    """The model by whose figures the worst served were picked, the best on these users."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """The whole result of comparing models on one split."""

    data: dict[str, Any]
    """The summary of the input (`recae.data.describe`)."""
    split: dict[str, Any]
    """spec, seed, users and interactions in each part, notes."""
    metrics: tuple[str, ...]
    """In the order in which tables show them; the first chose the hyper-parameters and sorts the table."""
    selected_on: str
    """How hyper-parameters were chosen, in words, e.g. "ndcg@10 on 94 validation users"."""
    runs: tuple[ModelRun, ...]
    facts: dict[str, Any]
    """Seed, machine, versions, date, command: what is needed to run it again."""
    popularity_curve: tuple[int, ...] = ()
    """Training users per item, most popular first (at most 500 points), for the long-tail plot."""
    examples: tuple[ExampleUser, ...] = field(default=())
    errors: tuple[ErrorExample, ...] = ()
    """Users whom the best model serves worst, then those about whom the models disagree most."""
    failed: tuple[FailedModel, ...] = ()
    """The models that could not be judged; the others are."""
    split_pairs: tuple[PairedTest, ...] = ()
    """Every pair of models tested over several splits; of one split `pairs` works it out."""
    plan: str = ""
    """A digest of the data, the splits, the metrics and the libraries: the same plan gives the same figures."""
    asked: tuple[NamedItem, ...] = ()
    """A few items, the well-known first, whose neighbours the models were asked for."""
    item_map: ItemMap | None = None
    """Where the best model with vectors of items puts them."""
    gates: tuple[GateResult, ...] = ()
    """What became of each condition that the result had to meet."""
    user_column: str = "user_id"
    """What the input calls the users; untrusted text."""

    @property
    def n_splits(self) -> int:
        """How many splits the models were judged on."""
        figures = self.runs[0].over_splits
        return 1 if figures is None else len(figures.users)

    @cached_property
    def verdict(self) -> Verdict:
        """Who is best and by how much; worked out once for all reports, for its intervals take time."""
        from recae.reports.verdict import verdict

        return verdict(self)

    @cached_property
    def pairs(self) -> tuple[PairedTest, ...]:
        """Every pair of models tested by the first metric, best first; empty where it has no value for every user."""
        if self.n_splits > 1:
            return self.split_pairs
        metric, judged = self.metrics[0], {run.name: run.evaluation for run in self.runs}
        one = self.runs[0].evaluation
        if len(judged) < 2 or any(metric not in e.per_user or e.users != one.users for e in judged.values()):
            return ()
        return paired_tests(judged, metric, flips=affordable_flips(len(one.users)))

    def leaderboard(self) -> tuple[ModelRun, ...]:
        """The runs, best first by the first metric (ties by name)."""
        first = self.metrics[0]
        sign = 1 if lower_is_better(first) else -1
        return tuple(sorted(self.runs, key=lambda run: (sign * run.means[first], run.name)))
