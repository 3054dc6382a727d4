"""Quality gates of comparisons: settled before anything is fitted, told in every report, checked without a new fit."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from recae.errors import ConfigError, DataError, QualityError
from recae.jobs.compare import Compared, compare
from recae.jobs.contest_gates import ContestGates
from recae.jobs.gates import Gates, hold
from recae.jobs.prepare import split_input
from recae.reports.comparison import FailedModel
from recae.reports.reread import read_comparison

MODELS = ["popularity", "ease", "pure-svd"]
METRICS = ["ndcg@5", "recall@10"]


@pytest.fixture(scope="module")
def split(crowds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return split_input(crowds, tmp_path_factory.mktemp("split") / "split", spec="per-user:test=0.3").folder


@pytest.fixture(scope="module")
def before(split: Path, tmp_path_factory: pytest.TempPathFactory) -> Compared:
    return compare(split, models=MODELS, metrics=METRICS, trials=0, out=tmp_path_factory.mktemp("before") / "out")


def again(source: Path, out: Path, **options: Any) -> Compared:
    return compare(source, **({"models": MODELS, "metrics": METRICS, "trials": 0} | options), out=out)


def test_gates_are_told_in_every_form_and_read_back(split: Path, before: Compared, tmp_path: Path) -> None:
    gates = Gates(
        fail_under=["hit@3=0.999"], require_beats=["popularity"], against=before.folder, gate_metrics=["recall@10"]
    )
    found = again(split, tmp_path / "out", gates=gates)
    results = found.comparison.gates
    assert [(gate.name.split()[0], gate.metric, gate.passed) for gate in results] == [
        ("fail-under", "hit@3", False),
        ("require-beats", "recall@10", True),
        ("against", "recall@10", True),
    ]
    assert found.comparison.metrics == (*METRICS, "hit@3")
    with pytest.raises(QualityError, match=r"^1 of 3 gates failed: hit@3 of \S+ is 0\.\d+, under 0\.999\.$"):
        hold(results)
    assert read_comparison(found.folder).gates == results
    assert [gate["passed"] for gate in json.loads((found.folder / "report.json").read_text())["gates"]] == [
        False,
        True,
        True,
    ]
    for form in ("report.html", "report.md"):
        assert "1 of 3 gates failed" in (found.folder / form).read_text()


def test_the_best_of_several_is_corrected_for_them_and_a_named_one_is_not(split: Path, tmp_path: Path) -> None:
    found = again(split, tmp_path / "out", gates=Gates(require_beats=["popularity"])).comparison
    (chosen,) = found.gates
    asked = Gates(require_beats=["popularity"], candidate=found.leaderboard()[0].name)
    (named,) = ContestGates.of(asked, METRICS, MODELS).results(found)
    assert "corrected for 2 comparisons" in chosen.reason
    assert "corrected" not in named.reason
    assert named.passed


def test_a_new_condition_trains_nothing_again(
    split: Path, before: Compared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    again(split, out)
    monkeypatch.setattr("recae.jobs.compare._run", lambda _: pytest.fail("fitted again"))
    found = again(split, out, resume=True, gates=Gates(fail_under=["ndcg@5=1"]))
    assert found.up_to_date
    assert [gate.passed for gate in found.comparison.gates] == [False]
    assert "The gate" not in (out / "report.html").read_text()
    assert "1 of 1 gate failed" in (out / "report.html").read_text()


def test_the_former_best_is_held_against_the_best_and_a_named_one_against_its_like(before: Compared) -> None:
    comparison = before.comparison
    best = comparison.leaderboard()[0].name
    for asked, name in (
        (Gates(against=before.folder), best),
        (Gates(against=before.folder, candidate="popularity"), "popularity"),
    ):
        (found,) = ContestGates.of(asked, METRICS, MODELS).results(comparison)
        assert found.passed
        assert found.name == f"against {before.folder}:{name}"
    worst = Gates(against=f"{before.folder}:{best}", candidate="popularity", tolerance=0.0)
    assert not ContestGates.of(worst, METRICS, MODELS).results(comparison)[0].passed


def test_a_model_that_could_not_be_judged_passes_nothing_and_is_not_beaten(before: Compared) -> None:
    whole = before.comparison
    runs = tuple(run for run in whole.runs if run.name != "popularity")
    partial = replace(whole, runs=runs, failed=(FailedModel("popularity", "Popularity", "It broke."),))
    asked = Gates(require_beats=["popularity", "pure-svd"], candidate="ease", gate_metrics=METRICS)
    found = ContestGates.of(asked, METRICS, MODELS).results(partial)
    assert {gate.name for gate in found if not gate.passed} >= {"require-beats popularity"}
    assert len(found) == 4
    asked = Gates(require_beats=["ease"], fail_under=["ndcg@5=0"], candidate="popularity")
    found = ContestGates.of(asked, METRICS, MODELS).results(partial)
    assert [gate.passed for gate in found] == [False, False]
    assert all("It broke." in gate.reason for gate in found)


def test_several_splits_are_tested_by_their_means(crowds: Path, tmp_path: Path) -> None:
    spec = {"split": "user-holdout:valid=0,test=0.2", "repeats": 3}
    options: dict[str, Any] = {"models": MODELS[:2], "metrics": METRICS, "trials": 0}
    first = compare(crowds, **options, **spec, out=tmp_path / "a", gates=Gates(require_beats=["popularity"]))
    assert len(first.comparison.gates) == 1
    second = compare(crowds, **options, **spec, out=tmp_path / "b", gates=Gates(against=tmp_path / "a"))
    (kept,) = second.comparison.gates
    assert kept.passed
    assert kept.p is not None
    with pytest.raises(DataError, match="tells of 3 splits, and this is about 1"):
        compare(crowds, **options, split=spec["split"], out=tmp_path / "c", gates=Gates(against=tmp_path / "a"))
    with pytest.raises(DataError, match="other targets"):
        compare(
            crowds, **options, split="user-holdout:valid=0,test=0.25", repeats=3, out=tmp_path / "c",
            gates=Gates(against=tmp_path / "a"),
        )  # fmt: skip


@pytest.mark.parametrize(
    ("gates", "sentence"),
    [
        (Gates(require_beats=["ials"]), "--require-beats ials: compared are popularity, ease, pure-svd; add it"),
        (Gates(candidate="ials", fail_under=["ndcg@5=0"]), "--candidate ials: compared are"),
        (Gates(require_beats=["ease"], candidate="ease"), "ease cannot beat itself"),
        (Gates(require_beats=[",".join(MODELS)]), "no other model takes part"),
        (Gates(fail_over=["rmse=1"]), "rmse is no measure of popularity, ease, pure-svd"),
        (Gates(fail_under=["ndcg@5=2"]), "lies between 0 and 1"),
    ],
)
def test_what_cannot_be_checked_is_refused_before_anything_is_read(tmp_path: Path, gates: Gates, sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        again(tmp_path / "nothing.csv", tmp_path / "out", gates=gates)


def test_the_former_comparison_is_not_replaced(split: Path, before: Compared) -> None:
    with pytest.raises(ConfigError, match="would replace the input"):
        again(split, before.folder, gates=Gates(against=before.folder))
    with pytest.raises(ConfigError, match="would replace the input"):
        again(split, before.folder, gates=Gates(against=f"{before.folder}:ease"))


def test_other_targets_than_before_are_refused_before_anything_is_fitted(
    crowds: Path, before: Compared, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recae.jobs.compare._run", lambda _: pytest.fail("fitted"))
    with pytest.raises(DataError, match="was judged on other targets"):
        again(crowds, tmp_path / "out", split="per-user:test=0.2", gates=Gates(against=before.folder))
