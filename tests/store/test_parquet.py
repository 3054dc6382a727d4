"""Parquet files are opened and read in one way, and everything wrong with one is told in the project's own words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recae.errors import CapacityError, DamagedFileError, StorageError
from recae.store import parquet
from recae.store.damage import told_as_damage
from recae.store.parquet import parquet_schema, read_parquet


@pytest.fixture
def path(tmp_path: Path) -> Path:
    pq.write_table(pa.table({"id": [1, 2, 3], "name": ["a", "b", "c"]}), tmp_path / "t.parquet", compression="none")
    return tmp_path / "t.parquet"


def test_it_comes_back(path: Path) -> None:
    assert read_parquet(path, ["name"], rows=3).to_pydict() == {"name": ["a", "b", "c"]}
    assert parquet_schema(path).names == ["id", "name"]


def test_a_folder_whose_name_looks_like_a_partition_adds_no_column(path: Path) -> None:
    (path.parent / "day=1").mkdir()
    moved = path.rename(path.parent / "day=1" / "t.parquet")
    assert read_parquet(moved).column_names == ["id", "name"]


def test_every_changed_byte_is_read_or_told(path: Path) -> None:
    content = path.read_bytes()
    refused = []
    for at in range(len(content)):
        path.write_bytes(content[:at] + bytes([content[at] ^ 0x80]) + content[at + 1 :])
        try:
            read_parquet(path, rows=3).to_pylist()
        except (DamagedFileError, CapacityError) as error:
            refused.append(str(error))
    assert len(refused) > len(content) / 2
    assert [sentence for sentence in refused if "\n" in sentence or "t.parquet" not in sentence] == []


def test_others_than_were_expected_are_damage(path: Path) -> None:
    with pytest.raises(DamagedFileError, match=r"should have 4 rows and has 3"):
        read_parquet(path, rows=4)
    with pytest.raises(DamagedFileError, match="has no column 'other'"):
        read_parquet(path, ["id", "other"])
    pq.write_table(pa.Table.from_arrays([pa.array([1]), pa.array([2])], ["id", "id"]), path)
    with pytest.raises(DamagedFileError, match="several columns of one name"):
        read_parquet(path)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(DamagedFileError, match=r"t\.parquet"):
        read_parquet(path)
    with pytest.raises(StorageError, match="could not be read"):
        read_parquet(path.with_name("absent.parquet"))


def test_what_cannot_be_held_is_refused_before_it_is_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet, "free_memory", lambda: 3 * (8 + 4))
    assert len(read_parquet(path)) == 3
    monkeypatch.setattr(parquet, "free_memory", lambda: 3 * (8 + 4) - 1)
    with pytest.raises(CapacityError, match=r"has 3 rows: reading would take at least 36 bytes of memory"):
        read_parquet(path)
    assert len(read_parquet(path, ["id"])) == 3


@pytest.mark.parametrize(
    ("stumble", "told"),
    [
        (lambda: {}["spec"], "'spec' is missing"),
        (lambda: tuple(range(2))[3], "tuple index out of range"),
        (lambda: int("x"), "invalid literal"),
        (lambda: "a" in None, "NoneType"),  # type: ignore[operator]
        (lambda: pa.array([1]).cast(pa.list_(pa.int8())), "cast"),
        (lambda: 10**400 / 3, "too large"),
    ],
)
def test_what_a_reader_stumbles_over_is_told_as_damage(stumble: Callable[[], object], told: str) -> None:
    with (
        pytest.raises(DamagedFileError, match=rf"here is damaged: .*{told}.*\. Make it again\.$"),
        told_as_damage(Path("here"), "Make it again."),
    ):
        stumble()
