"""Simulations in which the truth is known: intervals cover it as often as they say, and variance is split rightly."""

from __future__ import annotations

import numpy as np
import pytest

from recae.data.ids import IdIndex
from recae.evaluation.intervals import bootstrap_interval, t_interval
from recae.evaluation.repeats import repeated
from recae.evaluation.result import Evaluation
from recae.reports.pairs import repeats_sentence

TRUTH = 0.6 * 1.2 / 4.0


def like_ndcg(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Many zeros and a long tail, as metrics of users have; the mean is `TRUTH`."""
    return random.beta(1.2, 2.8, shape) * (random.random(shape) < 0.6)


def judged(values: np.ndarray) -> Evaluation:
    return Evaluation(IdIndex.range(len(values)), {"ndcg@10": values})


def test_analytic_intervals_cover_the_truth() -> None:
    samples = like_ndcg(np.random.default_rng(1), (3000, 150))
    spans = np.array([t_interval(row) for row in samples])
    assert 0.93 <= np.mean((spans[:, 0] <= TRUTH) & (spans[:, 1] >= TRUTH)) <= 0.97


def test_bootstrap_intervals_cover_the_truth() -> None:
    samples = like_ndcg(np.random.default_rng(2), (1000, 150))
    spans = np.array([bootstrap_interval(row, resamples=300, seed=seed) for seed, row in enumerate(samples)])
    assert 0.93 <= np.mean((spans[:, 0] <= TRUTH) & (spans[:, 1] >= TRUTH)) <= 0.97


def test_intervals_over_splits_cover_the_truth() -> None:
    random = np.random.default_rng(3)
    inside = 0
    for _ in range(1000):
        splits = [like_ndcg(random, (60,)) + random.normal(0, 0.03) for _ in range(6)]
        low, high = repeated([judged(split) for split in splits], "ndcg@10").interval
        inside += low <= TRUTH <= high
    assert 0.93 <= inside / 1000 <= 0.97


def test_variance_is_split_into_users_and_splits() -> None:
    random = np.random.default_rng(4)
    of_users, of_splits = [], []
    for _ in range(300):
        splits = [random.normal(0.3, 0.2, size) + random.normal(0, 0.03) for size in (80, 100, 120, 100)]
        found = repeated([judged(split) for split in splits], "ndcg@10")
        of_users.append(found.of_users)
        of_splits.append(found.of_splits)
    assert np.mean(of_users) == pytest.approx(0.2**2 / 100, rel=0.05)
    assert np.mean(of_splits) == pytest.approx(0.03**2, rel=0.25)


def test_splits_that_do_not_differ_have_no_share() -> None:
    same = np.random.default_rng(5).random(200)
    found = repeated([judged(same), judged(same)], "ndcg@10")
    assert found.of_splits == found.share_of_splits == 0
    assert found.interval == pytest.approx((same.mean(), same.mean()))
    constant = repeated([judged(np.ones(3)), judged(np.ones(3))], "ndcg@10")
    assert constant.share_of_splits == 0


def test_splits_that_share_training_data_widen_the_interval() -> None:
    random = np.random.default_rng(6)
    splits = [judged(random.random(50)) for _ in range(5)]
    plain, shared = repeated(splits, "ndcg@10"), repeated(splits, "ndcg@10", test_per_train=0.25)
    assert np.ptp(shared.interval) == pytest.approx(np.ptp(plain.interval) * np.sqrt((1 / 5 + 0.25) * 5))


def test_repeats_are_one_sentence() -> None:
    random = np.random.default_rng(7)
    said = repeats_sentence(repeated([judged(random.random(50) + shift) for shift in (0, 0.1, 0.2)], "ndcg@10"))
    assert said.startswith("NDCG@10 is 0.")
    assert "over 3 splits" in said
    assert said.endswith("the split and the training.")


def test_repeats_that_tell_nothing_are_refused() -> None:
    one = judged(np.ones(3))
    with pytest.raises(ValueError, match="no two splits"):
        repeated([one], "ndcg@10")
    with pytest.raises(ValueError, match="rmse has no value"):
        repeated([one, one], "rmse")
    with pytest.raises(ValueError, match="fewer than two users"):
        repeated([one, judged(np.ones(1))], "ndcg@10")


def test_an_evaluation_has_both_kinds_of_intervals() -> None:
    one = judged(like_ndcg(np.random.default_rng(8), (800,)))
    assert one.t_intervals()["ndcg@10"] == pytest.approx(one.intervals()["ndcg@10"], abs=0.002)
    assert one.t_intervals(level=0.5)["ndcg@10"] == t_interval(one.per_user["ndcg@10"], level=0.5)
