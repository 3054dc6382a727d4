"""What work costs: the main memory that a fit took at its peak, and the size of what it left on disk."""

from __future__ import annotations

import ctypes
import gc
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

INTERVAL = 0.005
"""Seconds between two looks."""
_STATM = Path("/proc/self/statm")


@dataclass
class Peak:
    """What was found, once the work is done."""

    bytes: int | None = None
    """Most resident memory at any time minus what was resident before; None where the system does not tell."""


@contextmanager
def peak_memory() -> Iterator[Peak]:
    """Measure the work inside: how far the process's resident memory rises above where it was.

    A thread looks every 5 ms, and at the end the system's own record of the process (`ru_maxrss`) is read: if the work
    has set a new record, that is its exact peak, else the most that was seen. So a peak of less than 5 ms can be missed
    if earlier work had taken more. What earlier work freed is given back to the system before, or it would be used
    again unseen. Counted is everything of this process: the model, copies of the data, buffers, code that is loaded
    for the first time; not the memory of a GPU. Measured where there is /proc, that is on Linux; elsewhere `bytes`
    stays None. It measures one piece of work at a time.
    """
    found = Peak()
    before = _start()
    if before is None:
        yield found
        return
    record, highest, done = _record(), [before], threading.Event()

    def look() -> None:
        while not done.wait(INTERVAL):
            highest[0] = max(highest[0], _resident() or 0)

    watcher = threading.Thread(target=look, name="recae-peak-memory", daemon=True)
    watcher.start()
    try:
        yield found
    finally:
        highest[0] = max(highest[0], _resident() or 0)
        done.set()
        watcher.join()
        now = _record()
        found.bytes = max(highest[0], now if now > record else 0) - before


def _start() -> int | None:
    """What is resident when nothing is left that could be given back."""
    gc.collect()
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)
    return _resident()


def _resident() -> int | None:
    try:
        return int(_STATM.read_bytes().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return None


def _record() -> int:
    """Most bytes that were ever resident."""
    import resource  # only where there is /proc, so never on Windows

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def folder_bytes(folder: Path) -> int:
    """What the files in `folder` take on disk, by their lengths."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
