"""How much memory this process holds, and how much more it may take."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

_STATM = Path("/proc/self/statm")
_CGROUP, _OWN_GROUPS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")
_SECOND = ("memory.max", "memory.current", "inactive_file")
"""In version 2 of control groups: the limit, what is taken, and in memory.stat what of that can be given back."""
_FIRST = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")


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
    """Bytes that a process may still take: what the machine has, or less where a container, a service or `ulimit -v`
    limits it."""
    left = [_left_in(folder, *names) for folder, names in _control_groups()]
    return max(min(_machine_memory(), _address_space(), *left), 0)


def _control_groups() -> Iterator[tuple[Path, tuple[str, str, str]]]:
    """The folders that may limit this process: those of its own groups and of all around them.

    In a container its own group is what is mounted, whatever it is called outside.
    """
    yield _CGROUP, _SECOND
    for line in _lines(_OWN_GROUPS):  # "0::/system.slice/nightly.service" or "4:memory:/docker/1f2e"
        _, controllers, path = line.split(":", 2)
        roots, names = ((_CGROUP, _CGROUP / "unified"), _SECOND) if not controllers else ((_CGROUP / "memory",), _FIRST)
        if controllers and "memory" not in controllers.split(","):
            continue
        for root in roots:
            place = root / path.lstrip("/")
            yield from ((folder, names) for folder in (place, *place.parents) if folder.is_relative_to(root))


def _left_in(folder: Path, limit: str, used: str, cached: str) -> int:
    """Bytes that a control group may still take."""
    most, taken = _number(folder / limit), _number(folder / used)
    if most is None or taken is None:
        return sys.maxsize
    told = (line.split() for line in _lines(folder / "memory.stat"))
    return most - taken + next((int(words[1]) for words in told if words[:1] == [cached]), 0)


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
