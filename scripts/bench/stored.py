"""docs/benchmarks.json: what was measured, by the name of the benchmark."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from recae.jobs.facts import machine_facts

PATH = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.json"


def read(path: Path = PATH) -> dict[str, Any]:
    """Everything measured so far; empty if nothing was."""
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}


def merge(key: str, measured: dict[str, Any], path: Path = PATH) -> None:
    """Put `measured` under `key` and leave the other keys as they are."""
    content = read(path) | {key: measured}
    beside = path.with_suffix(".json.new")
    beside.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    os.replace(beside, path)


def circumstances() -> dict[str, Any]:
    """When and on what something is measured."""
    return {"date": datetime.now(UTC).date().isoformat(), "processor": _processor(), **machine_facts()}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return "unknown"
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "unknown")
