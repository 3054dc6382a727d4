"""One writer per output: a second run on the same place is refused while the first one works."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recae.errors import OutputLockedError, StorageError, reason
from recae.store.atomic import remove_leftovers
from recae.store.regular import real_path

if sys.platform != "win32":
    import fcntl

PATIENCE = 1.0
"""Seconds for which a run that shares a lock tries again: others hold it alone for a moment when they begin and end."""


@contextmanager
def locked(output: str | Path, *, shared: bool = False) -> Iterator[None]:
    """Hold the lock on `output` for as long as the body runs. It goes with the process, however that ends.

    Runs that hold it `shared` let each other in, and nobody else. A link to a folder has the lock of the folder. What a
    killed run left half written beside `output` is removed by the first who holds the lock.

    Raises:
        OutputLockedError: another run holds it.
        StorageError: the folder of `output` cannot be written to.
    """
    place = place_of(output)
    path = place.parent / f".{place.name}.lock"
    descriptor = _acquire(path, place, shared)
    try:
        yield
    finally:
        if descriptor is not None:
            _release(path, descriptor)


def place_of(output: str | Path) -> Path:
    """Where a folder that is written to `output` lies: where a link leads to, unless that is a file."""
    output = Path(output)
    return real_path(output) if output.is_symlink() and not output.is_file() else output.absolute()


def _release(path: Path, descriptor: int) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if os.fstat(descriptor).st_size == 0:  # else it is somebody's file of that name
            path.unlink(missing_ok=True)
    except BlockingIOError:
        pass  # others share it: the last of them removes the file
    finally:
        os.close(descriptor)


def _acquire(path: Path, output: Path, shared: bool) -> int | None:
    if sys.platform == "win32":
        return None  # no such locks there: outputs are still atomic, only not exclusive
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o644)
            alone = _taken(descriptor, fcntl.LOCK_EX)
            if alone and _still_there(path, descriptor):
                remove_leftovers(output)
            if not (_taken(descriptor, fcntl.LOCK_SH, PATIENCE) if shared else alone):
                os.close(descriptor)
                raise OutputLockedError(f"Another run is writing {output}: wait for it or choose another --out.")
            if _still_there(path, descriptor):
                return descriptor
            # The holder before us removed the file between our opening and locking it.
            os.close(descriptor)
    except OSError as error:
        raise StorageError(f"{output} could not be written: {reason(error)}.") from error


def _taken(descriptor: int, lock: int, patience: float = 0.0) -> bool:
    """Whether this process has the lock now, or within so many seconds; one that it had it has no more if not."""
    end = time.monotonic() + patience
    while True:
        try:
            fcntl.flock(descriptor, lock | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end:
                return False
            time.sleep(0.01)
        else:
            return True


def _still_there(path: Path, descriptor: int) -> bool:
    try:
        return os.stat(path).st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        return False
