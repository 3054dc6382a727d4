"""A checkpoint is the last whole one or none, and damage anywhere is one sentence."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recae.errors import DamagedFileError, StorageError
from recae.store import checkpoint
from recae.store.checkpoint import discard_checkpoint, read_checkpoint, stamp, write_checkpoint

TOLD = {"epoch": 3, "rate": 0.1, "state": {"state": 2**127 + 1}, "names": ["ü"]}


def arrays(number: int) -> dict[str, np.ndarray]:
    return {
        "weights": np.full((3, 2), number, dtype=np.float32),
        "one": np.array(number, dtype=np.float32),
        "bytes": np.arange(5, dtype=np.uint8),
        "none": np.empty((0, 4), dtype=np.int64),
    }


def test_the_last_one_comes_back(tmp_path: Path) -> None:
    folder = tmp_path / "deep" / "er"
    assert read_checkpoint(folder) is None
    for number in (1, 2, 3):
        write_checkpoint(folder, TOLD | {"epoch": number}, arrays(number))
    found = read_checkpoint(folder)
    assert found is not None
    told, tensors = found
    assert told == TOLD | {"epoch": 3}
    for name, array in arrays(3).items():
        assert tensors[name].shape == array.shape
        np.testing.assert_array_equal(tensors[name], array)
    assert len(list(folder.iterdir())) == 2


@pytest.mark.parametrize("step", ["write_tensors", "write_json", "file_sha256"])
def test_a_write_that_ends_half_way_leaves_the_one_before(
    step: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_checkpoint(tmp_path, TOLD, arrays(1))
    for number in (2, 3):

        def killed(*_: object) -> None:
            raise SystemExit(9)

        monkeypatch.setattr(checkpoint, step, killed)
        with pytest.raises(SystemExit):
            write_checkpoint(tmp_path, TOLD | {"epoch": number}, arrays(number))
        monkeypatch.undo()
        found = read_checkpoint(tmp_path)
        assert found is not None
        assert found[0] == TOLD
    write_checkpoint(tmp_path, TOLD | {"epoch": 4}, arrays(4))
    assert len(list(tmp_path.iterdir())) == 2


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(["checkpoint.json", "checkpoint-0.safetensors"]), st.data())
def test_damage_anywhere_is_one_sentence(name: str, data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        write_checkpoint(folder, TOLD, arrays(1))
        content = bytearray((folder / name).read_bytes())
        at = data.draw(st.integers(0, len(content) - 1))
        kind = data.draw(st.sampled_from(["flip", "cut", "more"]))
        if kind == "flip":
            content[at] ^= data.draw(st.integers(1, 255))
        else:
            content = content[:at] if kind == "cut" else content + b"}"
        (folder / name).write_bytes(content)
        found, sentence = None, ""
        try:
            found = read_checkpoint(folder)
        except DamagedFileError as error:
            sentence = str(error)
        if found is None:
            assert sentence.startswith(f"The checkpoint in {folder} is damaged: ")
            assert "\n" not in sentence
        else:  # white space between the words of JSON says nothing
            assert name == "checkpoint.json"
            assert found[0] == TOLD


def test_only_its_own_files_are_discarded(tmp_path: Path) -> None:
    folder = tmp_path / ".m.partial"
    write_checkpoint(folder, TOLD, arrays(1))
    (folder / "notes.txt").write_text("mine")
    (folder / ".checkpoint-1.safetensors.0123abcd.recae-tmp").write_text("left by a killed run")
    assert stamp(folder) is not None
    discard_checkpoint(folder)
    assert [path.name for path in folder.iterdir()] == ["notes.txt"]
    (folder / "notes.txt").unlink()
    discard_checkpoint(folder)
    assert not folder.exists()


def test_a_folder_that_cannot_be_made_is_a_storage_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError):
        write_checkpoint(tmp_path / "file" / "below", TOLD, arrays(1))


def test_what_a_library_left_half_written_when_it_was_killed_goes_too(tmp_path: Path) -> None:
    """safetensors writes to a file of a name of its own, and renames it."""
    program = (
        "import os, sys\nfrom pathlib import Path\nimport numpy as np\nimport recae.store.tensors as tensors\n"
        "from recae.store.checkpoint import write_checkpoint\n"
        "def killed(_, path):\n    path.with_name('.tmpRuXM2b').write_text('half')\n    os._exit(9)\n"
        "tensors.save_file = killed\nwrite_checkpoint(Path(sys.argv[1]), {}, {'a': np.zeros(3)})\n"
    )
    folder = tmp_path / "partial"
    assert subprocess.run([sys.executable, "-c", program, str(folder)], check=False).returncode == 9
    assert [path for path in folder.rglob("*") if path.name == ".tmpRuXM2b"]
    discard_checkpoint(folder)
    assert list(tmp_path.iterdir()) == []
