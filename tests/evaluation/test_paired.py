"""Paired tests, Holm's correction and effect sizes: those of scipy and of the exact counts, and honest about chance."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from recae.data.ids import IdIndex
from recae.evaluation.intervals import t_interval
from recae.evaluation.paired import cohen_d, holm, paired_t_test, paired_tests, randomisation_test
from recae.evaluation.result import Evaluation
from recae.reports.pairs import pair_sentence

FLIPS = 99
"""Enough for a level of 5 %, and quick."""


def judged(values: np.ndarray, metric: str = "ndcg@10") -> Evaluation:
    return Evaluation(IdIndex.range(len(values)), {metric: values})


def like_ndcg(random: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Many zeros and a long tail, as metrics of users have; the mean is 0.18."""
    return random.beta(1.2, 2.8, shape) * (random.random(shape) < 0.6)


@settings(deadline=None)
@given(st.lists(st.floats(-1, 1, allow_subnormal=False), min_size=1, max_size=9))
def test_a_few_users_are_counted_exactly(differences: list[float]) -> None:
    own = np.array(differences)
    sums = np.array([abs(np.dot(signs, own)) for signs in product((-1, 1), repeat=len(own))])
    exact = np.mean(sums >= abs(own.sum()) - 1e-12 * np.abs(own).sum())
    assert randomisation_test(own) == pytest.approx(exact)
    assert randomisation_test(-own) == randomisation_test(own)


def test_many_users_are_drawn_and_agree_with_scipy() -> None:
    own = np.random.default_rng(1).normal(0.08, 1, size=400)
    theirs = stats.permutation_test(
        (own,), np.mean, permutation_type="samples", n_resamples=9999, rng=2, vectorized=False
    ).pvalue  # fmt: skip
    assert randomisation_test(own) == pytest.approx(theirs, abs=0.02)
    assert randomisation_test(own) == randomisation_test(own)
    assert randomisation_test(own, seed=1) != randomisation_test(own, seed=2)
    assert randomisation_test(own + 5) == pytest.approx(1 / 10_000)
    with_zeros = np.concatenate([own, np.zeros(500)])
    assert randomisation_test(with_zeros) == randomisation_test(own)


def test_the_t_test_is_that_of_scipy() -> None:
    random = np.random.default_rng(3)
    one, other = random.random(50), random.random(50)
    assert paired_t_test(one - other) == pytest.approx(stats.ttest_rel(one, other).pvalue)
    low, high = stats.ttest_rel(one, other).confidence_interval(0.9)
    assert t_interval(one - other, level=0.9) == pytest.approx((low, high))


def test_equal_differences_and_single_users() -> None:
    assert paired_t_test(np.zeros(5)) == randomisation_test(np.zeros(5)) == 1.0
    assert paired_t_test(np.full(5, 0.5)) == 0.0
    assert paired_t_test(np.array([0.5])) == randomisation_test(np.array([0.5])) == 1.0
    assert t_interval(np.array([0.5])) == (-np.inf, np.inf)
    assert cohen_d(np.zeros(3)) == 0
    assert cohen_d(np.full(3, -0.5)) == -np.inf
    assert cohen_d(np.array([1.0, 3.0])) == pytest.approx(2 / np.sqrt(2))


@pytest.mark.parametrize("bad", [[], [np.nan], [[1.0]]])
def test_nothing_can_be_said_of_these(bad: list[float]) -> None:
    for test in (randomisation_test, paired_t_test, cohen_d, t_interval):
        with pytest.raises(ValueError, match="one finite"):
            test(np.array(bad))


def test_holm_by_hand() -> None:
    np.testing.assert_allclose(holm(np.array([0.01, 0.04, 0.03, 0.005])), [0.03, 0.06, 0.06, 0.02])
    np.testing.assert_allclose(holm(np.array([0.5, 0.6])), [1, 1])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_is_the_step_down_procedure(values: list[float]) -> None:
    p_values, alpha = np.array(values), 0.05
    corrected = holm(p_values)
    assert (corrected >= p_values).all()
    assert (corrected <= np.minimum(p_values * len(values), 1)).all()
    clear = []
    for i, place in enumerate(np.argsort(p_values, kind="stable")):
        if p_values[place] * (len(values) - i) > alpha:
            break
        clear.append(place)
    assert sorted(clear) == np.flatnonzero(corrected <= alpha).tolist()


def test_the_false_alarm_rates_are_what_they_claim() -> None:
    """Two models that are equally good on average, 2000 times over: 5 % of the tests may say otherwise."""
    random = np.random.default_rng(4)
    own = like_ndcg(random, (2000, 80)) - like_ndcg(random, (2000, 80))
    by_flips = np.mean([randomisation_test(row, flips=FLIPS, seed=i) <= 0.05 for i, row in enumerate(own)])
    by_t = np.mean([paired_t_test(row) <= 0.05 for row in own])
    assert by_flips == pytest.approx(0.05, abs=0.015)  # three standard errors
    assert by_t == pytest.approx(0.05, abs=0.015)


def test_all_pairs_together_are_seldom_wrong_anywhere() -> None:
    """Five equally good models, ten pairs: without the correction most reports would claim something false."""
    random = np.random.default_rng(5)
    users, pairs = like_ndcg(random, (400, 5, 60)), [(i, j) for i in range(5) for j in range(i)]
    p_values = np.array([[paired_t_test(models[i] - models[j]) for i, j in pairs] for models in users])
    corrected = np.array([holm(row) for row in p_values])
    assert np.mean((p_values <= 0.05).any(axis=1)) > 0.15
    assert np.mean((corrected <= 0.05).any(axis=1)) <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 400)


def test_real_differences_are_found() -> None:
    random = np.random.default_rng(6)
    weak = like_ndcg(random, (600,))
    found = paired_tests(
        {"weak": judged(weak), "strong": judged(weak + random.normal(0.05, 0.2, 600)), "twin": judged(weak[:].copy())},
        "ndcg@10",
    )
    assert [(test.better, test.worse) for test in found] == [("strong", "twin"), ("strong", "weak"), ("twin", "weak")]
    best, _, same = found
    assert best.clear()
    assert best.interval[0] > 0 < best.t_interval[0]
    assert best.interval == pytest.approx(best.t_interval, abs=0.003)
    assert best.wins + best.ties + best.losses == pytest.approx(1)
    assert best.p_holm >= best.p_randomisation
    assert best.n_pairs == 3
    assert not same.clear()
    assert (same.ties, same.gain) == (1, 0)


def test_errors_are_better_when_lower() -> None:
    high, low = np.array([0.5, 0.6, 0.7]), np.array([0.1, 0.2, 0.4])
    (found,) = paired_tests({"a": judged(high, "miscalibration@5"), "b": judged(low, "miscalibration@5")},
                            "miscalibration@5")  # fmt: skip
    assert (found.better, found.wins) == ("b", 1.0)
    assert found.gain > 0


def test_models_that_cannot_be_compared_are_refused() -> None:
    one = judged(np.ones(3))
    with pytest.raises(ValueError, match="no two models"):
        paired_tests({"one": one}, "ndcg@10")
    with pytest.raises(ValueError, match="different users"):
        paired_tests({"one": one, "two": judged(np.ones(4))}, "ndcg@10")
    with pytest.raises(ValueError, match="coverage@5 has no value for every user"):
        paired_tests({"one": one, "two": one}, "coverage@5")


def test_a_comparison_is_one_plain_sentence() -> None:
    random = np.random.default_rng(7)
    weak = like_ndcg(random, (500,))
    models = {"ials": judged(weak), "mult-vae": judged(weak + random.normal(0.06, 0.2, 500)), "same": judged(weak)}
    said = [pair_sentence(test) for test in paired_tests(models, "ndcg@10")]
    assert said[0].startswith("mult-vae is better than ials by 0.0")
    assert "NDCG@10, 95% interval +0.0" in said[0]
    assert "corrected for 3 comparisons" in said[0]
    assert "of 500 users" in said[0]
    assert said[0].endswith(f"a small effect (d = {cohen_d(models['mult-vae'].per_user['ndcg@10'] - weak):.2f}).")
    assert said[2] == "ials and same have the same NDCG@10: better for 0% of 500 users, worse for 0%."
    two = {"a": judged(weak), "b": judged(weak + random.normal(0.001, 0.2, 500))}
    (unsure,) = paired_tests(two, "ndcg@10")
    assert "but not clearly" in pair_sentence(unsure)
    assert "corrected" not in pair_sentence(unsure)
