"""Whatever bytes come in: a log or one clear sentence, never another exception."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recae.data.read import read
from recae.errors import RecaeError

FUZZ = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
ROWS = [(n % 7, n * n % 11, 1 + n % 5, 978300760 + n) for n in range(40)]
NAMES = ["user_id", "item_id", "rating", "timestamp"]


def parquet_bytes() -> bytes:
    memory = io.BytesIO()
    columns = zip(*ROWS, strict=True)
    pq.write_table(pa.table(dict(zip(NAMES, map(list, columns), strict=True))), memory, compression="none")
    return memory.getvalue()


def delimited(delimiter: str, header: bool) -> bytes:
    rows: list[Any] = [NAMES, *ROWS] if header else ROWS
    return "".join(delimiter.join(map(str, row)) + "\n" for row in rows).encode()


VALID = {
    "log.csv": delimited(",", True),
    "u.data": delimited("\t", False),
    "ratings.dat": delimited("::", False),
    "log.csv.gz": gzip.compress(delimited(",", True), mtime=0),
    "log.jsonl": "".join(json.dumps(dict(zip(NAMES, row, strict=True))) + "\n" for row in ROWS).encode(),
    "log.parquet": parquet_bytes(),
}


def refused_or_read(path: Path, **options: Any) -> None:
    refusal = ""
    try:
        log = read(path, **options)
    except RecaeError as error:
        refusal = str(error)
    assert "\n" not in refusal
    assert path.name in refusal if refusal else log.nnz > 0


@pytest.mark.parametrize("name", VALID)
@FUZZ
@given(data=st.data())
def test_damaged_files(name: str, data: st.DataObject, tmp_path: Path) -> None:
    content = bytearray(VALID[name])
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(content) - 1))
        piece = data.draw(
            st.one_of(st.binary(max_size=3), st.sampled_from([b"\n", b'"', b",,", b"\x00", b"\xff", b"{"]))
        )
        content[at : at + data.draw(st.integers(0, 4))] = piece
    if data.draw(st.booleans()):
        del content[data.draw(st.integers(1, len(content))) :]
    (tmp_path / name).write_bytes(bytes(content))
    refused_or_read(tmp_path / name, on_bad=data.draw(st.sampled_from(["error", "drop"])))


def test_a_garbled_column_name_is_damage(tmp_path: Path) -> None:
    content = bytearray(parquet_bytes())
    for byte in range(len(content)):
        content[byte] ^= 0x80
        (tmp_path / "log.parquet").write_bytes(bytes(content))
        refused_or_read(tmp_path / "log.parquet")
        content[byte] ^= 0x80


@FUZZ
@given(content=st.binary(min_size=1, max_size=200), name=st.sampled_from(list(VALID)))
def test_any_bytes(content: bytes, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(content)
    refused_or_read(tmp_path / name)


CELL = st.sampled_from(
    ["", "1", "2.5", "x", '"', '""', "é", "nan", "-", "2020-01-01", "user_id", "item", "rating", " "]
)


@FUZZ
@given(
    rows=st.lists(st.lists(CELL, min_size=1, max_size=5), min_size=1, max_size=8),
    delimiter=st.sampled_from([",", "\t", ";", "::", "|", " "]),
    on_bad=st.sampled_from(["error", "drop"]),
    header=st.sampled_from([None, True, False]),
)
def test_any_table_of_text(
    rows: list[list[str]], delimiter: str, on_bad: str, header: bool | None, tmp_path: Path
) -> None:
    (tmp_path / "log.txt").write_text("\n".join(delimiter.join(row) for row in rows), encoding="utf-8")
    refused_or_read(tmp_path / "log.txt", on_bad=on_bad, header=header)
