"""Looking at data and splitting it: what is said agrees with what is written."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recae.errors import ConfigError, DamagedFileError, DataError, StorageError
from recae.jobs.prepare import describe, filter_input, prepare_input, split_input
from recae.jobs.reading import Reading
from recae.jobs.recommend import recommend
from recae.jobs.train import train
from recae.store.tables import write_table


def test_each_part_of_a_split_is_described(crowds: Path, tmp_path: Path) -> None:
    split_input(crowds, tmp_path / "split", spec="per-user:valid=0.1,test=0.2")
    found = describe(tmp_path / "split")

    assert list(found.summary["parts"]) == ["train", "valid", "test"]
    for name, part in found.summary["parts"].items():
        assert part["interactions"] == pq.read_table(tmp_path / "split" / f"{name}.parquet").num_rows
        assert str(tmp_path / "split" / f"{name}.parquet") in found.text


def test_each_part_of_a_folder_that_came_split_is_described(tmp_path: Path) -> None:
    for name, rows in (("train", 3), ("test", 1)):
        table = pa.table({"user_id": [1] * rows, "item_id": [f"{name}{row}" for row in range(rows)]})
        write_table(table, tmp_path / f"{name}.parquet")
    write_table(pa.table({"item_id": ["train1"], "title": ["One"]}), tmp_path / "items.parquet")

    parts = describe(tmp_path).summary["parts"]

    assert {name: part["interactions"] for name, part in parts.items()} == {"train": 3, "test": 1}
    with pytest.raises(DataError, match=r"seems to hold a split: give one of its files, e.g. .*train\.parquet"):
        filter_input(tmp_path, tmp_path.with_name(f"{tmp_path.name}-out"))


def test_targets_are_counted_alike_wherever_they_are_told(tmp_path: Path) -> None:
    # "z" is nobody's item but the last one of one user, so that training does not know it.
    rows = [(user, "abcd"[(user + day) % 4], day) for user in range(6) for day in range(4)]
    rows = [(user, "z" if (user, day) == (5, 3) else item, day) for user, item, day in rows]
    names = ("user_id", "item_id", "timestamp")
    source = tmp_path / "log.parquet"
    write_table(pa.table(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True))), source)

    made = split_input(source, tmp_path / "split", spec="leave-last-out")

    written = json.loads((tmp_path / "split" / "split.json").read_text())["test"]
    told = made.facts["parts"]["test"]
    assert told == written
    assert (told["targets"], told["unknown_targets"]) == (6, 1)
    assert "6 targets (1 of unknown items)" in made.text
    assert made.rows == sum(pq.read_table(file).num_rows for file in made.files)


def test_prepared_data_trains_the_same_model(crowds: Path, tmp_path: Path) -> None:
    made = prepare_input(crowds, tmp_path / "prepared", reading=Reading(min_rating=4))
    assert (made.folder, made.rows) == (tmp_path / "prepared", made.facts["interactions"])

    straight = train(crowds, model="ease", out=tmp_path / "a", reading=Reading(min_rating=4))
    opened = train(tmp_path / "prepared", model="ease", out=tmp_path / "b")

    assert opened.train == straight.train
    assert opened.model.data_fingerprint == straight.model.data_fingerprint
    np.testing.assert_array_equal(opened.model.weights()["weights"], straight.model.weights()["weights"])


def test_prepared_data_is_an_input_of_every_job(crowds: Path, tmp_path: Path) -> None:
    prepare_input(crowds, tmp_path / "prepared")
    prepare_input(tmp_path / "prepared", tmp_path / "again", start=None)
    for name, source in (("raw", crowds), ("mapped", tmp_path / "again")):
        split_input(source, tmp_path / name, spec="per-user:valid=0.1,test=0.2")
        filter_input(source, tmp_path / f"{name}-filtered", reading=Reading(min_rating=4, min_user_items=3))
    for part in ("train", "valid", "test"):
        raw, mapped = (pq.read_table(tmp_path / name / f"{part}.parquet") for name in ("raw", "mapped"))
        assert mapped.equals(raw)
    written = [pq.read_table(tmp_path / f"{name}-filtered" / "interactions.parquet") for name in ("raw", "mapped")]
    assert written[0].equals(written[1])
    assert describe(tmp_path / "prepared").summary == describe(crowds).summary

    model = train(tmp_path / "prepared", model="popularity", out=tmp_path / "model").folder
    for name, histories in (("a", crowds), ("b", tmp_path / "prepared")):
        recommend(model, [histories], out=tmp_path / f"{name}.parquet")
    assert pq.read_table(tmp_path / "a.parquet").equals(pq.read_table(tmp_path / "b.parquet"))


def test_a_prepared_split_is_a_split(crowds: Path, tmp_path: Path) -> None:
    split_input(crowds, tmp_path / "split", spec="per-user:valid=0.1,test=0.2")
    made = prepare_input(tmp_path / "split", tmp_path / "prepared")

    assert list(made.facts["parts"]) == ["train", "valid", "test"]
    reached = [
        train(tmp_path / name, model="ease", out=tmp_path / f"{name}-model").metrics for name in ("split", "prepared")
    ]
    assert reached[0]
    assert reached[0] == reached[1]
    with pytest.raises(ConfigError, match=r"--min-rating cannot be used with .*, which is split already"):
        train(tmp_path / "prepared", model="ease", out=tmp_path / "m", reading=Reading(min_rating=4))
    with pytest.raises(ConfigError, match="is split already: --binarize"):
        prepare_input(tmp_path / "split", tmp_path / "p", binarize=True)
    parts, as_files = (describe(tmp_path / name).summary["parts"] for name in ("prepared", "split"))
    assert parts == as_files


def test_a_change_of_prepared_data_is_found_by_describing_it(crowds: Path, tmp_path: Path) -> None:
    prepare_input(crowds, tmp_path / "prepared")
    values = np.load(tmp_path / "prepared" / "values.npy")
    values[0] = 2
    np.save(tmp_path / "prepared" / "values.npy", values)

    with pytest.raises(DamagedFileError, match="was changed after it was prepared"):
        describe(tmp_path / "prepared")


def test_preparing_replaces_only_what_recae_prepared(crowds: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    with pytest.raises(StorageError, match="not written by recae"):
        prepare_input(crowds, tmp_path / "mine")
    prepare_input(crowds, tmp_path / "out")
    with pytest.raises(DataError, match="Nothing is left"):
        prepare_input(crowds, tmp_path / "out", reading=Reading(min_rating=9), force=True)
    assert prepare_input(crowds, tmp_path / "out", binarize=True, force=True).rows == 960
    assert sorted(path.name for path in tmp_path.iterdir()) == ["mine", "out"]
