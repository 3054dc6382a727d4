"""What the tasks' records in docs/benchmarks.json mean: a key for each task, in it one for each data set."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import stored

Record = dict[str, Any]


def merge(path: Path, task: str, data: str, records: list[Record], about: Record) -> None:
    """Take the records of one task on one data set into the file; entries that did not run now stay as they were.

    Every record keeps what recae took in the same call, so that a ratio never mixes two calls.
    """
    content: Record = stored.read(path).get(task, {})
    reference = next((record for record in records if record["peer"] == "recae" and record["runs"]), None)
    if reference is not None:
        for record in records:
            record["recae"] = {"seconds": seconds(reference), "memory_peak": memory(reference)}
    fresh = {record["entry"]: record for record in records}
    kept = [fresh.pop(old["entry"], old) for old in content.get(data, {}).get("entries", [])]
    content[data] = {"about": about, "entries": kept + list(fresh.values())}
    path.parent.mkdir(parents=True, exist_ok=True)
    stored.merge(task, content, path)


def seconds(record: Record) -> float:
    """Median over the runs."""
    return statistics.median(float(one["seconds"]) for one in record["runs"])


def memory(record: Record) -> float:
    """Median over the runs of the peak of the whole process, in bytes."""
    return statistics.median(float(one["memory_peak"]) for one in record["runs"])


def times_slower(record: Record) -> float | None:
    """How many times as long as recae in the same call."""
    return seconds(record) / record["recae"]["seconds"] if record["runs"] and "recae" in record else None


def times_larger(record: Record) -> float | None:
    """How many times as much memory as recae in the same call."""
    return memory(record) / record["recae"]["memory_peak"] if record["runs"] and "recae" in record else None


def fastest_peer(entries: list[Record]) -> Record | None:
    """The fastest library beside recae that did all the work; code without a library is no peer."""
    others = [entry for entry in entries if entry["peer"] not in ("recae", "plain") and not entry["less"]]
    done = [entry for entry in others if entry["runs"]]
    return min(done, key=seconds, default=None)
