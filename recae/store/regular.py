"""Where a path leads, and files only: what opens a pipe waits for a writer, and a device has no end."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from recae.errors import StorageError


def refuse_special(path: Path) -> None:
    """Refuse a pipe, socket or device at `path`, also behind links; what is not there is left to whoever opens it.

    Raises:
        StorageError: it is one.
    """
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return
    if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
        raise StorageError(f"{path} is a pipe or a device and not a file: write its content to a file first.")


def real_path(path: str | Path) -> Path:
    """Where `path` leads to, behind all links, as far as they lead anywhere.

    `Path.resolve` fails on links that lead in a circle, with an error that is none of the system's.
    """
    return Path(os.path.realpath(path))
