from __future__ import annotations

import os
from pathlib import Path

import pytest

from recae.errors import DamagedFileError, StorageError
from recae.store import atomic
from recae.store.atomic import put_in_place, replacing_file, replacing_folder
from recae.store.checksums import check_files
from recae.store.exchange import exchange
from recae.store.lock import locked
from recae.store.manifest import library_versions, read_json, write_manifest


class InterruptedWritingError(Exception):
    pass


def write_folder(path: Path, text: str, fail: bool = False) -> None:
    with replacing_folder(path, marker="mark.json") as beside:
        (beside / "mark.json").write_text(f"recae, {text}")
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
    assert (tmp_path / "out" / "mark.json").read_text() == "recae, one"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_an_empty_folder_may_be_filled(tmp_path: Path):
    (tmp_path / "out").mkdir()
    write_folder(tmp_path / "out", "one")
    assert (tmp_path / "out" / "mark.json").exists()


def test_what_somebody_else_wrote_is_never_replaced(tmp_path: Path):
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "thesis.tex").write_text("years of work")
    (tmp_path / "file").write_text("theirs too")
    for name, marker in (("app", '{"name": "a web page", "files": {"x": 1}}'), ("broken", "// not JSON")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "mark.json").write_text(marker)
        (tmp_path / name / "x").write_text("theirs")
    for name in ("theirs", "file", "app", "broken"):
        with pytest.raises(StorageError, match="was not written by recae"):
            write_folder(tmp_path / name, "mine")
    assert (tmp_path / "theirs" / "thesis.tex").read_text() == "years of work"
    assert (tmp_path / "file").read_text() == "theirs too"
    assert (tmp_path / "app" / "x").read_text() == (tmp_path / "broken" / "x").read_text() == "theirs"


def sealed(path: Path, text: str) -> None:
    with replacing_folder(path, marker="mark.json") as beside:
        (beside / "inner").mkdir()
        (beside / "inner" / "x").write_text(text)
        write_manifest(beside, "mark.json", {"text": text, "versions": library_versions()})


def test_what_somebody_put_into_a_folder_of_recaes_is_never_deleted(tmp_path: Path):
    sealed(tmp_path / "out", "one")
    sealed(tmp_path / "out", "two")
    (tmp_path / "out" / "inner" / "notes.txt").write_text("mine")
    with pytest.raises(StorageError, match=r"inner/notes\.txt was not written by recae and would be deleted"):
        sealed(tmp_path / "out", "three")
    (tmp_path / "out" / "inner" / "notes.txt").unlink()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "out" / "link").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(StorageError, match="link was not written by recae"):
        sealed(tmp_path / "out", "three")
    assert (tmp_path / "out" / "inner" / "x").read_text() == "two"


def test_a_folder_says_what_is_in_it(tmp_path: Path):
    sealed(tmp_path / "out", "one")
    told = read_json(tmp_path / "out" / "mark.json")
    assert told["text"] == "one"
    assert list(told["files"]) == ["inner/x"]
    assert (tmp_path / "out" / "_SUCCESS").read_bytes() == b""
    check_files(tmp_path / "out", told["files"])
    (tmp_path / "out" / "inner" / "x").write_text("eno")
    with pytest.raises(DamagedFileError, match="inner/x was changed"):
        check_files(tmp_path / "out", told["files"])
    check_files(tmp_path / "out", told["files"], largest=2)
    for name in ("../file", "/etc/hostname", "inner/../../file"):
        with pytest.raises(DamagedFileError, match="lies outside"):
            check_files(tmp_path / "out", {name: {"bytes": 1, "sha256": ""}})


@pytest.mark.parametrize("exchanges", [True, False])
def test_a_folder_is_replaced_with_and_without_an_exchange(
    exchanges: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    if not exchanges:
        monkeypatch.setattr(atomic, "exchange", lambda *_: False)
    sealed(tmp_path / "out", "one")
    seen = []
    rename = os.rename

    def watched(old: object, new: object) -> None:
        rename(old, new)
        seen.append((tmp_path / "out").exists())

    monkeypatch.setattr(os, "rename", watched)
    sealed(tmp_path / "out", "two")
    assert (tmp_path / "out" / "inner" / "x").read_text() == "two"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    if exchanges and exchange_works(tmp_path):
        assert False not in seen, "there was always one or the other"


def test_where_folders_cannot_be_exchanged_the_old_one_comes_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Whatever ends the run at the moment at which the old one has stepped aside: a signal, or a kill."""
    monkeypatch.setattr(atomic, "exchange", lambda *_: False)
    sealed(tmp_path / "out", "one")
    rename = os.rename

    def interrupted(old: Path, new: Path) -> None:
        if new == tmp_path / "out" and not new.exists() and old.name.endswith("recae-tmp"):
            raise KeyboardInterrupt
        rename(old, new)

    monkeypatch.setattr(os, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        sealed(tmp_path / "out", "two")
    monkeypatch.setattr(os, "rename", rename)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    rename(tmp_path / "out", tmp_path / ".out.0123abcd.recae-old")
    (tmp_path / ".out.00000000.recae-tmp").mkdir()
    with locked(tmp_path / "out"):
        assert [path.name for path in tmp_path.iterdir() if not path.name.endswith(".lock")] == ["out"]
    assert (tmp_path / "out" / "inner" / "x").read_text() == "one"
    (tmp_path / ".out.0123abcd.recae-old").mkdir()
    with locked(tmp_path / "out"):
        pass
    assert [path.name for path in tmp_path.iterdir()] == ["out"], "what stands goes before what had stepped aside"


def exchange_works(folder: Path) -> bool:
    (folder / "a").mkdir()
    (folder / "b").mkdir()
    return exchange(folder / "a", folder / "b")


def test_a_link_to_a_folder_stays_a_link(tmp_path: Path):
    sealed(tmp_path / "models" / "of-today", "one")
    (tmp_path / "current").symlink_to(tmp_path / "models" / "of-today")
    sealed(tmp_path / "current", "two")
    assert (tmp_path / "current").is_symlink()
    assert (tmp_path / "models" / "of-today" / "inner" / "x").read_text() == "two"
    assert [path.name for path in (tmp_path / "models").iterdir()] == ["of-today"]
    sealed(tmp_path / "done", "three")
    put_in_place(tmp_path / "done", tmp_path / "current", marker="mark.json")
    assert (tmp_path / "current").is_symlink()
    assert (tmp_path / "models" / "of-today" / "inner" / "x").read_text() == "three"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["current", "models"]


def test_what_killed_runs_left_is_cleared_away_and_nothing_else(tmp_path: Path):
    (tmp_path / ".out.0123abcd.recae-tmp").mkdir()
    (tmp_path / ".out.0123abcd.recae-tmp" / "half").write_text("")
    (tmp_path / ".out.manifest.json.0123abcd.recae-tmp").write_text("")
    others = [".out.0123abcd.tmp", ".other.0123abcd.recae-tmp", ".out.mine.recae-tmp", "out.txt"]
    for name in others:
        (tmp_path / name).write_text("")
    with locked(tmp_path / "out"):
        pass
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(others)


def test_a_file_of_somebody_that_has_the_name_of_the_lock_stays(tmp_path: Path):
    (tmp_path / ".out.lock").write_text("mine")
    with locked(tmp_path / "out"):
        pass
    assert (tmp_path / ".out.lock").read_text() == "mine"
