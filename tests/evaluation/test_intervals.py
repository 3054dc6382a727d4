"""Bootstrap intervals: the right width, the right share of truths inside, the same for the same seed."""

from __future__ import annotations

import time

import numpy as np
import pytest
from scipy import stats

from recae.evaluation import intervals
from recae.evaluation.intervals import bootstrap_interval, resampled


def test_agrees_with_the_normal_interval_for_many_users() -> None:
    values = np.random.default_rng(0).exponential(size=5000)
    low, high = bootstrap_interval(values, resamples=4000)
    error = values.std() / np.sqrt(len(values))
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.15 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.15 * error)


def test_agrees_with_scipy_for_few_users() -> None:
    values = np.random.default_rng(1).beta(0.5, 2, size=25)
    theirs = stats.bootstrap((values,), np.mean, method="percentile", n_resamples=9999, rng=3).confidence_interval
    assert bootstrap_interval(values, resamples=9999) == pytest.approx(theirs, abs=0.01)


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_the_share_of_intervals_that_hold_the_truth_is_the_level(level: float) -> None:
    random = np.random.default_rng(2)
    truth, trials = 0.3, 300
    inside = 0
    for seed in range(trials):
        low, high = bootstrap_interval(random.random(150) < truth, level=level, resamples=300, seed=seed)
        inside += low <= truth <= high
    # Four standard errors of the share, and the percentile bootstrap's own small bias.
    assert inside / trials == pytest.approx(level, abs=4 * np.sqrt(level * (1 - level) / trials) + 0.01)


def test_the_seed_decides() -> None:
    values = np.random.default_rng(3).random(40)
    assert bootstrap_interval(values, seed=1) == bootstrap_interval(values, seed=1)
    assert bootstrap_interval(values, seed=1) != bootstrap_interval(values, seed=2)


def test_draws_do_not_depend_on_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = np.concatenate(list(resampled(13, resamples=50)))
    monkeypatch.setattr(intervals, "BLOCK_DRAWS", 40)
    blocks = list(resampled(13, resamples=50))
    assert len(blocks) > 1
    np.testing.assert_array_equal(np.concatenate(blocks), whole)
    assert (whole.sum(axis=1) == 13).all()


def test_equal_values_have_no_width() -> None:
    assert bootstrap_interval(np.ones(7)) == (1, 1)
    assert bootstrap_interval(np.array([0.25])) == (0.25, 0.25)


@pytest.mark.parametrize(
    ("values", "settings"),
    [
        ([], {}),
        ([0.5, np.nan], {}),
        ([[0.5]], {}),
        ([0.5], {"level": 1.0}),
        ([0.5], {"level": 95}),
        ([0.5], {"resamples": 0}),
    ],
)
def test_impossible_questions_are_refused(values: list[float], settings: dict[str, float]) -> None:
    with pytest.raises(ValueError, match=r"finite value|between 0 and 1|cannot draw"):
        bootstrap_interval(np.array(values), **settings)


def test_a_thousand_resamples_of_six_thousand_users_are_quick() -> None:
    values = np.random.default_rng(4).random(6000)
    times = []
    for _ in range(3):
        started = time.perf_counter()
        bootstrap_interval(values)
        times.append(time.perf_counter() - started)
    assert min(times) < 1.0
