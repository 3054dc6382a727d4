"""What a job of lists ended with, told by the job itself or by the manifest of lists that are there already."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Recommended:
    """Lists that were written."""

    output: Path
    rows: int
    users: int
    cold_users: int
    """Users among them whom the model could not score."""
    skipped_users: int
    """Users whom it could not score and who therefore have no list."""
    complete: bool
    """False while other shards of a folder of parts are still to come."""
    unknown_items: int
    """Entries of the histories whose items the model does not know."""
    seconds: float
    up_to_date: bool = False
    """There was nothing left to do."""


def recommended_of(out: Path, manifest: Mapping[str, Any], seconds: float, *, up_to_date: bool) -> Recommended:
    """What the manifest of the lists at `out` tells of them."""
    counts = manifest.get("counts")
    known = counts if isinstance(counts, dict) else {}
    numbers = {name: int(known.get(name, 0)) for name in ("users", "cold_users", "skipped_users", "unknown_items")}
    rows = int(manifest.get("rows", 0))
    return Recommended(out, rows, complete=True, seconds=seconds, up_to_date=up_to_date, **numbers)
