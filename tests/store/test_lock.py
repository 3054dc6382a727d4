"""One writer per output."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

import pytest

from recae.errors import OutputLockedError
from recae.store.lock import locked


def test_a_second_writer_is_refused_and_a_later_one_is_not(tmp_path: Path) -> None:
    out = tmp_path / "new" / "model"
    with locked(out):
        with pytest.raises(OutputLockedError, match="Another run is writing"), locked(out):
            pass
        with locked(out.with_name("other")):
            pass
    with locked(out):
        pass
    assert list((tmp_path / "new").iterdir()) == []


def test_the_lock_of_a_killed_process_does_not_stay(tmp_path: Path) -> None:
    out = tmp_path / "model"
    program = "import os, sys\nfrom recae.store.lock import locked\nwith locked(sys.argv[1]):\n    os._exit(9)\n"
    assert subprocess.run([sys.executable, "-c", program, str(out)], check=False).returncode == 9
    assert (tmp_path / ".model.lock").exists()
    with locked(out):
        pass
    assert list(tmp_path.iterdir()) == []


def test_those_who_share_let_each_other_in_and_nobody_else(tmp_path: Path) -> None:
    out = tmp_path / "lists"
    with ExitStack() as first, locked(out, shared=True):
        first.enter_context(locked(out, shared=True))
        with pytest.raises(OutputLockedError), locked(out):
            pass
        first.close()
        with pytest.raises(OutputLockedError), locked(out):
            pass
    with locked(out), pytest.raises(OutputLockedError), locked(out, shared=True):
        pass
    assert list(tmp_path.iterdir()) == []


def test_those_who_share_begin_and_end_at_the_same_moments(tmp_path: Path) -> None:
    def come_and_go(_: int) -> None:
        for _ in range(300):
            with locked(tmp_path / "lists", shared=True):
                pass

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(come_and_go, range(3)))
    assert list(tmp_path.iterdir()) == []


def test_the_first_of_those_who_share_removes_what_was_left_and_puts_back_what_stepped_aside(tmp_path: Path) -> None:
    left, aside = tmp_path / ".lists.01234567.recae-tmp", tmp_path / ".lists.01234567.recae-old"
    left.mkdir()
    aside.mkdir()
    with locked(tmp_path / "lists", shared=True):
        assert not left.exists()
        assert not aside.exists()
        assert (tmp_path / "lists").is_dir()
        left.mkdir()
        with locked(tmp_path / "lists", shared=True):
            assert left.exists()  # the other one may be at work in it


def test_a_link_has_the_lock_of_its_folder_and_what_was_left_there_goes(tmp_path: Path) -> None:
    folder, link = tmp_path / "models" / "of-today", tmp_path / "current"
    folder.mkdir(parents=True)
    link.symlink_to(folder)
    left = tmp_path / "models" / ".of-today.01234567.recae-tmp"
    left.mkdir()
    with locked(link):
        assert not left.exists()
        with pytest.raises(OutputLockedError), locked(folder):
            pass
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["current", "models", "of-today"]
