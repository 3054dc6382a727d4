"""What a comparison says in words."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from recae.data.ids import IdIndex
from recae.evaluation.intervals import bootstrap_interval
from recae.evaluation.rating_metrics import RatingErrors
from recae.evaluation.repeats import SplitFigures, mean_interval
from recae.evaluation.result import Evaluation
from recae.reports.standing import best_of_each
from recae.reports.verdict import difference, spoken, verdict


def test_a_clear_winner_is_named_with_what_it_gains(comparison):
    said = verdict(comparison)

    ours, factors = (comparison.runs[i].means["ndcg@10"] for i in (1, 2))
    assert said.best.name == "ease"
    assert said.rivals == ()
    assert said.headline == f"EASE ranks best: {100 * (ours / factors - 1):.0f}% better than iALS, the runner-up."
    assert f"EASE reaches NDCG@10 {ours:.4f}" in said.details[0]
    assert "200 test users" in said.details[0]


def test_the_gain_comes_with_the_interval_of_the_paired_difference(comparison):
    ease, popular = comparison.runs[1].evaluation, comparison.runs[0].evaluation

    gap = difference(ease, popular, "ndcg@10")

    pairs = ease.per_user["ndcg@10"] - popular.per_user["ndcg@10"]
    assert gap.gain == pytest.approx(pairs.mean())
    assert (gap.low, gap.high) == bootstrap_interval(pairs)
    assert gap.clear
    share = 100 * gap.gain / popular.means()["ndcg@10"]
    assert f"It is {share:.0f}% better than popularity: {gap.words()}." in verdict(comparison).details


def test_paired_intervals_are_narrower_than_the_single_ones(comparison):
    ease, popular = comparison.runs[1], comparison.runs[0]
    gap = difference(ease.evaluation, popular.evaluation, "ndcg@10")
    low, high = ease.intervals["ndcg@10"]

    assert gap.high - gap.low < (high - low) / 2


def test_overlap_is_said(compared, run):
    said = verdict(compared((run("ease", 0.2), run("ials", 0.1999), run("popularity", 0.0))))

    assert [rival.name for rival in said.rivals] == ["ials"]
    assert "too close to call" in said.headline
    assert "iALS" in said.headline
    assert any("either may be the better one" in sentence for sentence in said.details)


def test_many_rivals_are_counted_in_the_headline_and_named_below(compared, run):
    runs = [run(name, 0.2 - i / 10_000) for i, name in enumerate(("ease", "ials", "bpr", "mult-vae"))]
    said = verdict(compared(tuple(runs)))

    assert said.headline.startswith("EASE leads, with 3 others too close to call")
    assert "Mult-VAE" in " ".join(said.details)


def test_a_lead_over_popularity_that_is_not_clear_is_called_so(compared, run):
    said = verdict(compared((run("ease", 0.0002), run("popularity", 0.0))))

    assert said.headline == "EASE comes first, but not clearly ahead of popularity."


def test_popularity_at_the_top_is_admitted(compared, run):
    assert verdict(compared((run("ease", 0.0), run("popularity", 0.2)))).headline == (
        "No model beats plain popularity on this data."
    )


def test_a_factorization_model_at_the_top_is_not_held_against_another(compared, run):
    said = verdict(compared((run("ials", 0.2), run("bpr", 0.1), run("popularity", 0.0))))

    assert said.factorization is None


def test_one_model_alone(compared, run):
    said = verdict(compared((run("ease", 0.2),)))

    assert said.headline == "EASE was judged alone."
    assert best_of_each(compared((run("ease", 0.2),))) == {}


def test_a_baseline_that_reaches_nothing_needs_no_division(compared, run):
    nothing = Evaluation(IdIndex.range(200), {"ndcg@10": np.zeros(200), "recall@20": np.zeros(200)}, {"coverage@10": 0})
    said = verdict(compared((run("ease", 0.2), run("popularity", 0.0, evaluation=nothing))))

    assert said.headline == "EASE ranks best: better than popularity."


def test_models_judged_on_different_users_are_not_paired(run):
    others = Evaluation(IdIndex.of(np.arange(200) + 1), run("ials", 0.1).evaluation.per_user)

    gap = difference(run("ease", 0.2).evaluation, others, "ndcg@10")

    assert gap.gain > 0
    assert gap.low is None
    assert not gap.clear


def test_lower_is_better_for_errors(compared, run):
    def rated(name, error):
        errors = RatingErrors(np.full(200, error**2), np.full(200, error), np.ones(200))
        return run(name, 0.0, evaluation=Evaluation(IdIndex.range(200), {}, {"rmse": error}, 0.0, errors))

    judged = compared((rated("autorec-item", 0.85), rated("popularity", 1.1)), metrics=("rmse",))

    assert [one.name for one in judged.leaderboard()] == ["autorec-item", "popularity"]
    assert best_of_each(judged) == {"rmse": ("autorec-item",)}
    said = verdict(judged)
    assert said.popularity is not None
    assert said.popularity[1].gain == pytest.approx(0.25)
    assert said.popularity[1].clear


def test_ties_share_the_mark_and_novelty_has_none(compared, run):
    both = compared((run("ease", 0.2), run("ials", 0.2, evaluation=run("ease", 0.2).evaluation)))

    assert best_of_each(both)["ndcg@10"] == ("ease", "ials")
    for one in both.runs:
        one.evaluation.per_user["novelty@10"] = np.ones(200)
    assert "novelty@10" not in best_of_each(compared((run("ease", 0.2), run("ials", 0.1)), metrics=("ndcg@10",)))


def test_the_runner_up_is_named_and_popularity_and_factorization_follow_below(compared, run):
    runs = (run("popularity", 0.0), run("bpr", 0.1), run("ease", 0.2), run("item-knn", 0.18))
    said = verdict(compared(runs))

    assert said.headline.endswith("better than item-knn, the runner-up.")
    assert [run.name for run, _ in said.against] == ["item-knn", "popularity", "bpr"]
    for name, sentence in zip(("item-knn", "popularity", "bpr"), said.details[1:], strict=True):
        assert f"better than {name}: +" in sentence


def test_a_large_gain_is_told_as_a_multiple(compared, run):
    weak = Evaluation(IdIndex.range(200), {"ndcg@10": run("ease", 0.2).evaluation.per_user["ndcg@10"] / 11.69})
    said = verdict(compared((run("ease", 0.2), run("popularity", 0.0, evaluation=weak)), metrics=("ndcg@10",)))

    assert said.headline == "EASE ranks best: 11.7 times as good as popularity."


def test_it_says_when_nothing_was_tuned(compared, run):
    assert verdict(compared()).caution == ""
    untuned = verdict(compared((run("ials", 0.2), run("popularity", 0.0))))
    assert untuned.caution == "Default settings: nothing was tuned on validation data."


def test_one_user_is_one_user(compared, run):
    alone = Evaluation(IdIndex.range(1), {"ndcg@10": np.array([0.5])})
    said = verdict(compared((run("ease", 0.2, evaluation=alone),), metrics=("ndcg@10",)))

    assert said.details[0].endswith("on 1 test user.")


@pytest.mark.parametrize(
    ("title", "said"),
    [
        ("Item-based nearest neighbours", "item-based nearest neighbours"),
        ("EASE, the closed-form linear autoencoder", "EASE"),
        ("Mult-VAE", "Mult-VAE"),
        ("iALS, implicit alternating least squares", "iALS"),
        ("", "x"),
    ],
)
def test_models_are_called_as_a_sentence_needs_it(run, title, said):
    assert spoken(run("x", 0.1, title=title)) == said


def test_the_verdict_claims_what_the_corrected_tests_do(compared, run):
    values = np.random.default_rng(3).normal(0.3, 0.1, 200)

    def near(name, gain):
        noise = np.random.default_rng(sum(name.encode())).normal(0, 0.05, 200)
        own = values + gain + noise - noise.mean()
        return run(name, 0.0, evaluation=Evaluation(IdIndex.range(200), {"ndcg@10": own}))

    # Against many others a gain whose interval is above 0 is no longer clear.
    gap = 2.3 * 0.05 * np.sqrt(2 / 200)
    runs = (near("ease", gap), *(near(f"model-{i}", 0.0) for i in range(9)))
    said = verdict(compared(runs, metrics=("ndcg@10",)))

    tests = {test.worse: test for test in compared(runs, metrics=("ndcg@10",)).pairs if test.better == "ease"}
    assert {name for name, test in tests.items() if not test.clear()} == {rival.name for rival in said.rivals}
    unclear = [gap for gap in said.behind.values() if gap.low > 0 and not gap.clear]
    assert unclear
    assert all("corrected for 45 comparisons" in gap.words() for gap in unclear)
    for name, gap in said.behind.items():
        assert (gap.gain, (gap.low, gap.high)) == (tests[name].gain, tests[name].interval)


def test_over_splits_errors_of_ratings_are_told_apart_by_the_splits_not_by_the_users(compared, run):
    def judged(name: str, errors: tuple[float, ...]):
        one, users = run(name, 0.2), 200
        sums = RatingErrors(np.full(users, 9 * np.mean(errors) ** 2), np.full(users, 9.0), np.full(users, 9.0))
        whole = replace(one.evaluation, per_user={}, overall={"rmse": float(np.mean(errors))}, rating_errors=sums)
        return replace(one, evaluation=whole, over_splits=SplitFigures({"rmse": errors}, {}, (users, users), 0.25))

    ours, theirs = (0.9, 0.8), (0.91, 0.95)
    said = verdict(compared((judged("ease", ours), judged("ials", theirs)), metrics=("rmse",)))
    gap = said.behind["ials"]
    assert (gap.low, gap.high) == mean_interval(np.array(theirs) - np.array(ours), 0.25)
    assert [rival.name for rival in said.rivals] == ["ials"], "two splits say little"
