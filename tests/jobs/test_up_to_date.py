"""The same again is up to date, something else is refused, and force makes it anew."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from recae.errors import ConfigError, ModelFormatError, StorageError
from recae.jobs.evaluate import evaluate
from recae.jobs.inspect import inspect
from recae.jobs.prepare import filter_input, prepare_input, split_input
from recae.jobs.reading import Reading
from recae.jobs.recommend import recommend
from recae.jobs.train import train
from recae.jobs.up_to_date import fingerprint, folder_is_current, made_from
from recae.models.folder import check_model_files
from recae.models.registry import load
from recae.options import RunOptions
from recae.store.tables import write_table

Job = Callable[..., Any]
HIGH = Reading(min_rating=4)


@pytest.fixture(scope="module")
def model(crowds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(crowds, model="popularity", out=tmp_path_factory.mktemp("model") / "model").folder


@pytest.fixture
def jobs(crowds: Path, model: Path) -> dict[str, tuple[Job, dict[str, Any], str]]:
    """By the job: a function of `out`, what to change of it, and the name of the output."""
    return {
        "train": (lambda out, **more: train(crowds, model="ease", out=out, **more), {"settings": {"l2": 7}}, "m"),
        "train, seed": (
            lambda out, seed=1, **more: train(crowds, model="ease", out=out, options=RunOptions(seed=seed), **more),
            {"seed": 2},
            "m",
        ),
        "filter": (lambda out, **more: filter_input(crowds, out, **more), {"reading": HIGH}, "f"),
        "split": (lambda out, **more: split_input(crowds, out, **more), {"seed": 3}, "s"),
        "prepare": (lambda out, **more: prepare_input(crowds, out, **more), {"binarize": True}, "p"),
        "lists": (lambda out, **more: recommend(model, [crowds], out=out, **more), {"top": 3}, "l.csv"),
        "parts": (lambda out, **more: recommend(model, [crowds], out=out, **more), {"on_cold": "skip"}, "l"),
    }


def times(out: Path) -> dict[str, int]:
    files = [out] if out.is_file() else sorted(out.rglob("*"))
    return {file.name: file.stat().st_ino for file in files}


DIFFERENT = {
    "train": "l2",
    "train, seed": "seed",
    "filter": "min_rating",
    "split": "seed",
    "prepare": "binarize",
    "lists": "top",
    "parts": "on_cold",
}
"""What the sentence of refusal names."""


@pytest.mark.parametrize("name", DIFFERENT)
def test_the_same_is_up_to_date_and_something_else_is_refused_without_force(
    name: str, jobs: dict[str, tuple[Job, dict[str, Any], str]], tmp_path: Path
) -> None:
    job, other, place = jobs[name]
    out = tmp_path / place
    first = job(out)
    before = times(out)
    again = job(out)
    assert times(out) == before, "nothing was written"
    assert again.up_to_date
    assert not first.up_to_date
    for told in ("rows", "metrics", "train", "users", "cold_users"):
        if hasattr(first, told):
            assert getattr(again, told) == getattr(first, told), told
    with pytest.raises(StorageError, match=rf"made from other data or settings \({DIFFERENT[name]}\): give --force"):
        job(out, **other)
    assert times(out) == before
    assert not job(out, **other, force=True).up_to_date
    assert not job(out, **other, force=True).up_to_date, "force makes it anew whatever is there"
    assert job(out, **other).up_to_date
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith(".")) == []


@pytest.mark.parametrize("name", ["train", "filter", "split", "prepare", "lists", "parts"])
def test_what_was_damaged_since_is_made_anew(
    name: str, jobs: dict[str, tuple[Job, dict[str, Any], str]], tmp_path: Path, told: Any
) -> None:
    job, _, place = jobs[name]
    out = tmp_path / place
    job(out)
    files = [out] if out.is_file() else [path for path in out.rglob("*") if path.suffix in (".parquet", ".npy")]
    whole = files[0].read_bytes()
    files[0].write_bytes(whole[:-1] + b"?")
    progress = {"options": RunOptions(progress=told)} if name == "train" else {"progress": told}
    assert not job(out, **progress).up_to_date
    assert files[0].read_bytes() == whole
    assert any("is made anew" in line for line in told.lines)


@pytest.mark.parametrize("name", ["train", "filter", "split", "prepare", "parts"])
def test_a_folder_that_lost_its_sign_of_success_is_made_anew(
    name: str, jobs: dict[str, tuple[Job, dict[str, Any], str]], tmp_path: Path
) -> None:
    """Other programs, a Makefile among them, wait for it."""
    job, _, place = jobs[name]
    job(tmp_path / place)
    (tmp_path / place / "_SUCCESS").unlink()
    assert not job(tmp_path / place).up_to_date
    assert (tmp_path / place / "_SUCCESS").exists()
    assert job(tmp_path / place).up_to_date


def test_inputs_count_by_their_content(crowds: Path, tmp_path: Path) -> None:
    copy = tmp_path / "under another name.parquet"
    copy.write_bytes(crowds.read_bytes())
    train(crowds, model="popularity", out=tmp_path / "m")
    assert train(copy, model="popularity", out=tmp_path / "m").up_to_date
    write_table(pa.table({"user_id": [1, 2], "item_id": [1, 1]}), copy)
    with pytest.raises(StorageError, match=r"\(training data\): give --force"):
        train(copy, model="popularity", out=tmp_path / "m")


def test_what_can_never_be_is_told_before_what_is_there(crowds: Path, tmp_path: Path) -> None:
    train(crowds, model="popularity", out=tmp_path / "m")
    with pytest.raises(ConfigError, match="'tpu' is not"):
        train(crowds, model="popularity", out=tmp_path / "m", options=RunOptions(device="tpu"))
    split_input(crowds, tmp_path / "s")
    with pytest.raises(ConfigError, match="There is no split 'kfolds'"):
        split_input(crowds, tmp_path / "s", spec="kfolds:5")


def test_an_output_from_before_is_not_replaced_unasked(crowds: Path, tmp_path: Path) -> None:
    made = train(crowds, model="popularity", out=tmp_path / "m")
    made.model.save(tmp_path / "m")
    with pytest.raises(StorageError, match="does not say what it was made from: give --force"):
        train(crowds, model="popularity", out=tmp_path / "m")
    assert train(crowds, model="popularity", out=tmp_path / "m", force=True).folder == tmp_path / "m"
    with pytest.raises(StorageError, match="give --force to replace it"):
        folder_is_current(tmp_path / "m", "manifest.json", {})


def test_a_model_trained_again_to_the_same_weights_is_the_same_input(crowds: Path, model: Path, tmp_path: Path) -> None:
    recommend(model, [crowds], out=tmp_path / "l.csv")
    again = train(crowds, model="popularity", out=tmp_path / "again", run_id="another").folder
    assert recommend(again, [crowds], out=tmp_path / "l.csv").up_to_date


def test_a_folder_of_logs_may_hold_the_output(crowds: Path, tmp_path: Path) -> None:
    (tmp_path / "log.parquet").write_bytes(crowds.read_bytes())
    filter_input(tmp_path, tmp_path / "out")
    assert filter_input(tmp_path, tmp_path / "out").up_to_date
    (tmp_path / "more.parquet").write_bytes(crowds.read_bytes())
    with pytest.raises(StorageError, match=r"\(data\)"):
        filter_input(tmp_path, tmp_path / "out")


def test_fingerprints_tell_names_and_content_of_folders_apart(tmp_path: Path) -> None:
    found = set()
    for files in ({"a.csv": "1"}, {"b.csv": "1"}, {"a.csv": "2"}, {"a.csv": "1", "b.csv": ""}):
        folder = tmp_path / str(len(found))
        folder.mkdir()
        for name, text in files.items():
            (folder / name).write_text(text)
        (folder / ".hidden").write_text(os.urandom(4).hex())
        found.add(fingerprint(folder))
    assert len(found) == 4
    with pytest.raises(StorageError, match="No such file"):
        made_from("train", {"data": tmp_path / "absent"}, {})


@pytest.mark.parametrize("kind", ["train", "split", "parts"])
def test_somebodys_notes_in_a_folder_of_recaes_are_kept(
    kind: str, jobs: dict[str, tuple[Job, dict[str, Any], str]], tmp_path: Path
) -> None:
    job, other, place = jobs[kind]
    job(tmp_path / place)
    (tmp_path / place / "notes.txt").write_text("mine")
    (tmp_path / place / ".DS_Store").write_text("of a file manager")
    with pytest.raises(StorageError, match=r"notes\.txt was not written by recae and would be deleted: move it"):
        job(tmp_path / place, **other, force=True)
    assert (tmp_path / place / "notes.txt").read_text() == "mine"
    (tmp_path / place / "notes.txt").unlink()
    assert not job(tmp_path / place, **other, force=True).up_to_date


def test_a_work_folder_of_somebody_else_is_left_alone(crowds: Path, model: Path, tmp_path: Path) -> None:
    (tmp_path / ".l.partial").mkdir()
    (tmp_path / ".l.partial" / "photo.jpg").write_text("mine")
    for resume in (False, True):
        with pytest.raises(StorageError, match=r"photo\.jpg was not written by recae"):
            recommend(model, [crowds], out=tmp_path / "l", resume=resume)
    train(crowds, model="mult-vae", settings={"epochs": 1, "hidden": 4, "latent": 2}, out=tmp_path / "l")
    assert (tmp_path / ".l.partial" / "photo.jpg").read_text() == "mine"


def test_large_files_are_checked_when_somebody_asks(
    crowds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = train(crowds, model="ease", out=tmp_path / "m").folder
    assert inspect(folder, verify=True).verified
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")
    with pytest.raises(ModelFormatError, match=r"model\.safetensors was changed after it was written"):
        load(folder)
    monkeypatch.setattr(check_model_files, "__defaults__", (16,))
    load(folder)
    with pytest.raises(ModelFormatError, match=r"model\.safetensors was changed after it was written"):
        inspect(folder, verify=True)


def test_the_files_of_an_evaluation_are_left_and_refused_likewise(crowds: Path, model: Path, tmp_path: Path) -> None:
    (tmp_path / "target.csv").write_text("user_id,item_id\n" + "".join(f"{user},999\n" for user in range(9)))

    def judge(**more: Any) -> Any:
        out = {"report": tmp_path / "r.html", "per_user": tmp_path / "u.csv"}
        return evaluate(model, [crowds], tmp_path / "target.csv", **(out | more))

    first = judge()
    before = times(tmp_path)
    again = judge()
    assert (first.up_to_date, again.up_to_date) == (False, True)
    assert again.means == first.means
    assert times(tmp_path) == before
    with pytest.raises(StorageError, match=r"r\.html was made from other data or settings \(metrics\): give --force"):
        judge(metrics=["hit@3"])
    with pytest.raises(StorageError, match=r"u\.csv was made from other data"):
        judge(report=None, include_seen=True)
    assert not judge(metrics=["hit@3"], force=True).up_to_date
    assert judge(metrics=["hit@3"]).up_to_date
    assert not judge(metrics=["hit@3"], report=None, per_user=None).up_to_date
