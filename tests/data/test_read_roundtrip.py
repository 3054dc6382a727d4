"""Ids come back exactly as they went in, whatever the file, the order and the cutting into blocks."""

from __future__ import annotations

import csv
import json
import uuid
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recae.data import formats, jsonlines, textfiles
from recae.data.coding import MISSING_TEXTS
from recae.data.interactions import Interactions
from recae.data.read import read
from recae.errors import DataError
from recae.store.tables import write_table

QUICK = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
Pairs = list[tuple[Any, Any]]


def write_csv(pairs: Pairs, path: Path) -> Path:
    with (path / "log.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, quoting=csv.QUOTE_ALL)
        writer.writerows([("user_id", "item_id"), *pairs])
    return path / "log.csv"


def write_json(pairs: Pairs, path: Path) -> Path:
    records = [json.dumps({"user_id": user, "item_id": item}, ensure_ascii=False) + "\n" for user, item in pairs]
    (path / "log.jsonl").write_text("".join(records), encoding="utf-8", newline="\n")
    return path / "log.jsonl"


def write_parquet(pairs: Pairs, path: Path) -> Path:
    users, items = zip(*pairs, strict=True)
    pq.write_table(pa.table({"user_id": pa.array(users), "item_id": pa.array(items)}), path / "log.parquet")
    return path / "log.parquet"


def make_frame(pairs: Pairs, path: Path) -> pd.DataFrame:
    return pd.DataFrame(pairs, columns=["user_id", "item_id"])


WRITERS = [write_csv, write_json, write_parquet, make_frame]

# Line ends are left out: what a CSV reader makes of a lone carriage return differs from program to program.
LETTERS = st.characters(exclude_categories=["Cs", "Cc"])
TEXTS = st.text(LETTERS, min_size=1, max_size=6).filter(lambda text: text.strip() != "" and text not in MISSING_TEXTS)
WHOLE = st.integers(-(2**63), 2**63 - 1)


def check(pairs: Pairs, write: Callable[[Pairs, Path], Any], folder: Path) -> None:
    log = read(write(pairs, folder), header=True)
    table = log.to_arrow()
    back = list(zip(table["user_id"].to_pylist(), table["item_id"].to_pylist(), strict=True))
    assert sorted(back) == sorted(set(pairs))
    assert log.users.values.to_pylist() == sorted({user for user, _ in pairs})
    assert log.items.values.to_pylist() == sorted({item for _, item in pairs})


@pytest.mark.parametrize("write", WRITERS)
@QUICK
@given(pairs=st.lists(st.tuples(WHOLE, WHOLE), min_size=1, max_size=20))
def test_whole_numbers_come_back(write: Callable[[Pairs, Path], Any], pairs: Pairs, tmp_path: Path) -> None:
    check(pairs, write, tmp_path)


@pytest.mark.parametrize("write", WRITERS)
@QUICK
@given(pairs=st.lists(st.tuples(TEXTS, TEXTS), min_size=1, max_size=20))
def test_texts_come_back(write: Callable[[Pairs, Path], Any], pairs: Pairs, tmp_path: Path) -> None:
    # "x" keeps a column of digits from being numbers, which is another test's matter.
    check([*pairs, ("x", "x")], write, tmp_path)


@pytest.mark.parametrize(
    ("ids", "kind"),
    [
        (["7", "-3", "0", "10"], pa.int64()),
        (["007", "7"], pa.string()),
        (["+7", "8"], pa.string()),
        (["-0", "8"], pa.string()),
        (["1.0", "2"], pa.string()),
        (["9223372036854775807"], pa.int64()),
        (["9223372036854775808", "1"], pa.string()),
        (["1e5", "2"], pa.string()),
        ([" 7", "8"], pa.string()),
        (["7", "a"], pa.string()),
        (["٣", "4"], pa.string()),
    ],
)
def test_digits_in_text_files_are_numbers_only_if_nothing_is_lost(
    ids: list[str], kind: pa.DataType, tmp_path: Path
) -> None:
    log = read(write_csv([(one, "x") for one in ids], tmp_path))
    assert log.users.values.type == kind
    assert sorted(map(str, log.users.values.to_pylist())) == sorted(ids)


@pytest.mark.parametrize(
    "ids",
    [
        pa.array([3, 1], pa.int32()),
        pa.array([3, 1], pa.uint8()),
        pa.array([2**64 - 1, 1], pa.uint64()),
        pa.array(["b", "a"], pa.string()),
        pa.array(["b", "a"], pa.large_string()),
        pa.array([b"b", b"a"], pa.binary()),
        pa.array([3.0, 1.0], pa.float64()),
        pa.array([10, 20], pa.timestamp("s")),
        pa.array([True, False]),
        pa.array(["null", "NaN"]),
    ],
)
def test_types_of_parquet_columns_are_kept(ids: pa.Array, tmp_path: Path) -> None:
    pq.write_table(pa.table({"user_id": ids, "item_id": [1, 2]}), tmp_path / "log.parquet")
    expected = pq.read_table(tmp_path / "log.parquet")["user_id"]
    log = read(tmp_path / "log.parquet")
    assert log.users.values.type == expected.type
    assert sorted(log.users.values.to_pylist()) == sorted(expected.to_pylist())


def test_uuids_stay_uuids_and_find_themselves_as_text() -> None:
    ids = [uuid.UUID(int=number) for number in (7, 3, 2**100)]
    log = read({"user_id": ids, "item_id": ["a", "b", "c"]})
    assert log.users.values.to_pylist() == sorted(ids)
    assert log.users.positions(ids).tolist() == [1, 0, 2]
    assert log.users.positions([str(one) for one in ids]).tolist() == [1, 0, 2]
    assert log.to_arrow()["user_id"].to_pylist() == sorted(ids)
    assert log.fingerprint() == read({"user_id": ids, "item_id": ["a", "b", "c"]}).fingerprint()


def test_number_types_are_joined_in_the_wider_one_and_kinds_are_not_mixed(tmp_path: Path) -> None:
    short = pa.table({"user_id": pa.array([1], pa.int32()), "item_id": ["a"]})
    long = pa.table({"user_id": pa.array([2**40], pa.int64()), "item_id": pa.array(["b"], pa.large_string())})
    log = read([short, long])
    assert log.users.values.to_pylist() == [1, 2**40]
    assert log.items.values.to_pylist() == ["a", "b"]
    with pytest.raises(DataError, match="different types"):
        read([short, pa.table({"user_id": ["1"], "item_id": ["a"]})])


def test_a_text_file_joins_numbers_if_its_ids_are_numbers(tmp_path: Path) -> None:
    numbers = pa.table({"user_id": [1, 2], "item_id": [10, 20]})
    log = read([numbers, write_csv([("3", "10")], tmp_path)])
    assert log.users.values.to_pylist() == [1, 2, 3]
    with pytest.raises(DataError, match="different types"):
        read([numbers, write_csv([("x", "10")], tmp_path)])


def rated(rows: Sequence[tuple[str, int, int]], path: Path, kind: str) -> Path:
    users, items, ratings = zip(*rows, strict=True)
    if kind == "csv":
        lines = [f'"{user}",{item},{rating}\n' for user, item, rating in rows]
        (path / "log.csv").write_text("user_id,item_id,rating\n" + "".join(lines), encoding="utf-8")
    elif kind == "jsonl":
        records = [json.dumps({"user_id": u, "item_id": i, "rating": r}) + "\n" for u, i, r in rows]
        (path / "log.jsonl").write_text("".join(records), encoding="utf-8")
    else:
        table = pa.table({"user_id": users, "item_id": items, "rating": ratings})
        pq.write_table(table, path / "log.parquet", row_group_size=7)
    return path / f"log.{kind}"


def equal(one: Interactions, other: Interactions) -> bool:
    same_ids = one.users == other.users and one.items == other.items
    return same_ids and np.array_equal(one.matrix.toarray(), other.matrix.toarray())


@pytest.mark.parametrize("kind", ["csv", "jsonl", "parquet"])
@QUICK
@given(data=st.data(), block=st.integers(40, 400))
def test_neither_blocks_nor_the_order_of_rows_matter(
    kind: str, data: st.DataObject, block: int, tmp_path: Path
) -> None:
    names = st.text(st.sampled_from("aä1 é"), min_size=1, max_size=4).filter(lambda name: name.strip() != "")
    rows = data.draw(
        st.lists(
            st.tuples(names, st.integers(0, 30), st.integers(1, 5)),
            min_size=1,
            max_size=60,
            unique_by=lambda row: row[:2],
        )
    )
    whole = read(rated(rows, tmp_path, kind), header=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(textfiles, "_BLOCK", block)
        patch.setattr(jsonlines, "_BLOCK", block)
        patch.setattr(formats, "_BATCH_ROWS", block // 10)
        in_blocks = read(rated(data.draw(st.permutations(rows)), tmp_path, kind), header=True)
    assert equal(whole, in_blocks)
    assert whole.matrix.sum() == sum(rating for _, _, rating in rows)


@QUICK
@given(
    content=st.text(st.sampled_from("ab:é\n"), min_size=1), sizes=st.lists(st.integers(1, 9), min_size=1, max_size=30)
)
def test_recoding_a_stream_does_not_depend_on_how_it_is_read(content: str, sizes: list[int]) -> None:
    from recae.data.sniff import Dialect

    source = pa.BufferReader(content.encode("latin-1"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(textfiles, "_BLOCK", 3)
        stream = textfiles._Recoded(source, Dialect("::", False, (), "latin-1"))
        parts = [stream.read(size) for size in [*sizes, 10_000, 10_000]]
    assert b"".join(parts).decode() == content.replace("::", "\x1f")


@pytest.mark.parametrize("suffix", ["parquet", "csv", "tsv", "jsonl"])
def test_uuids_can_be_written_and_read_again(suffix: str, tmp_path: Path) -> None:
    log = read({"user_id": [uuid.UUID(int=2**90), uuid.UUID(int=5)], "item_id": [1, 2]})
    write_table(log.to_arrow(), tmp_path / f"log.{suffix}")
    again = read(tmp_path / f"log.{suffix}")
    assert again.users.positions(log.users.values).tolist() == [0, 1]
    assert again.users.texts().equals(log.users.texts())


def test_untyped_ids_are_what_the_typed_ones_beside_them_are(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("user_id,item_id\n1,7\n2,7\n")
    for typed in (["2", "x"], pa.array(["2", "3"], pa.large_string()), [2, 3]):
        log = read([tmp_path / "a.csv", {"user_id": typed, "item_id": [7, 8]}])
        assert log.n_users == 3
        assert log.counts == {"duplicates": 1}
        assert type(log.users.values[0].as_py()) is type(pa.array(typed)[0].as_py())
