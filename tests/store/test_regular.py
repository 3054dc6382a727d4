"""Files only: what a path leads to, and what is no file: a pipe would be waited for, for ever."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recae.data.read import read
from recae.errors import StorageError
from recae.jobs.leaderboard_table import read_leaderboard
from recae.jobs.up_to_date import fingerprint
from recae.store.arrays import map_array, map_column
from recae.store.checksums import file_sha256
from recae.store.manifest import read_json
from recae.store.parquet import read_parquet
from recae.store.regular import real_path, refuse_special
from recae.store.tensors import read_tensors
from recae.store.toml import read_toml

pytestmark = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")


@pytest.mark.parametrize(
    "reading",
    [
        read,
        read_json,
        read_toml,
        read_tensors,
        read_parquet,
        read_leaderboard,
        file_sha256,
        fingerprint,
        lambda path: map_array(path, 3, np.int32),
        lambda path: map_column(path, 3),
    ],
    ids=lambda reading: reading.__name__,
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


def test_where_links_lead_is_told_even_if_it_is_nowhere(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "link").symlink_to(tmp_path / "absent")
    assert real_path(tmp_path / "link") == real_path(tmp_path) / "absent"
    assert real_path(tmp_path / "loop").is_relative_to(real_path(tmp_path))
