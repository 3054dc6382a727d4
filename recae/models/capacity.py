"""Will it fit? Asked before memory is taken, so that a job ends with a sentence and not with a kill."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from recae.errors import CapacityError

if TYPE_CHECKING:
    from recae.models.base import Recommender
    from recae.models.cost import Shape

_CGROUP = Path("/sys/fs/cgroup")


def refuse_unless_it_fits(model: Recommender, shape: Shape, limit: int | None) -> None:
    """Refuse a fit that needs more bytes than `limit`, or than the machine has free where that is None.

    Raises:
        CapacityError: it would not fit; the sentences name the estimate, and what would fit instead.
    """
    cost = model.cost(shape)
    may = free_memory() if limit is None else limit
    if cost.fit_bytes <= may:
        return
    from recae.models.instead import instead_of  # all models are looked at, which is slow to import

    what = cost.what or f"{model.info.name} on {shape.users} users and {shape.items} items"
    advice = cost.advice or "drop rare items (--min-item-users)"
    estimate = f"about {amount(cost.fit_bytes)} of memory and {amount(may)} may be used"
    raise CapacityError(f"{what} would take {estimate}: {advice}. {instead_of(model, shape, may)}")


def require_memory(needed: int, limit: int | None, what: str, alternative: str) -> None:
    """Refuse work that needs more bytes than `limit`, or than the machine has free where that is None.

    Raises:
        CapacityError: it would not fit; the sentence names the estimate and `alternative`.
    """
    free = free_memory() if limit is None else limit
    if needed > free:
        estimate = f"about {amount(needed)} of memory and {amount(free)} may be used"
        raise CapacityError(f"{what} would take {estimate}: {alternative}.")


def amount(count: int) -> str:
    """So many bytes in words: "6.7 GB"."""
    for size, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if count >= size:
            return f"{count / size:.1f} {unit}"
    return f"{count} bytes"


def free_memory() -> int:
    """Bytes that a process may still take: what the machine has available, or less where a container limits it."""
    free = _machine_memory()
    limit, used = _number(_CGROUP / "memory.max"), _number(_CGROUP / "memory.current")
    if limit is not None and used is not None:
        cached = next(
            (int(line.split()[1]) for line in _lines(_CGROUP / "memory.stat") if line.startswith("inactive_file ")), 0
        )
        free = min(free, limit - used + cached)
    return max(free, 0)


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
