from __future__ import annotations

from pathlib import Path

import pytest

from recae.errors import StorageError
from recae.store.atomic import replacing_file, replacing_folder


class InterruptedWritingError(Exception):
    pass


def write_folder(path: Path, text: str, fail: bool = False) -> None:
    with replacing_folder(path, marker="mark.json") as beside:
        (beside / "mark.json").write_text(text)
        (beside / "inner").mkdir()
        (beside / "inner" / "x").write_text(text)
        if fail:
            raise InterruptedWritingError


def test_a_file_appears_only_when_it_is_whole(tmp_path: Path):
    path = tmp_path / "deep" / "er" / "x.txt"
    with replacing_file(path) as beside:
        beside.write_text("new")
        assert beside.parent == path.parent
        assert not path.exists()
    assert path.read_text() == "new"
    assert list(path.parent.iterdir()) == [path]


def test_an_interrupted_file_leaves_the_old_one(tmp_path: Path):
    path = tmp_path / "x.txt"
    path.write_text("old")
    with pytest.raises(InterruptedWritingError), replacing_file(path) as beside:  # noqa: PT012
        beside.write_text("half")
        raise InterruptedWritingError
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_body_that_writes_nothing_is_told_as_an_error(tmp_path: Path):
    with pytest.raises(StorageError, match="could not be written"), replacing_file(tmp_path / "x"):
        pass
    assert not list(tmp_path.iterdir())


def test_a_folder_appears_only_when_it_is_whole(tmp_path: Path):
    write_folder(tmp_path / "out", "one")
    write_folder(tmp_path / "out", "two")
    assert (tmp_path / "out" / "inner" / "x").read_text() == "two"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_interrupted_folder_leaves_the_old_one(tmp_path: Path):
    write_folder(tmp_path / "out", "one")
    with pytest.raises(InterruptedWritingError):
        write_folder(tmp_path / "out", "two", fail=True)
    assert (tmp_path / "out" / "mark.json").read_text() == "one"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_empty_folder_may_be_filled(tmp_path: Path):
    (tmp_path / "out").mkdir()
    write_folder(tmp_path / "out", "one")
    assert (tmp_path / "out" / "mark.json").exists()


def test_what_somebody_else_wrote_is_never_replaced(tmp_path: Path):
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "thesis.tex").write_text("years of work")
    (tmp_path / "file").write_text("theirs too")
    for name in ("theirs", "file"):
        with pytest.raises(StorageError, match="was not written by recae"):
            write_folder(tmp_path / name, "mine")
    assert (tmp_path / "theirs" / "thesis.tex").read_text() == "years of work"
    assert (tmp_path / "file").read_text() == "theirs too"
