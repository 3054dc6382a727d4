"""Tables written by suffix, in one piece or in blocks, whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq
import pytest

from recae.errors import ConfigError
from recae.store.tables import table_suffixes, with_facts, write_table

TABLE = pa.table({"user": ["ä", 'say "hi"', "c,d"], "rank": pa.array([1, 2, 3], pa.int32()), "score": [0.5, 1.0, -2.0]})


def blocks_of(table: pa.Table) -> Iterator[pa.Table]:
    for row in range(len(table)):
        yield table.slice(row, 1)


@pytest.mark.parametrize("suffix", [".parquet", ".csv", ".tsv", ".jsonl"])
def test_blocks_and_one_piece_hold_the_same_rows(tmp_path: Path, suffix: str) -> None:
    whole, in_blocks = tmp_path / f"whole{suffix}", tmp_path / f"blocks{suffix}"
    assert write_table(TABLE, whole) == 3
    assert write_table(blocks_of(TABLE), in_blocks) == 3
    assert _read(whole) == _read(in_blocks) == TABLE.to_pylist()


def test_parquet_keeps_types_and_facts(tmp_path: Path) -> None:
    write_table(with_facts(TABLE, {"top": 3}), tmp_path / "t.parquet")
    read = pq.read_table(tmp_path / "t.parquet")
    assert read.schema.equals(TABLE.schema)
    assert json.loads(read.schema.metadata[b"recae"]) == {"top": 3}
    assert pq.ParquetFile(tmp_path / "t.parquet").metadata.row_group(0).column(0).compression == "ZSTD"


def test_a_table_without_rows_still_has_its_columns(tmp_path: Path) -> None:
    for suffix in table_suffixes():
        assert write_table(TABLE.slice(0, 0), tmp_path / f"empty{suffix}") == 0
    assert pq.read_table(tmp_path / "empty.parquet").column_names == TABLE.column_names
    assert (tmp_path / "empty.csv").read_text().strip() == "user,rank,score"


def test_an_error_half_way_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    write_table(TABLE, path)
    before = path.read_bytes()

    def broken() -> Iterator[pa.Table]:
        yield TABLE
        raise RuntimeError("the source ended early")

    with pytest.raises(RuntimeError, match="ended early"):
        write_table(broken(), path)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["t.csv"]


def test_an_unknown_suffix_is_refused_before_anything_is_read(tmp_path: Path) -> None:
    def never() -> Iterator[pa.Table]:
        raise AssertionError("nothing should be asked for")
        yield TABLE

    with pytest.raises(ConfigError, match=r"\.parquet, \.csv, \.tsv, \.jsonl"):
        write_table(never(), tmp_path / "t.xlsx")


def _read(path: Path) -> list[dict[str, object]]:
    match path.suffix:
        case ".parquet":
            return pq.read_table(path).to_pylist()
        case ".jsonl":
            return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        case suffix:
            options = pa_csv.ParseOptions(delimiter="\t" if suffix == ".tsv" else ",")
            return pa_csv.read_csv(path, parse_options=options).to_pylist()


@pytest.mark.parametrize("suffix", [".csv", ".tsv"])
def test_ids_that_spreadsheets_take_for_formulas_come_back_as_they_were(tmp_path: Path, suffix: str) -> None:
    ids = ["=1+1", "+49 30 1234", "-5 or so", "@SUM(A1)", "\t=2", "\r=3", "'=4", '="5"']
    write_table(pa.table({"user": ids, "item": ids}), tmp_path / f"t{suffix}")
    parsing = pa_csv.ParseOptions(delimiter="\t" if suffix == ".tsv" else ",", newlines_in_values=True)
    assert pa_csv.read_csv(tmp_path / f"t{suffix}", parse_options=parsing)["item"].to_pylist() == ids
