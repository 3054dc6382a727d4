"""What a reader of recae's own files stumbles over is damage; that memory ran out is not."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recae.data.read import read
from recae.errors import DamagedFileError
from recae.store.damage import told_as_damage, told_of


@pytest.mark.parametrize("error", [KeyError("users"), TypeError("not a text"), pa.ArrowInvalid("cut off")])
def test_a_wrong_value_is_told_as_damage(error: Exception, tmp_path: Path) -> None:
    with (
        pytest.raises(DamagedFileError, match=r"is damaged.* Make it again"),
        told_as_damage(tmp_path, "Make it again."),
    ):
        raise error


@pytest.mark.parametrize("error", [MemoryError(), pa.ArrowMemoryError("malloc of size 10 failed")])
def test_that_memory_ran_out_is_told_as_that(error: MemoryError, tmp_path: Path, monkeypatch) -> None:
    with pytest.raises(MemoryError), told_as_damage(tmp_path, "Make it again."):
        raise error
    with pytest.raises(MemoryError), told_of(tmp_path):
        raise error
    path = tmp_path / "log.parquet"
    pq.write_table(pa.table({"user_id": [1], "item_id": [2]}), path)

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(pq.ParquetFile, "iter_batches", fail)
    with pytest.raises(MemoryError):
        read(path)
