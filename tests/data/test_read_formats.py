"""The same small log in every form gives the same matrix, ids and times."""

from __future__ import annotations

import bz2
import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import zstandard
from scipy import sparse

from recae.data.columns import ColumnChoice
from recae.data.interactions import Interactions
from recae.data.read import read
from recae.errors import ConfigError, DataError

ROWS = [(3, 20, 4.5, 978300760), (1, 10, 3.0, 978302109), (1, 20, 5.0, 978301968), (2, 30, 1.0, 978300275)]
NAMES = ["userId", "movieId", "rating", "timestamp"]
MATRIX = [[3, 5, 0], [0, 0, 1], [0, 4.5, 0]]


def lines(delimiter: str, header: bool = True, end: str = "\n") -> str:
    rows = [NAMES, *ROWS] if header else ROWS
    return "".join(delimiter.join(map(str, row)) + end for row in rows)


def saved(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def frame() -> pd.DataFrame:
    return pd.DataFrame(ROWS, columns=NAMES)


def parquet(path: Path) -> Path:
    pq.write_table(pa.Table.from_pandas(frame()), path)
    return path


def json_lines(path: Path) -> Path:
    return saved(path, "".join(json.dumps(dict(zip(NAMES, row, strict=True))) + "\n" for row in ROWS))


def saved_table(path: Path) -> Path:
    table = pa.Table.from_pandas(frame().astype({"rating": str}))
    names = ["rating", "userId", "movieId"]
    for name in names:
        table = table.set_column(table.column_names.index(name), name, table[name].dictionary_encode())
    pq.write_table(table, path, row_group_size=2)
    return path


def with_note(text: str, note: str) -> str:
    header, *rows = text.splitlines()
    return "\n".join([f"{header},note", *(f'{row},"{note}"' for row in rows)]) + "\n"


def folder(path: Path, *writers: Callable[[Path], Any]) -> Path:
    path.mkdir()
    for writer in writers:
        writer(path)
    return path


FORMS: dict[str, Callable[[Path], Any]] = {
    "comma": lambda at: saved(at / "log.csv", lines(",")),
    "tab": lambda at: saved(at / "log.tsv", lines("\t")),
    "semicolon": lambda at: saved(at / "log.txt", lines(";")),
    "pipe": lambda at: saved(at / "log.csv", lines("|")),
    "space": lambda at: saved(at / "log", lines(" ")),
    "MovieLens 1M": lambda at: saved(at / "ratings.dat", lines("::", header=False)),
    "MovieLens 100K": lambda at: saved(at / "u.data", lines("\t", header=False)),
    "a byte order mark": lambda at: saved(at / "log.csv", "\ufeff" + lines(",")),
    "Windows line ends": lambda at: saved(at / "log.csv", lines(",", end="\r\n")),
    "blank lines": lambda at: saved(at / "log.csv", "\n" + lines(",").replace("\n", "\n\n")),
    "no last line end": lambda at: saved(at / "log.csv", lines(",")[:-1]),
    "quotes": lambda at: saved(at / "log.csv", '"' + lines('","', end='"\n"')[:-1]),
    "gzip": lambda at: saved(at / "log.csv.gz", gzip.compress(lines(",").encode())),
    "gzip of two members": lambda at: saved(
        at / "log.csv.gz", gzip.compress(lines(",").encode()[:40]) + gzip.compress(lines(",").encode()[40:])
    ),
    "zstd": lambda at: saved(at / "log.csv.zst", zstandard.compress(lines(",").encode())),
    "bzip2": lambda at: saved(at / "log.csv.bz2", bz2.compress(lines(",").encode())),
    "gzip without the suffix": lambda at: saved(at / "log.csv", gzip.compress(lines(",").encode())),
    "gzip of MovieLens 1M": lambda at: saved(at / "ratings.dat.gz", gzip.compress(lines("::", header=False).encode())),
    "JSON lines": lambda at: json_lines(at / "log.jsonl"),
    "JSON lines, gzip": lambda at: saved(
        at / "log.jsonl.gz", gzip.compress(json_lines(at / "log.jsonl").read_bytes())
    ),
    "Parquet": lambda at: parquet(at / "log.parquet"),
    "Parquet without the suffix": lambda at: parquet(at / "log"),
    "DataFrame": lambda at: frame(),
    "DataFrame with categories": lambda at: frame().astype({"userId": "category"}),
    "DataFrame of nothing but categories": lambda at: frame().astype(str).assign(
        **{name: frame()[name].astype("category") for name in NAMES}
    ),
    "Parquet with dictionaries": lambda at: saved_table(at / "log.parquet"),
    "Arrow table of runs": lambda at: pa.table({name: pc.run_end_encode(pa.array(frame()[name])) for name in NAMES}),
    "old line ends": lambda at: saved(at / "log.csv", lines(",", end="\r")),
    "a very long field": lambda at: saved(at / "log.csv", with_note(lines(","), "x" * 300_000)),
    "a folder of files with columns in another order": lambda at: folder(
        at / "logs",
        lambda inside: pq.write_table(pa.Table.from_pandas(frame().iloc[1:]), inside / "1.parquet"),
        lambda inside: pq.write_table(pa.Table.from_pandas(frame().iloc[:1]).select(NAMES[::-1]), inside / "2.parquet"),
    ),
    "dict of lists": lambda at: frame().to_dict("list"),
    "dict of arrays": lambda at: {name: frame()[name].to_numpy() for name in NAMES},
    "Arrow table": lambda at: pa.Table.from_pandas(frame()),
    "Arrow batch": lambda at: pa.RecordBatch.from_pandas(frame()),
    "a str as path": lambda at: str(saved(at / "log.csv", lines(","))),
    "two files": lambda at: [
        saved(at / "a.csv", "userId,movieId,rating,timestamp\n3,20,4.5,978300760\n"),
        saved(at / "b.csv", lines(",").replace("3,20,4.5,978300760\n", "")),
    ],
    "files of two formats": lambda at: [
        saved(at / "a.csv", "userId,movieId,rating,timestamp\n3,20,4.5,978300760\n"),
        saved(at / "b.jsonl", json.dumps(dict(zip(NAMES, ROWS[1], strict=True))) + "\n"),
        frame().iloc[2:],
    ],
    "a folder": lambda at: folder(
        at / "logs",
        lambda inside: saved(inside / "1.csv", lines(",").replace("1,10,3.0,978302109\n", "")),
        lambda inside: saved(inside / "2.csv", "userId,movieId,rating,timestamp\n1,10,3.0,978302109\n"),
        lambda inside: saved(inside / "_SUCCESS", ""),
        lambda inside: saved(inside / ".hidden", "x"),
        lambda inside: saved(inside / "manifest.json", "{}"),
        lambda inside: saved(inside / "README.md", "# notes"),
    ),
    "a folder of Parquet in folders": lambda at: folder(
        at / "logs", lambda inside: parquet(folder(inside / "day=1") / "part-0.parquet")
    ),
}  # fmt: skip


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_the_same_log(form: str, tmp_path: Path) -> None:
    log = read(FORMS[form](tmp_path))
    assert log.matrix.toarray().tolist() == MATRIX
    assert (log.matrix.dtype, log.matrix.has_canonical_format) == (np.float32, True)
    assert (log.users.values.to_pylist(), log.items.values.to_pylist()) == ([1, 2, 3], [10, 20, 30])
    assert (log.users.values.type, log.items.values.type) == (pa.int64(), pa.int64())
    assert log.timestamps is not None
    assert log.timestamps.tolist() == [time * 1_000_000 for time in (978302109, 978301968, 978300275, 978300760)]
    assert (log.columns.value_kind, log.columns.time_unit, log.counts) == ("rating", "s", {})


def test_names_are_kept_and_files_without_header_get_the_usual_ones(tmp_path: Path) -> None:
    assert read(saved(tmp_path / "log.csv", lines(","))).to_arrow().column_names == NAMES
    headerless = read(saved(tmp_path / "u.data", lines("\t", header=False)))
    assert headerless.to_arrow().column_names == ["user_id", "item_id", "rating", "timestamp"]


def test_what_is_written_reads_back_as_the_same_log(tmp_path: Path) -> None:
    log = read(frame())
    pq.write_table(log.to_arrow(), tmp_path / "again.parquet")
    assert same(read(tmp_path / "again.parquet"), log)


@pytest.mark.parametrize(
    ("content", "header", "expected"),
    [
        ("user_id,item_id\nu1,i1\n", None, ["u1"]),
        ("u1,i1\nu2,i2\n", None, ["u1", "u2"]),
        ("alice,heat\nbob,alien\n", False, ["alice", "bob"]),
        ("user_id,item_id\nu1,i1\n", False, ["u1", "user_id"]),
        ("1,2\n3,4\n", True, ["3"]),
    ],
)
def test_headers_are_found_out_or_said(content: str, header: bool | None, expected: list[str], tmp_path: Path) -> None:
    choice = ColumnChoice(user="1", item="2") if header and content.startswith("1") else ColumnChoice()
    log = read(saved(tmp_path / "log.csv", content), header=header, columns=choice)
    assert [str(user) for user in log.users.values.to_pylist()] == expected


def test_words_in_the_first_line_are_taken_for_a_header_rather_than_for_ids(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="--no-header"):
        read(saved(tmp_path / "log.csv", "alice,heat\nbob,alien\n"))


def test_a_third_column_of_times_is_no_rating(tmp_path: Path) -> None:
    log = read(saved(tmp_path / "log.tsv", "1\t10\t978300760\n2\t20\t978300761\n"))
    assert log.columns.value is None
    assert log.timestamps is not None
    assert log.timestamps.tolist() == [978300760_000_000, 978300761_000_000]


@pytest.mark.parametrize("delimiter", ["~", "||", "\\t", "tab", "§"])
def test_any_delimiter_can_be_given(delimiter: str, tmp_path: Path) -> None:
    written = {"\\t": "\t", "tab": "\t"}.get(delimiter, delimiter)
    log = read(saved(tmp_path / "log.txt", lines(written)), delimiter=delimiter)
    assert log.matrix.toarray().tolist() == MATRIX


def test_movielens_files_may_be_latin_1(tmp_path: Path) -> None:
    log = read(saved(tmp_path / "x.dat", "1::café::5::978300760\n".encode("latin-1")))
    assert log.items.values.to_pylist() == ["café"]


def test_quotes_protect_delimiters_quotes_and_line_ends(tmp_path: Path) -> None:
    log = read(saved(tmp_path / "log.csv", 'user_id,item_id\n1,"a,b"\n1,"say ""hi"""\n1,"two\nlines"\n'))
    assert log.items.values.to_pylist() == ["a,b", 'say "hi"', "two\nlines"]


def test_a_bare_matrix_keeps_its_shape(tmp_path: Path) -> None:
    matrix = sparse.coo_array(([2.0, 1.0, 3.0], ([0, 2, 0], [1, 3, 1])), shape=(4, 5))
    log = read(matrix)
    assert log.matrix.shape == (4, 5)
    assert (log.matrix[0, 1], log.matrix[2, 3], log.counts) == (5, 1, {"duplicates": 1})
    assert log.columns.value_kind == "weight"
    assert read(sparse.csr_matrix(np.eye(3))).columns.value_kind is None
    rated = read(sparse.csc_matrix(np.eye(3)), columns=ColumnChoice(rating="stars"))
    assert (rated.columns.value, rated.has_ratings) == ("stars", True)


def test_an_empty_list_of_files_is_a_mistake_of_the_caller() -> None:
    with pytest.raises(ConfigError):
        read([])


def same(one: Interactions, other: Interactions) -> bool:
    times = (one.timestamps is None) == (other.timestamps is None) and (
        one.timestamps is None or np.array_equal(one.timestamps, other.timestamps)  # type: ignore[arg-type]
    )
    return bool(
        times and one.users == other.users and one.items == other.items and one.columns == other.columns
        and (one.matrix != other.matrix).nnz == 0 and one.nnz == other.nnz
    )  # fmt: skip
