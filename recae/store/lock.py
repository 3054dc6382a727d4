"""One writer per output: a second run on the same place is refused while the first one works."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from recae.errors import OutputLockedError, StorageError, reason
from recae.store.atomic import remove_leftovers

if sys.platform != "win32":
    import fcntl


@contextmanager
def locked(output: str | Path) -> Iterator[None]:
    """Hold the lock on `output` for as long as the body runs. It goes with the process, however that ends.

    What a killed run left half written beside `output` is removed.

    Raises:
        OutputLockedError: another run holds it.
        StorageError: the folder of `output` cannot be written to.
    """
    output = Path(output).absolute()
    path = output.parent / f".{output.name}.lock"
    descriptor = _acquire(path, output)
    try:
        if descriptor is not None:
            remove_leftovers(output)
        yield
    finally:
        if descriptor is not None:
            if os.fstat(descriptor).st_size == 0:  # else it is somebody's file of that name
                path.unlink(missing_ok=True)
            os.close(descriptor)


def _acquire(path: Path, output: Path) -> int | None:
    if sys.platform == "win32":
        return None  # no such locks there: outputs are still atomic, only not exclusive
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        while True:
            descriptor = os.open(path, os.O_CREAT | os.O_RDWR, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(descriptor)
                raise OutputLockedError(
                    f"Another run is writing {output}: wait for it or choose another --out."
                ) from None
            if _still_there(path, descriptor):
                return descriptor
            # The holder before us removed the file between our opening and locking it.
            os.close(descriptor)
    except OSError as error:
        raise StorageError(f"{output} could not be written: {reason(error)}.") from error


def _still_there(path: Path, descriptor: int) -> bool:
    try:
        return os.stat(path).st_ino == os.fstat(descriptor).st_ino
    except FileNotFoundError:
        return False
