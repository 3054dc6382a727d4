"""Arrays and columns come back from their files as they went there, mapped, and damage is a sentence."""

from __future__ import annotations

import errno
import os
import uuid
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from recae.errors import DamagedFileError, StorageError, reason
from recae.store.arrays import map_array, map_column, write_array, write_column


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.float32])
@pytest.mark.parametrize("length", [0, 1, 1000])
def test_an_array_comes_back_read_only(tmp_path, dtype, length):
    array = np.arange(length).astype(dtype)
    write_array(tmp_path / "a.npy", array)
    mapped = map_array(tmp_path / "a.npy", length, dtype)

    np.testing.assert_array_equal(mapped, array)
    assert mapped.dtype == dtype
    assert not mapped.flags.writeable
    np.testing.assert_array_equal(np.load(tmp_path / "a.npy"), array)


@pytest.mark.parametrize("dtype", ["<i8", "<f4", "?"])
@pytest.mark.parametrize("length", [0, 1, 70_000])
def test_what_is_written_is_what_numpy_writes(tmp_path, dtype, length):
    array = np.arange(length).astype(dtype)
    write_array(tmp_path / "a.npy", array)
    np.save(tmp_path / "b.npy", array)
    assert (tmp_path / "a.npy").read_bytes() == (tmp_path / "b.npy").read_bytes()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no such device here")
@pytest.mark.parametrize(
    "write",
    [
        lambda path: write_array(path, np.zeros(100_000)),
        lambda path: write_column(path, pa.array(range(100_000))),
        lambda path: pq.write_table(pa.table({"a": range(100_000)}), path),
    ],
)
def test_a_full_disk_is_told_as_such_whatever_library_writes(tmp_path, write):
    full = tmp_path / "full"
    full.symlink_to("/dev/full")  # by a link, because some libraries remove what they could not write
    with pytest.raises(OSError, match="No space left") as raised:
        write(full)
    assert reason(raised.value) == os.strerror(errno.ENOSPC)


def test_an_array_of_another_size_or_type_is_refused(tmp_path):
    write_array(tmp_path / "a.npy", np.zeros(5, dtype=np.int32))
    for length, dtype in ((4, np.int32), (5, np.int64), (5, np.float32)):
        with pytest.raises(DamagedFileError, match=r"holds an array of shape \(5,\) and type int32"):
            map_array(tmp_path / "a.npy", length, dtype)
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(DamagedFileError, match=r"not an \.npy file"):
        map_array(tmp_path / "objects.npy", 1, np.int32)
    with pytest.raises(StorageError, match=r"absent\.npy could not be read"):
        map_array(tmp_path / "absent.npy", 1, np.int32)


COLUMNS = {
    "numbers": pa.array([3, 1, 2], pa.uint64()),
    "text": pa.array(["ä", "", "007"]),
    "large text": pa.array(["ä", "", "007"], pa.large_string()),
    "uuid": pa.array([uuid.UUID(int=k).bytes for k in range(3)], pa.uuid()),
    "a slice": pa.array([9, 3, 1, 2, 9]).slice(1, 3),
    "nothing": pa.array([], pa.int64()),
}


@pytest.mark.parametrize("kind", COLUMNS)
def test_a_column_comes_back_in_its_type(tmp_path, kind):
    values = COLUMNS[kind]
    write_column(tmp_path / "c.arrow", values)
    mapped = map_column(tmp_path / "c.arrow", len(values))

    assert mapped.type == values.type
    assert mapped.to_pylist() == values.to_pylist()


def test_other_columns_are_refused(tmp_path):
    path = tmp_path / "c.arrow"
    write_column(path, pa.array([1, None]))
    with pytest.raises(DamagedFileError, match="should hold 2 values and holds 2, 1 of them missing"):
        map_column(path, 2)
    write_column(path, pa.array([1]))
    with pytest.raises(DamagedFileError, match="should hold 2 values and holds 1"):
        map_column(path, 2)
    write_column(path, pa.array([[1]]))
    with pytest.raises(DamagedFileError, match="some of type list"):
        map_column(path, 1)
    whole = path.read_bytes()
    for name, match in ((b"iX", 'should hold the column "id"'), (b"\x80d", "damaged")):
        path.write_bytes(whole.replace(b"id\0", name + b"\0"))
        with pytest.raises(DamagedFileError, match=match):
            map_column(path, 1)
    with pytest.raises(StorageError, match="could not be read"):
        map_column(tmp_path / "absent.arrow", 1)


@pytest.mark.parametrize("name", ["a.npy", "c.arrow"])
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damage_anywhere_is_a_sentence_or_other_values(tmp_path, name, data):
    path, n = tmp_path / name, 20
    if name == "a.npy":
        write_array(path, np.arange(n, dtype=np.int32))
    else:
        write_column(path, pa.array([f"item {number}" for number in range(n)]))
    whole = bytearray(path.read_bytes())
    if data.draw(st.booleans(), "cut"):
        whole = whole[: data.draw(st.integers(0, len(whole) - 1), "length")]
    else:
        for _ in range(data.draw(st.integers(1, 4), "how many")):
            whole[data.draw(st.integers(0, len(whole) - 1), "where")] = data.draw(st.integers(0, 255), "byte")
    path.write_bytes(whole)
    try:
        found = map_array(path, n, np.int32) if name == "a.npy" else map_column(path, n)
    except StorageError:  # DamagedFileError is one
        return
    assert len(found) == n
    assert len(found.tolist()) == n
