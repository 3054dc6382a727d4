"""A pipe in the place of a file would be waited for, for ever; it is refused by everything that reads."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recae.data.read import read
from recae.errors import StorageError
from recae.store.arrays import map_array, map_column
from recae.store.manifest import read_json
from recae.store.regular import refuse_special

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")


@pytest.mark.parametrize(
    "reading",
    [read, read_json, lambda path: map_array(path, 3, np.int32), lambda path: map_column(path, 3)],
    ids=["read", "read_json", "map_array", "map_column"],
)
def test_a_pipe_is_refused_and_not_waited_for(reading: Callable[[Path], Any], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "log.csv")
    (tmp_path / "link.csv").symlink_to(tmp_path / "log.csv")
    for name in ("log.csv", "link.csv"):
        with pytest.raises(StorageError, match=rf"{name} is a pipe or a device and not a file"):
            reading(tmp_path / name)


def test_files_folders_and_what_is_not_there_pass(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    for name in ("file", "", "absent", "loop", "\0"):
        refuse_special(tmp_path / name)
