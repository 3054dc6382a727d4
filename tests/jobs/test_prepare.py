"""Looking at data and splitting it: what is said agrees with what is written."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recae.errors import DataError
from recae.jobs.prepare import describe, filter_input, split_input
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
