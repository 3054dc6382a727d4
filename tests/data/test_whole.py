"""Few bytes that stand for many rows: reading ends in a sentence before memory does."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recae.data import whole
from recae.data.catalog import read_catalog
from recae.data.read import read
from recae.errors import CapacityError
from recae.store import parquet


def bomb(path: Path) -> Path:
    path.write_bytes(gzip.compress(b"user_id,item_id\n" + b"1,2\n" * 5_000_000, 1))
    return path


@pytest.mark.parametrize("reading", [read, read_catalog])
def test_text_that_is_longer_than_memory(
    reading: Callable[[Path], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(whole, "free_memory", lambda: 40_000_000)
    with pytest.raises(CapacityError, match=r"log\.csv\.gz has more than \d,\d\d\d,\d\d\d rows: they take"):
        reading(bomb(tmp_path / "log.csv.gz"))


def test_a_catalogue_that_announces_more_than_memory_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pq.write_table(pa.table({"item_id": range(1000), "title": ["a"] * 1000}), tmp_path / "items.parquet")
    monkeypatch.setattr(parquet, "free_memory", lambda: 11_999)
    with pytest.raises(CapacityError, match=r"items\.parquet has 1,000 rows: reading would take at least 12.0 kB"):
        read_catalog(tmp_path / "items.parquet")
