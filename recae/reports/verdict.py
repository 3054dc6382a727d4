"""What a comparison says in words: who is best, by how much, and what cannot be told apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recae.counted import counted
from recae.evaluation.intervals import bootstrap_interval, percentiles, resampled
from recae.evaluation.paired import PairedTest
from recae.evaluation.rating_metrics import OF_RATINGS
from recae.evaluation.repeats import SplitFigures, mean_interval
from recae.evaluation.result import Evaluation
from recae.reports.comparison import Comparison, ModelRun
from recae.reports.pairs import CLEAR, p_words, variance_sentence
from recae.reports.wording import better_than, change, joined, lower_is_better, metric_label, score

POPULARITY = "popularity"
MATRIX_FACTORIZATION = ("ials", "bpr", "pure-svd")


@dataclass(frozen=True)
class Difference:
    """How far one model is ahead of another, over the same users."""

    gain: float
    """Better model's mean minus the other's, turned so that positive is better."""
    low: float | None
    """95 % interval of the mean paired difference, by the bootstrap over users, or over several splits by Student's t;
    None where nothing tells how much it varies."""
    high: float | None
    share: float
    """The gain relative to the other's mean."""
    test: PairedTest | None = None
    """The paired test, corrected over all pairs of the comparison; None where nothing can be tested over users."""

    @property
    def clear(self) -> bool:
        """Whether the test, corrected over all pairs, finds it; where there is none, whether the interval is above 0.

        So a report claims of two models the same wherever it speaks of them.
        """
        if self.test is not None:
            return self.test.clear(CLEAR)
        return self.low is not None and self.low > 0

    def words(self) -> str:
        """`"+0.0123, 95% interval +0.0101 to +0.0144"`; with the p-value where the interval alone would mislead."""
        if self.low is None or self.high is None:
            return change(self.gain)
        said = f"{change(self.gain)}, 95% interval {change(self.low)} to {change(self.high)}"
        misleads = self.test is not None and self.clear != (self.low > 0)
        return f"{said} ({p_words(self.test)})" if self.test is not None and misleads else said


@dataclass(frozen=True, eq=False)
class Verdict:
    """The leading model and how it stands against those that matter."""

    metric: str
    best: ModelRun
    behind: dict[str, Difference]
    """Model -> how far the best one is ahead of it."""
    rivals: tuple[ModelRun, ...]
    """The models that are not clearly behind the best one."""
    runner_up: tuple[ModelRun, Difference] | None
    """The second place."""
    popularity: tuple[ModelRun, Difference] | None
    factorization: tuple[ModelRun, Difference] | None
    """The best matrix-factorization model, where the best model is of another kind."""
    caution: str
    """What to know before the headline is believed; empty where there is nothing."""
    headline: str
    """One sentence for somebody who reads nothing else."""
    details: tuple[str, ...]
    """The figures behind it, a sentence each."""

    @property
    def against(self) -> tuple[tuple[ModelRun, Difference], ...]:
        """Those that the best model is held against, each once: the runner-up, popularity, factorization."""
        named = filter(None, (self.runner_up, self.popularity, self.factorization))
        return tuple({run.name: (run, gap) for run, gap in named}.values())


def verdict(comparison: Comparison) -> Verdict:
    """Judge a comparison by its first metric, on test users paired with themselves."""
    metric = comparison.metrics[0]
    board = comparison.leaderboard()
    best, others = board[0], board[1:]
    tests = {test.worse: test for test in comparison.pairs if test.better == best.name}
    ahead = {run.name: _ahead(best, run, metric, tests.get(run.name)) for run in others}
    rivals = tuple(run for run in others if not ahead[run.name].clear)
    popular = next((run for run in others if run.name == POPULARITY), None)
    # A factorization model at the top is not held against its own kind.
    wanted = () if best.name in MATRIX_FACTORIZATION else MATRIX_FACTORIZATION
    factors = next((run for run in others if run.name in wanted), None)
    held_against = [
        None if run is None else (run, ahead[run.name]) for run in (next(iter(others), None), popular, factors)
    ]
    runner_up, against_popular, against_factors = held_against
    told = {run.name: (run, gap) for run, gap in filter(None, held_against)}
    return Verdict(
        metric=metric,
        best=best,
        behind=ahead,
        rivals=rivals,
        runner_up=runner_up,
        popularity=against_popular,
        factorization=against_factors,
        caution=_caution(comparison),
        headline=_headline(best, runner_up, rivals, against_popular, len(others) > 1),
        details=(*_details(metric, best, rivals, list(told.values())), *_failures(comparison)),
    )


def spoken(run: ModelRun) -> str:
    """What a model is called within a sentence: `"EASE"` of `"EASE, the closed-form linear autoencoder"`."""
    if run.name == POPULARITY:
        return POPULARITY
    title = run.title.partition(",")[0].strip() or run.name
    first = title.split()[0] if title.split() else ""
    # A name such as EASE or Mult-VAE keeps its letters; an ordinary word loses its capital.
    return title[0].lower() + title[1:] if first[:1].isupper() and first[1:].islower() else title


def _opening(run: ModelRun) -> str:
    """The same at the start of a sentence."""
    return "Popularity" if run.name == POPULARITY else run.title.partition(",")[0].strip() or run.name


def _ahead(best: ModelRun, run: ModelRun, metric: str, test: PairedTest | None) -> Difference:
    theirs = run.means[metric]
    if test is None and best.over_splits is not None and run.over_splits is not None:
        return _over_splits(best.over_splits, run.over_splits, metric)
    if test is None:
        return difference(best.evaluation, run.evaluation, metric)
    return Difference(test.gain, *test.interval, test.gain / abs(theirs) if theirs else float("nan"), test)


def _over_splits(one: SplitFigures, other: SplitFigures, metric: str) -> Difference:
    """The same from the means of several splits, of metrics that have no values per user."""
    sign = -1.0 if lower_is_better(metric) else 1.0
    gains = sign * (np.array(one.means[metric]) - np.array(other.means[metric]))
    gain, theirs = float(gains.mean()), other.mean()[metric]
    low, high = mean_interval(gains, one.test_per_train) if np.isfinite(gains).all() else (None, None)
    return Difference(gain, low, high, gain / abs(theirs) if theirs else float("nan"))


def difference(one: Evaluation, other: Evaluation, metric: str) -> Difference:
    """How far `one` is ahead of `other`; positive is better also where the metric is an error."""
    sign = -1.0 if lower_is_better(metric) else 1.0
    theirs = other.means()[metric]
    gain = sign * (one.means()[metric] - theirs)
    low = high = None
    if one.users == other.users:
        if metric in one.per_user and metric in other.per_user:
            low, high = bootstrap_interval(sign * (one.per_user[metric] - other.per_user[metric]))
        elif metric in OF_RATINGS and one.rating_errors is not None and other.rating_errors is not None:
            low, high = _rating_interval(one, other, metric, sign)
    return Difference(gain, low, high, gain / abs(theirs) if theirs else float("nan"))


def _rating_interval(one: Evaluation, other: Evaluation, metric: str, sign: float) -> tuple[float, float]:
    formula, mine, theirs = OF_RATINGS[metric], one.rating_errors, other.rating_errors
    if mine is None or theirs is None:
        raise ValueError("rating metrics need the error sums of both")
    samples = [formula(mine.pooled(w)) - formula(theirs.pooled(w)) for w in resampled(len(one.users))]
    return percentiles(sign * np.concatenate(samples), 0.95)


_Against = tuple[ModelRun, Difference] | None


def _caution(comparison: Comparison) -> str:
    if any(run.trials for run in comparison.runs):
        return ""
    return "Default settings: nothing was tuned on validation data."


def _headline(
    best: ModelRun, runner_up: _Against, rivals: tuple[ModelRun, ...], popular: _Against, several: bool
) -> str:
    if runner_up is None:
        return f"{_opening(best)} was judged alone."
    if best.name == POPULARITY:
        return "No model beats plain popularity on this data."
    if popular is not None and not popular[1].clear:
        return f"{_opening(best)} comes first, but not clearly ahead of popularity."
    if not rivals:
        second, gap = runner_up
        place = ", the runner-up" if several else ""
        return f"{_opening(best)} ranks best: {better_than(gap.share, spoken(second))}{place}."
    names = joined([spoken(run) for run in rivals]) if len(rivals) <= 2 else f"{len(rivals)} others"
    return f"{_opening(best)} leads, with {names} too close to call."


def _details(
    metric: str, best: ModelRun, rivals: tuple[ModelRun, ...], against: list[tuple[ModelRun, Difference]]
) -> list[str]:
    users = counted(len(best.evaluation.users), "test user")
    interval = best.intervals.get(metric)
    span = f" (95% interval {score(interval[0])} to {score(interval[1])})" if interval else ""
    over = "" if best.over_splits is None else f" of {counted(len(best.over_splits.users), 'split')}"
    said = [f"{_opening(best)} reaches {metric_label(metric)} {score(best.means[metric])}{span} on {users}{over}."]
    if best.over_splits is not None and metric in best.over_splits.deviations:
        said.append(variance_sentence(best.over_splits.repeated(metric)))
    said += [_compared(run, gap) for run, gap in against]
    told = {run.name for run, _ in against}
    close = [spoken(run) for run in rivals if run.name not in told]
    if close:
        more = "test users" if best.over_splits is None else "splits"
        said.append(f"Not clearly behind: {joined(close)}. With more {more} the order could turn.")
    return said


def _failures(comparison: Comparison) -> list[str]:
    return [f"{model.name} could not be judged: {model.reason}" for model in comparison.failed]


def _compared(run: ModelRun, gap: Difference) -> str:
    if not gap.clear:
        return f"Against {spoken(run)}: {gap.words()}, so either may be the better one."
    return f"It is {better_than(gap.share, spoken(run))}: {gap.words()}."
