"""Pairs of models and pooled users over several splits, against their definitions and in simulations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from recae.data.ids import IdIndex
from recae.evaluation.paired import paired_tests
from recae.evaluation.paired_splits import PairsOverSplits
from recae.evaluation.pooled import PooledUsers
from recae.evaluation.repeats import corrected_t_test, figures_of, repeated
from recae.evaluation.result import Evaluation


def judged(values: np.ndarray, users: np.ndarray | None = None, metric: str = "ndcg@10") -> Evaluation:
    return Evaluation(IdIndex.of(np.arange(len(values)) if users is None else users), {metric: values})


def test_pairs_are_those_of_the_splits_mean_differences() -> None:
    random = np.random.default_rng(0)
    splits = [{name: judged(random.random(size)) for name in "abc"} for size in (30, 50, 40, 30)]
    pairs = PairsOverSplits("abc", "ndcg@10")
    for split in splits:
        pairs.add(split)
    found = pairs.result()
    assert len(found) == 3
    for test in found:
        gains = [judged(s[test.better].per_user["ndcg@10"] - s[test.worse].per_user["ndcg@10"]) for s in splits]
        over, means = repeated(gains, "ndcg@10"), [one.per_user["ndcg@10"].mean() for one in gains]
        whole = np.concatenate([one.per_user["ndcg@10"] for one in gains])
        assert test.gain == pytest.approx(over.mean)
        assert test.gain >= 0
        assert test.interval == pytest.approx(over.interval)
        assert test.p_t == pytest.approx(stats.ttest_1samp(means, 0).pvalue)
        assert (test.wins, test.losses, test.n_users) == ((whole > 0).mean(), (whole < 0).mean(), 150)
        assert test.cohen_d == pytest.approx(over.mean / whole.std(ddof=1))
        assert test.share_of_splits == pytest.approx(over.share_of_splits)
        assert test.p_holm >= test.p_t


def test_the_corrected_test_claims_falsely_as_rarely_as_it_says() -> None:
    random, claims = np.random.default_rng(1), 0
    for _ in range(2000):
        claims += corrected_t_test(random.normal(0, 1, 5)) <= 0.05
    assert 0.035 <= claims / 2000 <= 0.065
    assert corrected_t_test(np.zeros(3)) == 1
    assert corrected_t_test(np.ones(3)) == 0
    means = random.normal(1, 1, 5)
    assert corrected_t_test(means, 0.25) > corrected_t_test(means)


def test_errors_are_better_where_they_are_lower() -> None:
    pairs = PairsOverSplits(("x", "y"), "miscalibration@5")
    for size in (5, 6):
        values = np.random.default_rng(size).random(size)
        pairs.add({"x": judged(values + 1, metric="miscalibration@5"), "y": judged(values, metric="miscalibration@5")})
    (test,) = pairs.result()
    assert (test.better, test.gain, test.wins) == ("y", pytest.approx(1), 1)


def test_pairs_need_the_same_users() -> None:
    pairs = PairsOverSplits(("x", "y"), "ndcg@10")
    with pytest.raises(ValueError, match="different users"):
        pairs.add({"x": judged(np.ones(2)), "y": judged(np.ones(2), np.array([1, 2]))})
    assert pairs.result() == ()


def test_a_pooled_user_is_the_mean_over_the_splits_that_judged_it() -> None:
    pool = PooledUsers()
    pool.add(judged(np.array([0.2, 0.4]), np.array([7, 3])))
    pool.add(judged(np.array([0.8, 0.6]), np.array([3, 5])))
    whole = pool.result()
    assert whole.users.values.to_pylist() == [7, 3, 5]
    assert whole.per_user["ndcg@10"] == pytest.approx([0.2, 0.6, 0.6])
    with pytest.raises(ValueError, match="no split"):
        PooledUsers().result()


def test_figures_are_those_of_repeated() -> None:
    random = np.random.default_rng(2)
    splits = [judged(random.random(size)) for size in (20, 30, 25)]
    figures, found = figures_of(iter(splits), test_per_train=0.1), repeated(splits, "ndcg@10", test_per_train=0.1)
    assert figures.mean()["ndcg@10"] == found.mean
    assert figures.intervals()["ndcg@10"] == found.interval
    assert figures.repeated("ndcg@10").of_splits == found.of_splits


def test_of_many_pairs_clear_ones_stay_clear() -> None:
    random = np.random.default_rng(3)
    base = random.random(400)
    models = {f"m{i:02d}": judged(base + 0.1 * i + random.normal(0, 0.01, 400)) for i in range(12)}
    tests = paired_tests(models, "ndcg@10", flips=999)
    assert len(tests) * (1 / 1000) > 0.05  # more pairs than so few drawn signs could tell apart
    assert all(test.clear() for test in tests)
