"""One writer per output."""

from __future__ import annotations

import subprocess
import sys
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
