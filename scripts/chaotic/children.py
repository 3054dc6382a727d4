"""Commands as processes of their own, forked from one that has everything imported, so that a run is mostly work."""

from __future__ import annotations

import importlib
import os
import pkgutil
import signal
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path

SECONDS_BETWEEN = 0.02
USERS_PER_PART = 12
LONGEST = 120.0
"""Seconds; what takes longer hangs."""


@dataclass(frozen=True)
class Ended:
    """How a process ended."""

    code: int
    """Its exit code; less than 0: the signal that killed it."""
    seconds: float
    text: str
    """What it said on stderr."""


def import_all() -> None:
    """Once, so that the children need not; and make pieces so small that there is much to interrupt."""
    import recae

    for module in pkgutil.walk_packages(recae.__path__, "recae."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    for name in ("torch", "implicit", "jinja2", "pandas", "scipy.sparse.linalg", "pyarrow.parquet", "pyarrow.csv"):
        importlib.import_module(name)
    _small_pieces()


def _small_pieces() -> None:
    import recae.training.checkpoint as checkpoint
    from recae.jobs.recommend import recommend
    from recae.options import Checkpoints

    Checkpoints.__init__.__defaults__ = (False, SECONDS_BETWEEN)
    checkpoint.COST = 2
    assert recommend.__kwdefaults__ is not None
    recommend.__kwdefaults__["users_per_part"] = USERS_PER_PART


def call(
    arguments: list[str],
    folder: Path,
    kill_after: float | None = None,
    by: int = signal.SIGKILL,
    limit: int | None = None,
) -> Ended:
    """Run `recae ARGUMENTS` in `folder`; send the signal `by` after so many seconds, if it is still running.

    `limit` is the largest file in bytes that it may write.
    """
    words = folder.parent / "stderr.txt"
    started = time.perf_counter()
    child = os.fork()
    if child == 0:
        _be(arguments, folder, words, limit)
    due = started + (LONGEST if kill_after is None else kill_after)
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        now = time.perf_counter()
        if ended:
            break
        if now >= due:
            os.kill(child, signal.SIGKILL if kill_after is None else by)
            due, kill_after = now + LONGEST, None
        time.sleep(0.0005)
    return Ended(os.waitstatus_to_exitcode(status), now - started, words.read_text(errors="replace"))


def _be(arguments: list[str], folder: Path, words: Path, limit: int | None) -> None:
    """What the child does; it never comes back."""
    code = 1
    try:
        os.setsid()
        os.chdir(folder)
        descriptor = os.open(words, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        null = os.open(os.devnull, os.O_RDWR)
        os.dup2(null, 0)
        os.dup2(null, 1)
        os.dup2(descriptor, 2)
        if limit is not None:
            import resource

            resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
        from recae.cli.main import main

        code = main(arguments)
    except BaseException:  # noqa: BLE001 - whatever gets out of the boundary is told
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
