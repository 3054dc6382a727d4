"""How much memory this process holds, and how much more it may take."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_STATM = Path("/proc/self/statm")
_CGROUP = Path("/sys/fs/cgroup")


def resident_bytes() -> int:
    """Bytes of this process that lie in memory now; where the system does not tell that, the most there ever were."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError, ValueError):
        return highest_bytes()


def highest_bytes() -> int:
    """The most bytes of this process that ever lay in memory; 0 where the system does not tell."""
    if sys.platform == "win32":
        return 0
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # kilobytes everywhere else


def amount(count: int) -> str:
    """So many bytes in words: "6.7 GB"."""
    for size, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"


def free_memory() -> int:
    """Bytes that a process may still take: what the machine has, or less where a container or `ulimit -v` limits it."""
    free = _machine_memory()
    limit, used = _number(_CGROUP / "memory.max"), _number(_CGROUP / "memory.current")
    if limit is not None and used is not None:
        cached = next(
            (int(line.split()[1]) for line in _lines(_CGROUP / "memory.stat") if line.startswith("inactive_file ")), 0
        )
        free = min(free, limit - used + cached)
    return max(min(free, _address_space()), 0)


def _address_space() -> int:
    """Bytes that may still be mapped."""
    if sys.platform == "win32":
        return sys.maxsize
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    if limit == resource.RLIM_INFINITY:
        return sys.maxsize
    pages = "".join(_lines(_STATM)).split()[:1]
    return limit - sum(map(int, pages)) * os.sysconf("SC_PAGE_SIZE")


def _machine_memory() -> int:
    for line in _lines(Path("/proc/meminfo")):
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def _number(path: Path) -> int | None:
    text = "".join(_lines(path)).strip()
    return int(text) if text.isdigit() else None


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text().splitlines()
    except OSError:
        return []
