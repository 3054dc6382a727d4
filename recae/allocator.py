"""What big work frees stays with the process: fresh memory comes page by page, and slowly."""

from __future__ import annotations

import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # the names' numbers in malloc.h
_KEPT_BYTES, _OWN_PAGES_BYTES = 1 << 25, 1 << 23


def keep_freed_memory() -> None:
    """Let glibc keep up to 32 MB of what is freed for the next step; other systems' allocators do so anyway.

    By itself it gives blocks of some megabytes back as soon as they are free, so that every step of a network, and
    every block of users that is ranked, pays for a thousand fresh pages. Arrays of 8 MB and more are still given back
    at once. It holds for the whole process.
    """
    if sys.platform != "linux":
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
        mallopt(_MMAP_THRESHOLD, _OWN_PAGES_BYTES)
