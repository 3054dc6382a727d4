"""Comparisons: settings chosen on validation data only, terms settled before anything is fitted, whole or nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from recae.data.read import read
from recae.data.split import HeldOut, Split
from recae.data.splits import make_split
from recae.errors import CapacityError, ConfigError, DataError
from recae.evaluation.evaluate import evaluate
from recae.jobs import selection
from recae.jobs.compare import compare
from recae.jobs.inputs import open_input
from recae.jobs.prepare import split_input
from recae.jobs.reading import Reading
from recae.jobs.selection import choosing_data, select
from recae.models.autoencoders.autorec_user import AutoRecUser
from recae.models.linear.ease import Ease
from recae.models.registry import create, model_class
from recae.options import DEFAULTS, RunOptions

PER_USER = "per-user:valid=0.2,test=0.2"


@pytest.fixture(scope="module")
def split(crowds: Path) -> Split:
    return make_split(read(crowds), PER_USER)


def test_the_best_setting_on_validation_data_is_taken(split: Split) -> None:
    chosen = select("ease", split, "ndcg@5", DEFAULTS)
    assert len(chosen.trials) == len(Ease.grid)
    assert split.valid is not None
    for trial, setting in zip(chosen.trials, Ease.grid, strict=True):
        model = create("ease", **setting).fit(split.train)
        assert trial.settings == setting
        assert trial.value == evaluate(model, split.valid, ["ndcg@5"]).means()["ndcg@5"]
    assert chosen.valid_value == max(trial.value for trial in chosen.trials)


def test_test_data_has_no_say_in_the_choice(split: Split) -> None:
    assert split.test is not None
    other = replace(split, test=split.test.select(np.arange(5)))
    assert (
        select("ease", split, "ndcg@5", DEFAULTS).model.config == select("ease", other, "ndcg@5", DEFAULTS).model.config
    )
    assert select("ease", replace(split, test=None), "ndcg@5", DEFAULTS).valid_value is not None


def test_a_comparison_tells_the_defaults_of_what_its_settings_leave_out(crowds: Path, tmp_path: Path) -> None:
    given = {"models": ["ease"], "split": PER_USER, "metrics": ["ndcg@5"], "out": tmp_path / "c"}
    (run,) = compare(crowds, **given).comparison.runs
    changed = {key for setting in Ease.grid for key in setting}
    assert {} in Ease.grid
    for trial, setting in zip(run.trials, Ease.grid, strict=True):
        full = Ease(**setting).config.model_dump(mode="json")
        assert trial.settings == {key: full[key] for key in changed}
    written = json.loads((tmp_path / "c" / "report.json").read_text())["models"][0]["trials"]
    assert [trial["settings"] for trial in written] == [trial.settings for trial in run.trials]


def test_errors_are_minimised(split: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = {"l2": 1.0, "batch_users": 10, "dropout": 0.2}
    monkeypatch.setattr(AutoRecUser, "grid", ({"epochs": 1, **shared}, {"epochs": 30, **shared}))
    chosen = select("autorec-user", split, "rmse", DEFAULTS)
    first, second = (trial.value for trial in chosen.trials)
    assert chosen.valid_value == second < first


def test_defaults_alone_where_there_is_no_choice(split: Split) -> None:
    assert select("ease", split, "ndcg@5", DEFAULTS, trials=0).trials == ()
    blind = select("ease", replace(split, valid=None), "ndcg@5", DEFAULTS)
    assert (blind.trials, blind.valid_value, blind.model.config) == ((), None, Ease().config)
    assert len(select("ease", split, "ndcg@5", DEFAULTS, trials=2).trials) == 2


def test_a_model_too_large_to_keep_is_fitted_again_with_the_same_result(
    split: Split, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = select("ease", split, "ndcg@5", DEFAULTS)
    monkeypatch.setattr(selection, "KEEP_BYTES", 0)
    again = select("ease", split, "ndcg@5", DEFAULTS)
    assert again.model.config == kept.model.config
    assert np.array_equal(again.model.weights()["weights"], kept.model.weights()["weights"])


def test_a_comparison_reports_what_its_models_reach(crowds: Path, tmp_path: Path) -> None:
    result = compare(crowds, out=tmp_path / "c", models=["popularity", "ease"], split=PER_USER, metrics=["ndcg@5"])
    again = compare(crowds, out=tmp_path / "d", models=["popularity", "ease"], split=PER_USER, metrics=["ndcg@5"])
    assert result.best == "ease"
    assert [run.means for run in result.comparison.runs] == [run.means for run in again.comparison.runs]
    report = json.loads((tmp_path / "c" / "report.json").read_text())
    assert [model["name"] for model in report["models"]] == ["ease", "popularity"]
    assert report["facts"]["configuration"]["split"] == PER_USER
    for example in result.comparison.examples:
        assert set(example.lists) == {"popularity", "ease"}
        assert len(example.targets) >= 2
        hits = {title for title, hit in example.lists["ease"] if hit}
        assert hits <= set(example.targets)
        assert not {title for title, _ in example.lists["ease"]} & set(example.history)
    counts = result.comparison.popularity_curve
    assert list(counts) == sorted(counts, reverse=True)


def test_the_same_split_from_a_log_a_folder_or_files_gives_the_same_figures(crowds: Path, tmp_path: Path) -> None:
    folder = split_input(crowds, tmp_path / "split", spec="per-user:valid=0.2,test=0.2").folder
    given = {"models": ["ease"], "trials": 1, "metrics": ["ndcg@5", "recall@5"]}
    figures = [
        compare(source, out=tmp_path / "c", force=True, **given, **more).comparison.runs[0].means
        for source, more in (
            (crowds, {"split": "per-user:valid=0.2,test=0.2"}),
            (folder, {}),
            (folder / "train.parquet", {"valid": folder / "valid.parquet", "test": folder / "test.parquet"}),
        )
    ]
    assert figures[1] == figures[0]
    assert figures[2].keys() == figures[0].keys()


def test_a_failing_model_leaves_nothing_behind_and_an_old_report_as_it_was(crowds: Path, tmp_path: Path) -> None:
    given = {"out": tmp_path / "c", "split": PER_USER, "trials": 0}
    tight = RunOptions(max_memory=1000)
    with pytest.raises(CapacityError):
        compare(crowds, models=["popularity", "ease"], options=tight, **given)
    assert list(tmp_path.iterdir()) == []
    compare(crowds, models=["popularity"], **given)
    before = (tmp_path / "c" / "report.json").read_bytes()
    with pytest.raises(CapacityError):
        compare(crowds, models=["popularity", "ease"], options=tight, force=True, **given)
    assert (tmp_path / "c" / "report.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["c"]


@pytest.mark.parametrize(
    ("given", "error", "sentence"),
    [
        ({"models": []}, ConfigError, "at least one model"),
        ({"models": ["eas"]}, ConfigError, "Did you mean ease"),
        ({"models": ["ease"], "metrics": ["ndgc@10"]}, ConfigError, "ndcg@10"),
        ({"models": ["ease"], "split": "per-usr"}, ConfigError, "per-usr"),
        ({"models": ["ease"], "split": "per-user:valid=0.1,test=0"}, (ConfigError, DataError), "test"),
        ({"models": ["bpr"], "split": "user-holdout"}, ConfigError, "can score only users of the training data"),
    ],
)
def test_the_terms_are_refused_before_anything_is_fitted(
    crowds: Path, tmp_path: Path, given: dict, error: type[Exception], sentence: str
) -> None:
    with pytest.raises(error, match=sentence):
        compare(crowds, out=tmp_path / "c", **given)
    assert list(tmp_path.iterdir()) == []


def test_a_split_cannot_be_split_or_filtered_again(crowds: Path, tmp_path: Path) -> None:
    folder = split_input(crowds, tmp_path / "split", spec=PER_USER).folder
    with pytest.raises(ConfigError, match="is split already"):
        compare(folder, out=tmp_path / "c", models=["ease"], split=PER_USER)
    with pytest.raises(ConfigError, match="leave out --valid and --test"):
        open_input(folder, valid=crowds)
    with pytest.raises(ConfigError, match="--min-rating, --dedupe cannot be used"):
        open_input(folder, reading=Reading(min_rating=3, dedupe="max"))
    with pytest.raises(ConfigError, match="--min-user-items cannot be used"):
        open_input(crowds, valid=crowds, reading=Reading(min_user_items=3))


def test_a_folder_with_a_log_and_a_catalogue_is_read_as_the_log(crowds: Path, tmp_path: Path) -> None:
    folder = tmp_path / "set"
    folder.mkdir()
    (folder / "interactions.parquet").write_bytes(crowds.read_bytes())
    (folder / "items.csv").write_text("item_id,title\n0,Zero\n")
    opened = open_input(folder)
    assert opened.train.nnz == 960
    assert (opened.valid, opened.test) == (None, None)
    result = compare(folder, out=tmp_path / "c", models=["popularity"], split=PER_USER, trials=0)
    titles = {title for user in result.comparison.examples for title, _ in user.lists["popularity"]}
    assert titles <= {"Zero", *map(str, range(1, 30))}


def test_the_target_of_a_ready_made_file_is_seen_with_the_training_rows_as_history(
    crowds: Path, tmp_path: Path
) -> None:
    table = pq.read_table(crowds)
    train, valid = table.slice(0, 900), table.slice(900)
    pq.write_table(train, tmp_path / "train.parquet")
    pq.write_table(valid, tmp_path / "valid.parquet")
    for opened in (open_input(tmp_path), open_input(tmp_path / "train.parquet", valid=tmp_path / "valid.parquet")):
        held_out: HeldOut | None = opened.valid
        assert held_out is not None
        assert int(held_out.target.nnz + held_out.unknown_targets.sum()) == 60
        row = held_out.users.values[0].as_py()
        shown = {
            item
            for user, item in zip(train["user_id"].to_pylist(), train["item_id"].to_pylist(), strict=True)
            if user == row
        }
        assert set(opened.train.items.take(held_out.history[[0]].indices).to_pylist()) == shown


def test_a_broken_catalogue_matters_only_if_it_was_asked_for(crowds: Path, tmp_path: Path) -> None:
    (tmp_path / "interactions.parquet").write_bytes(crowds.read_bytes())
    (tmp_path / "items.csv").write_text("a,b\n1,2\n")
    given = {"models": ["popularity"], "split": PER_USER, "out": tmp_path / "c"}
    assert compare(tmp_path, **given).best == "popularity"
    with pytest.raises(DataError):
        compare(tmp_path, catalog=tmp_path / "items.csv", **given)


def test_errors_of_ratings_are_told_of_models_that_predict_ratings_alone(
    crowds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(AutoRecUser, "grid", ({"epochs": 2},))
    given = {"models": ["popularity", "autorec-user"], "split": PER_USER}
    result = compare(crowds, out=tmp_path / "c", metrics=["ndcg@5", "rmse"], **given)
    means = {run.name: run.means for run in result.comparison.runs}
    assert "rmse" in means["autorec-user"]
    assert "rmse" not in means["popularity"]
    table = pq.read_table(tmp_path / "c" / "per-user.parquet").to_pandas().set_index("model")
    assert table.loc["popularity", "rmse"].isna().all()
    assert "NDCG@5" in (tmp_path / "c" / "report.md").read_text()
    with pytest.raises(ConfigError, match="popularity ranks items and predicts no ratings"):
        compare(crowds, out=tmp_path / "d", metrics=["rmse", "ndcg@5"], **given)


def test_a_comparison_never_replaces_its_input(crowds: Path, tmp_path: Path) -> None:
    folder = compare(crowds, out=tmp_path / "c", models=["popularity"], split=PER_USER, metrics=["ndcg@5"]).folder
    log = folder / "log.parquet"
    log.write_bytes(crowds.read_bytes())
    with pytest.raises(ConfigError, match="would replace the input"):
        compare(log, out=folder, models=["popularity"], split=PER_USER)
    assert log.exists()


@pytest.mark.parametrize("name", ["ease", "bpr"])
def test_without_validation_data_settings_are_chosen_on_a_part_of_the_training_data(
    split: Split, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    grid = {"ease": ({"l2": 1.0}, {"l2": 1e6}), "bpr": ({"epochs": 30}, {"epochs": 1})}[name]
    monkeypatch.setattr(model_class(name), "grid", grid)
    bare = replace(split, valid=None)
    choosing = choosing_data(bare, seed=1)
    assert choosing.valid is not None
    assert choosing.test is None
    assert choosing.train.nnz + choosing.valid.target.nnz == bare.train.nnz
    chosen = select(name, bare, "ndcg@5", DEFAULTS, choosing=choosing)
    for trial, setting in zip(chosen.trials, grid, strict=True):
        tried = create(name, **setting).fit(choosing.train, choosing.valid)
        assert trial.value == evaluate(tried, choosing.valid, ["ndcg@5"]).means()["ndcg@5"]
    assert chosen.valid_value == max(trial.value for trial in chosen.trials)
    assert chosen.model.data_fingerprint == bare.train.fingerprint()
    best = next(trial.settings for trial in chosen.trials if trial.value == chosen.valid_value)
    again = create(name, **best).fit(bare.train)
    for key, array in again.weights().items():
        assert np.array_equal(array, chosen.model.weights()[key])


def test_a_comparison_says_that_it_cut_validation_data_off(crowds: Path, tmp_path: Path, told: Any) -> None:
    given = {"out": tmp_path / "c", "models": ["popularity", "ease"], "split": "per-user:valid=0,test=0.2"}
    found = compare(crowds, options=RunOptions(progress=told), **given).comparison
    train, cut = found.split["parts"]["train"]["interactions"], round(0.05 * 800)
    assert "valid" not in found.split["parts"]
    assert found.selected_on.startswith("ndcg@10 on ")
    assert "cut from the training data" in found.selected_on
    (sentence,) = [line for line in told.lines if line.startswith("There is no validation data: settings")]
    assert abs(int(sentence.split(" chosen on ")[1].split()[0]) - cut) < 15 < train
    ease = next(run for run in found.runs if run.name == "ease")
    assert len(ease.trials) == len(Ease.grid)
    defaults = compare(crowds, trials=0, force=True, options=RunOptions(progress=told), **given).comparison
    assert defaults.selected_on.startswith("no data")


def test_models_of_known_users_get_advice_that_can_be_followed(crowds: Path, tmp_path: Path) -> None:
    held_out = split_input(crowds, tmp_path / "split").folder
    advice = "split the log anew, `recae data split LOG --split per-user:valid=0.1,test=0.2 --out DIR`"
    with pytest.raises(ConfigError) as refused:
        compare(held_out, models=["ease", "bpr"], out=tmp_path / "c")
    assert advice in str(refused.value)
    anew = split_input(crowds, tmp_path / "anew", spec="per-user:valid=0.1,test=0.2").folder
    assert compare(anew, models=["ease", "bpr"], trials=0, out=tmp_path / "c", metrics=["ndcg@5"]).best


def test_a_fit_that_went_on_took_what_came_before_as_well(split: Split, monkeypatch: pytest.MonkeyPatch) -> None:
    def resumed(self: AutoRecUser, *given: Any, fit: Any = AutoRecUser.fit) -> AutoRecUser:
        fit(self, *given)
        assert self.curve is not None
        *before, last = self.curve.points
        monkeypatch.setattr(self, "curve", replace(self.curve, points=(*before, replace(last, seconds=500.0))))
        return self

    monkeypatch.setattr(AutoRecUser, "fit", resumed)
    monkeypatch.setattr(AutoRecUser, "grid", ({"epochs": 2},))
    assert select("autorec-user", split, "rmse", DEFAULTS).fit_seconds == 500.0
