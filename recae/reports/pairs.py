"""Comparisons of two models in one plain sentence each."""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite

from recae.counted import counted
from recae.evaluation.paired import PairedTest
from recae.evaluation.repeats import Repeated
from recae.reports.wording import change, metric_label, percent, score

CLEAR = 0.05
"""The chance of any false claim among all pairs."""
_ONE, _GAIN = "the variance of one split's figure", "the gain's variance"


def pair_sentence(test: PairedTest, name: Callable[[str], str] = str) -> str:
    """How the better of two models stands against the other; `name` says what a model is called.

    `"mult-vae is better than ials by 0.0120 NDCG@10, 95% interval +0.0101 to +0.0144 (p < 0.001, corrected for 15
    comparisons): better for 41% of 604 users, worse for 30%; a small effect (d = 0.21)."`
    """
    low, high = test.interval
    span = f"95% interval {change(low)} to {change(high)} ({p_words(test)})"
    judged = counted(test.n_users, "user") + (f" in {test.n_splits} splits" if test.n_splits > 1 else "")
    users = f"better for {percent(test.wins)} of {judged}, worse for {percent(test.losses)}"
    if test.gain == 0:
        return f"{name(test.better)} and {name(test.worse)} have the same {metric_label(test.metric)}: {users}."
    by = f"by {score(test.gain)} {metric_label(test.metric)}"
    if test.n_splits > 1:
        users += f"; {_sources(test.share_of_splits, _GAIN)}"
    if test.clear(CLEAR):
        effect = f"a {_size(test.cohen_d)} effect" + (f" (d = {test.cohen_d:.2f})" if isfinite(test.cohen_d) else "")
        return f"{name(test.better)} is better than {name(test.worse)} {by}, {span}: {users}; {effect}."
    return f"{name(test.better)} is ahead of {name(test.worse)} {by}, but not clearly, {span}: {users}."


def repeats_sentence(found: Repeated) -> str:
    """`"NDCG@10 is 0.3120 over 5 splits, 95% interval ...; 80% of a split's variance is which users it has ..."`."""
    low, high = found.interval
    return (
        f"{metric_label(found.metric)} is {score(found.mean)} over {counted(len(found.means), 'split')}, 95% interval "
        f"{score(low)} to {score(high)}; {_sources(found.share_of_splits, _ONE)}."
    )


def variance_sentence(found: Repeated) -> str:
    """`"80% of the variance of one split's figure comes from which users are judged, 20% from the split ..."`."""
    return f"{_sources(found.share_of_splits, _ONE)}."


def p_words(test: PairedTest) -> str:
    """`"p = 0.021, corrected for 15 comparisons"`."""
    value = "p < 0.001" if test.p_holm < 0.001 else f"p = {test.p_holm:.3f}"
    return value if test.n_pairs == 1 else f"{value}, corrected for {test.n_pairs} comparisons"


def _sources(share: float, variance: str) -> str:
    users, split = percent(1 - share), percent(share)
    return f"{users} of {variance} comes from which users are judged, {split} from the split and the training"


def _size(d: float) -> str:
    """Cohen's own words for 0.2, 0.5 and 0.8."""
    return "tiny" if d < 0.2 else "small" if d < 0.5 else "medium" if d < 0.8 else "large"
