"""Data to begin with: public sets by name, and the generated sample."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from recae.data.fetch import fetch
from recae.data.public import KNOWN
from recae.data.synthetic import write_sample
from recae.jobs.facts import plain
from recae.progress import SILENT, Progress


def known_sets() -> list[dict[str, Any]]:
    """Every public data set that can be fetched, with what is known about it, as JSON."""
    return [{"name": name} | plain(entry) for name, entry in KNOWN.items()]


def fetch_known(name: str, out: str | Path | None = None, *, progress: Progress = SILENT) -> Path:
    """Download the set `name` to the folder `out` (its own name by default), check it, and return the folder.

    Raises:
        ConfigError: there is no such set.
        StorageError: it could not be downloaded or written, or its checksum is wrong.
    """
    return fetch(name, Path(name if out is None else out), progress)


def write_sample_to(out: str | Path, seed: int | None = None) -> list[Path]:
    """Generate the sample into the folder `out`; return its files.

    Raises:
        StorageError: it could not be written.
    """
    return write_sample(Path(out)) if seed is None else write_sample(Path(out), seed)
