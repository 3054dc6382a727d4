"""Comparisons over several splits: seeds, folds, pooled users, what the report says, and what cannot be repeated."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recae.data.split_folder import write_split
from recae.data.splits import make_split
from recae.errors import ConfigError
from recae.evaluation.repeats import repeated
from recae.jobs import selection
from recae.jobs.compare import compare
from recae.jobs.contest import BASELINES, checked_models
from recae.jobs.contest_splits import derived_seed, split_plan
from recae.jobs.peak import Peak
from recae.jobs.reading import Reading
from recae.jobs.report import report
from recae.reports.reread import read_comparison, splits_of

GIVEN: dict[str, Any] = {"models": ["popularity", "ease"], "trials": 0, "metrics": ["ndcg@5", "coverage@5"]}


@pytest.fixture(scope="module", autouse=True)
def _quickly() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("recae.jobs.sections._item_map", lambda *_: None)
        patch.setattr(selection, "peak_memory", lambda: nullcontext(Peak()))
        yield


@pytest.fixture(scope="module")
def folds(crowds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return compare(crowds, out=tmp_path_factory.mktemp("folds") / "c", split="kfold:3", **GIVEN).folder


def test_all_folds_are_judged_and_pooled(folds: Path, crowds: Path) -> None:
    table = pq.read_table(folds / "per-user.parquet").to_pandas()
    assert table.columns[:3].tolist() == ["model", "split", "user_id"]
    assert sorted(table["split"].unique()) == [1, 2, 3]
    comparison = read_comparison(folds)
    log = Reading().interactions(crowds)
    for fold in range(3):
        split = make_split(log, f"kfold:3,fold={fold}")
        assert split.test is not None
        users = table[(table["model"] == "ease") & (table["split"] == fold + 1)]["user_id"].tolist()
        assert users == split.test.users.values.to_pylist()
    for run in comparison.runs:
        own = table[table["model"] == run.name]
        by_split = own.groupby("split")["ndcg@5"].mean()
        assert run.means["ndcg@5"] == pytest.approx(by_split.mean())
        assert run.evaluation.per_user["ndcg@5"].mean() == pytest.approx(own.groupby("user_id")["ndcg@5"].mean().mean())
        assert run.over_splits is not None
        found = repeated(list(splits_of(folds, run.name, run)), "ndcg@5", test_per_train=run.over_splits.test_per_train)
        assert run.intervals["ndcg@5"] == pytest.approx(found.interval)
        assert "coverage@5" in run.intervals  # over splits even that has one
    assert comparison.split["spec"] == "kfold:3"
    assert comparison.split["splits"] == 3


def test_the_report_of_several_splits_says_so_in_every_form(folds: Path) -> None:
    comparison = read_comparison(folds)
    (test,) = comparison.pairs
    assert (test.better, test.n_splits) == ("ease", 3)
    for form in ("report.html", "report.md"):
        text = (folds / form).read_text(encoding="utf-8").replace("\\", "")
        assert "95% interval over 3 splits and their test users" in text
        assert "comes from which users are judged" in text
        assert "bootstrap" not in text
        assert "Split by split" in text
        for run in comparison.runs:
            assert run.over_splits is not None
            assert all(f"{value:.4f}" in text for value in run.over_splits.means["ndcg@5"])
    assert "corrected resampled t-test" in (folds / "report.tex").read_text()


def test_the_report_of_several_splits_comes_back_to_the_byte(folds: Path, tmp_path: Path) -> None:
    forms = ("html", "md", "json", "tex")
    report([folds], out=[tmp_path / f"r.{form}" for form in forms])
    for form in forms:
        assert (tmp_path / f"r.{form}").read_bytes() == (folds / f"report.{form}").read_bytes()


def test_the_first_of_several_splits_is_the_only_one_of_a_plain_run(crowds: Path, tmp_path: Path) -> None:
    more = GIVEN | {"split": "user-holdout:valid=0.1,test=0.3", "trials": 2}
    plain = compare(crowds, out=tmp_path / "a", **more).comparison
    several = compare(crowds, out=tmp_path / "b", repeats=3, **more).comparison
    for one, other in zip(plain.runs, several.runs, strict=True):
        assert other.over_splits is not None
        assert one.means["ndcg@5"] == other.over_splits.means["ndcg@5"][0]
        assert one.config == other.config
        assert len(set(other.over_splits.means["ndcg@5"])) == 3
    assert several.selected_on.endswith("of the first split, and kept for the others")
    assert several.split["seeds"] == [42, derived_seed(42, 1), derived_seed(42, 2)]
    assert len(several.runs[0].evaluation.users) > len(plain.runs[0].evaluation.users)


@settings(deadline=None, max_examples=60)
@given(repeats=st.integers(1, 6), k=st.integers(2, 7), seed=st.integers(0, 2**40), valid=st.booleans())
def test_every_fold_of_every_repetition_once(repeats: int, k: int, seed: int, valid: bool) -> None:
    plan = split_plan(f"kfold:{k}{',valid=0.2' if valid else ''}", repeats, seed)
    assert len(set(plan)) == len(plan) == repeats * k
    assert plan[0][1] == seed
    assert len(split_plan(f"kfold:{k},fold=1", repeats, seed)) == repeats
    assert len({one for _, one in split_plan("per-user", repeats, seed)}) == repeats


def test_folds_without_parameters_are_the_five_that_kfold_has_by_default() -> None:
    assert [spec for spec, _ in split_plan("kfold", 1, 42)] == [f"kfold:fold={fold}" for fold in range(5)]


@pytest.mark.parametrize("spec", ["leave-last-out", "time:at=2021-01-01", "liang2018"])
def test_what_gives_the_same_split_every_time_is_not_repeated(crowds: Path, tmp_path: Path, spec: str) -> None:
    with pytest.raises(ConfigError, match=r"--repeats 3 needs random splits, and .* every time the same"):
        compare(crowds, out=tmp_path / "c", split=spec, repeats=3, **GIVEN)
    assert list(tmp_path.iterdir()) == []


def test_what_came_split_is_not_repeated(crowds: Path, tmp_path: Path) -> None:
    folder = write_split(make_split(Reading().interactions(crowds), "per-user"), tmp_path / "split")
    with pytest.raises(ConfigError, match="is split already: leave out --repeats 2"):
        compare(folder, out=tmp_path / "c", repeats=2, **GIVEN)
    with pytest.raises(ConfigError, match="--repeats 0 must be at least 1"):
        compare(crowds, out=tmp_path / "c", repeats=0, **GIVEN)


def test_baselines_join_what_was_named_without_doubles() -> None:
    assert checked_models(["elsa", "ials"], baselines=True) == ("elsa", "ials", "popularity", "item-knn")
    assert checked_models(["elsa", "elsa"]) == ("elsa",)
    assert set(BASELINES) == {"popularity", "item-knn", "ials"}
    with pytest.raises(ConfigError, match="at least one"):
        checked_models([], baselines=True)


def test_values_of_rating_models_over_splits_come_back(
    crowds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from recae.models.autoencoders.autorec_user import AutoRecUser

    monkeypatch.setattr(AutoRecUser, "grid", ({"epochs": 2},))
    more = {"models": ["autorec-user"], "split": "per-user", "trials": 0, "metrics": ["rmse", "ndcg@5"]}
    result = compare(crowds, out=tmp_path / "c", repeats=2, **more)
    (run,) = read_comparison(result.folder).runs
    assert run.intervals["rmse"] == result.comparison.runs[0].intervals["rmse"]
    assert np.isfinite(run.means["rmse"])
