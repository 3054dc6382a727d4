"""What every output says about how it came to be: its configuration, the machine and the versions."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from dataclasses import asdict, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from recae.jobs.reading import Reading
from recae.options import RunOptions
from recae.store.manifest import library_versions


def configuration(job: str, **given: Any) -> dict[str, Any]:
    """The effective configuration of a job as plain values: what was given, whether by flag, file or default."""
    return {"job": job} | {name: plain(value) for name, value in given.items()}


def machine_facts() -> dict[str, Any]:
    """The machine and the libraries that a result was made with."""
    return {
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors",
        "versions": library_versions(),
    }


def now() -> str:
    """The date and time of a result, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def plain(value: Any) -> Any:
    """`value` as JSON can hold it: dataclasses as mappings, paths as text, only what was chosen of `Reading`."""
    if isinstance(value, Reading):
        return value.chosen()
    if isinstance(value, RunOptions):
        return {
            "seed": value.seed,
            "device": value.device,
            "precision": value.precision,
            "max_memory": value.max_memory,
        }
    if is_dataclass(value) and not isinstance(value, type):
        return plain(asdict(value))
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(inner) for inner in value]
    return str(value) if isinstance(value, Path) else value
