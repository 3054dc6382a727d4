from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recae.errors import DamagedFileError, StorageError
from recae.store.manifest import library_versions, read_json, write_json

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=40, deadline=None)
@given(content=st.dictionaries(st.text(max_size=5), json_values, max_size=4))
def test_what_was_written_is_read_again(tmp_path_factory, content):
    folder = tmp_path_factory.mktemp("m")
    assert read_json(write_json(folder, "facts.json", content)) == content


def test_numpy_values_paths_and_tuples_become_plain_ones(tmp_path: Path):
    content = {
        "scalar": np.float32(0.5),
        "count": np.int64(3),
        "flag": np.bool_(True),
        "array": np.arange(2),
        "path": Path("a/b"),
        "pair": (1, "x"),
        7: "number as key",
    }
    assert read_json(write_json(tmp_path, "m.json", content)) == {
        "scalar": 0.5,
        "count": 3,
        "flag": True,
        "array": [0, 1],
        "path": "a/b",
        "pair": [1, "x"],
        "7": "number as key",
    }


@pytest.mark.parametrize("value", [float("nan"), float("inf"), np.float32("nan"), np.array([np.nan])])
def test_what_json_cannot_say_becomes_null(tmp_path: Path, value):
    path = write_json(tmp_path, "m.json", {"x": value})
    assert "NaN" not in path.read_text()
    assert read_json(path)["x"] in (None, [None])


def test_text_stays_readable(tmp_path: Path):
    assert "Amélie" in write_json(tmp_path, "m.json", {"title": "Amélie"}).read_text(encoding="utf-8")


@pytest.mark.parametrize("content", [b"", b"{", b'{"a": 1', b"\xff\xfe{}", b"[" * 100_000])
def test_what_is_not_json_is_refused(tmp_path: Path, content: bytes):
    (tmp_path / "m.json").write_bytes(content)
    with pytest.raises(DamagedFileError, match=r"m\.json is not valid JSON"):
        read_json(tmp_path / "m.json")


def test_json_that_is_no_object_is_refused(tmp_path: Path):
    (tmp_path / "m.json").write_text("[1]")
    with pytest.raises(DamagedFileError, match="should hold a JSON object, not a list"):
        read_json(tmp_path / "m.json")


def test_a_missing_file_is_a_storage_error(tmp_path: Path):
    with pytest.raises(StorageError, match=r"no\.json could not be read: No such file"):
        read_json(tmp_path / "no.json")


def test_versions_name_python_and_the_libraries_below():
    versions = library_versions()
    assert {"python", "recae", "numpy", "torch"} <= versions.keys()
    assert versions["numpy"] == np.__version__
    json.dumps(versions)
