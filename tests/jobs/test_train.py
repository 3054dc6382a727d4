"""Training: what cannot end well is refused before anything is fitted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from recae.data.read import read
from recae.data.splits import validation_cut
from recae.errors import ConfigError, StorageError
from recae.jobs.inspect import inspect
from recae.jobs.prepare import filter_input, split_input
from recae.jobs.reading import Reading
from recae.jobs.train import train
from recae.models.base import Recommender
from recae.options import RunOptions


@pytest.fixture
def unfitted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a fit fail the test."""
    monkeypatch.setattr(Recommender, "fit", lambda *_: pytest.fail("fitted before everything was checked"))


@pytest.mark.usefixtures("unfitted")
def test_a_place_that_cannot_be_written_is_refused_before_the_fit(crowds: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    for name in ("mine", "file"):
        with pytest.raises(StorageError, match="was not written by recae"):
            train(crowds, model="ease", out=tmp_path / name)
    assert (tmp_path / "mine" / "notes.txt").read_text() == "mine"


@pytest.mark.usefixtures("unfitted")
def test_metrics_that_mean_nothing_are_refused_before_the_fit(crowds: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="predicts no ratings"):
        train(crowds, model="ease", metrics=["ndcg@10", "rmse"], out=tmp_path / "m")


@pytest.mark.usefixtures("unfitted")
def test_validation_users_that_the_model_cannot_know_are_refused_before_the_fit(crowds: Path, tmp_path: Path) -> None:
    split = split_input(crowds, tmp_path / "split", spec="user-holdout:valid=0.2,test=0.2").folder
    with pytest.raises(ConfigError, match="bpr can score only users of the training data"):
        train(split, model="bpr", out=tmp_path / "m")


def test_test_users_do_not_matter_to_training(crowds: Path, tmp_path: Path) -> None:
    split = split_input(crowds, tmp_path / "split", spec="user-holdout:valid=0,test=0.2").folder
    assert train(split, model="bpr", settings={"epochs": 1}, out=tmp_path / "m").metrics == {}


@pytest.mark.parametrize(("name", "kind"), [("mult-vae", "users"), ("autorec-item", "entries")])
def test_what_was_held_back_to_stop_in_time_is_told_and_kept(
    name: str, kind: str, crowds: Path, tmp_path: Path, told: Any
) -> None:
    settings = {"epochs": 3, "latent": 4} | ({"hidden": 8} if name == "mult-vae" else {"patience": 5})
    options = RunOptions(progress=told)
    made = train(crowds, model=name, settings=settings, out=tmp_path / "m", options=options)
    curve, stopped = made.model.curve, made.facts["stopping"]
    assert curve is not None
    _, part = validation_cut(read(crowds), seed=options.seed, kind=kind)
    assert stopped["held_back"] == {"kind": kind, "users": part.n_users, "targets": part.target.nnz}
    assert (stopped["best_epoch"], stopped["metric"]) == (curve.best_epoch, curve.metric_name)
    assert stopped["value"] == curve.points[curve.best_epoch - curve.points[0].epoch].metric
    (line,) = [line for line in told.lines if line.startswith(f"{name}: epoch ")]
    assert "held back from training" in line
    assert inspect(tmp_path / "m").stopping in line


def test_validation_data_is_named_where_it_was_given(crowds: Path, tmp_path: Path) -> None:
    split = split_input(crowds, tmp_path / "split").folder
    made = train(split, model="mult-vae", settings={"epochs": 2, "hidden": 8, "latent": 4}, out=tmp_path / "m")
    assert made.facts["stopping"]["held_back"] is None
    assert inspect(tmp_path / "m").stopping.endswith("on the validation data")
    assert train(split, model="ease", out=tmp_path / "e").facts["stopping"] is None
    assert inspect(tmp_path / "e").stopping == ""


def test_prepared_data_does_not_replace_what_it_is_made_from(crowds: Path, tmp_path: Path) -> None:
    kept = filter_input(crowds, tmp_path / "kept").folder
    before = sorted(kept.iterdir())
    with pytest.raises(ConfigError, match="would replace the input"):
        filter_input(kept, kept, reading=Reading(min_rating=4))
    with pytest.raises(ConfigError, match="would replace the input"):
        split_input(kept / "interactions.parquet", kept)
    assert sorted(kept.iterdir()) == before
