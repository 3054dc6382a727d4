from __future__ import annotations

import errno
import json
import mmap
import os
import stat
import struct
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from safetensors import SafetensorError
from safetensors.numpy import load_file

from recae.errors import DamagedFileError, StorageError
from recae.store.manifest import write_json
from recae.store.tables import table_suffixes, write_table
from recae.store.tensors import expect, read_tensors, write_tensors

DTYPES = [np.float32, np.float64, np.int32, np.int64, np.uint8]


@settings(max_examples=25, deadline=None)
@given(
    tensors=st.dictionaries(
        st.text(st.characters(categories=["L", "N"]), min_size=1, max_size=6),
        st.sampled_from(DTYPES).flatmap(
            lambda dtype: npst.arrays(dtype, npst.array_shapes(min_dims=1, max_dims=3, min_side=0, max_side=4))
        ),
        max_size=3,
    )
)
def test_what_was_written_is_read_again(tmp_path_factory, tensors):
    path = write_tensors(tmp_path_factory.mktemp("t") / "x.safetensors", tensors)
    again = read_tensors(path)
    assert again.keys() == tensors.keys()
    for name, tensor in tensors.items():
        assert again[name].dtype == tensor.dtype
        np.testing.assert_array_equal(again[name], tensor)


def test_the_file_is_plain_safetensors(tmp_path: Path):
    path = write_tensors(tmp_path / "x.safetensors", {"a": np.arange(3, dtype=np.float32)})
    np.testing.assert_array_equal(load_file(path)["a"], [0, 1, 2])


def test_views_in_any_memory_order_are_written_by_value(tmp_path: Path):
    array = np.arange(12, dtype=np.float32).reshape(3, 4)
    again = read_tensors(write_tensors(tmp_path / "x", {"columns": array.T, "every other": array[:, ::2]}))
    np.testing.assert_array_equal(again["columns"], array.T)
    np.testing.assert_array_equal(again["every other"], array[:, ::2])


def test_arrays_that_were_read_can_be_written_to(tmp_path: Path):
    again = read_tensors(write_tensors(tmp_path / "x", {"a": np.zeros(3, dtype=np.float32)}))
    again["a"][0] = 1
    assert again["a"].tolist() == [1, 0, 0]
    assert read_tensors(tmp_path / "x")["a"].tolist() == [0, 0, 0]


def test_arrays_are_mapped_and_survive_the_replacement_of_their_file(tmp_path: Path):
    path = write_tensors(tmp_path / "x", {"a": np.arange(5000, dtype=np.float32), "b": np.ones((2, 3))})
    again = read_tensors(path)
    for array in again.values():
        owner = array
        while isinstance(owner, np.ndarray):
            owner = owner.base
        assert isinstance(owner, mmap.mmap)
        torch.from_numpy(array)  # warns of arrays that cannot be written to
    write_tensors(path, {"a": np.zeros(3, dtype=np.float32)})
    assert again["a"][-1] == 4999


def test_numbers_at_odd_places_and_of_unknown_kinds(tmp_path: Path):
    header = {"a": {"dtype": "U8", "shape": [1], "data_offsets": [0, 1]}}
    header["b"] = {"dtype": "F32", "shape": [2], "data_offsets": [1, 9]}
    text = json.dumps(header).encode()
    content = struct.pack("<Q", len(text)) + text + b"\x07" + np.array([1.5, 2.5], dtype="<f4").tobytes()
    (tmp_path / "x").write_bytes(content)
    again = read_tensors(tmp_path / "x")
    assert again["a"].tolist() == [7]
    assert again["b"].tolist() == [1.5, 2.5]
    assert again["b"].flags.aligned
    (tmp_path / "y").write_bytes(content.replace(b"F32", b"BF16", 1))
    with pytest.raises(DamagedFileError):
        read_tensors(tmp_path / "y")


@pytest.mark.parametrize("length", [0, 4, 20, 100])
def test_a_file_cut_short_is_refused(tmp_path: Path, length: int):
    path = write_tensors(tmp_path / "x.safetensors", {"a": np.ones(64, dtype=np.float32)})
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(DamagedFileError, match=r"x\.safetensors is damaged"):
        read_tensors(path)


@pytest.mark.parametrize(
    "content",
    [b"not tensors at all", struct.pack("<Q", 2**60) + b"{}", struct.pack("<Q", 9) + b'{"a": [1]', b"\x80\x04."],
)
def test_other_content_is_refused(tmp_path: Path, content: bytes):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(DamagedFileError):
        read_tensors(tmp_path / "x")


def test_a_missing_file_is_a_storage_error_and_not_damage(tmp_path: Path):
    with pytest.raises(StorageError, match=r"no\.safetensors could not be read") as caught:
        read_tensors(tmp_path / "no.safetensors")
    assert not isinstance(caught.value, DamagedFileError)


def test_writing_below_a_file_fails_with_a_sentence(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="could not be written"):
        write_tensors(tmp_path / "file" / "x", {})


def test_expect_passes_what_fits_and_names_what_does_not():
    tensors = {"w": np.zeros((2, 3), dtype=np.float32)}
    assert expect(tensors, "w", (2, None)) is tensors["w"]
    with pytest.raises(ValueError, match="w should be 3 x any float32 and is 2 x 3 float32"):
        expect(tensors, "w", (3, None))
    with pytest.raises(ValueError, match="w should be 2 x 3 int64 and is 2 x 3 float32"):
        expect(tensors, "w", (2, 3), np.int64)
    with pytest.raises(ValueError, match="w should be any float32"):
        expect(tensors, "w", (None,))
    with pytest.raises(KeyError):
        expect(tensors, "v", (2, 3))


@pytest.mark.skipif(os.name == "nt", reason="modes and umasks are those of POSIX")
@pytest.mark.parametrize("mask", [0o022, 0o077, 0o002])
def test_files_have_the_mode_that_the_umask_leaves(tmp_path: Path, mask: int):
    before = os.umask(mask)
    try:
        write_tensors(tmp_path / "x.safetensors", {"a": np.zeros(3, dtype=np.float32)})
        write_json(tmp_path, "x.json", {"a": 1})
        for suffix in table_suffixes():
            write_table(pa.table({"a": [1]}), tmp_path / f"x{suffix}")
    finally:
        os.umask(before)
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert len(modes) == 2 + len(table_suffixes())
    assert set(modes.values()) == {0o666 & ~mask}, modes


def test_a_full_disk_is_told_in_the_words_of_the_system(tmp_path, monkeypatch):
    def full(*_):
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("recae.store.tensors.save_file", full)
    with pytest.raises(StorageError, match=rf"a\.safetensors could not be written: {os.strerror(errno.ENOSPC)}\.$"):
        write_tensors(tmp_path / "a.safetensors", {"a": np.zeros(3)})
    assert list(tmp_path.iterdir()) == []
