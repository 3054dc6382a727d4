"""A folder of parts that appears whole: written beside its place, so that an interrupted job can go on.

While the job runs, `.NAME.partial/` holds the finished parts and a journal with a checksum of each. When all
parts (of all shards) are there, the folder takes the place of NAME, with `_SUCCESS` and `_manifest.json`; names with
an underscore are left out by everything that reads folders of Parquet.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from recae.errors import ConfigError, StorageError, reason
from recae.jobs.outputs import refuse_strange, work_folder
from recae.jobs.part_files import (
    MANIFEST,
    OURS,
    Part,
    as_read,
    close_folder,
    done_name,
    is_joined,
    manifest_of,
    parts_of,
    prefix_of,
    refuse_strangers,
    turn,
)
from recae.jobs.shards import join_shards
from recae.progress import SILENT, Progress
from recae.store.atomic import replacing_file
from recae.store.checksums import SUCCESS, file_sha256
from recae.store.manifest import read_json, write_json
from recae.store.tables import write_table


@dataclass(frozen=True)
class PartsResult:
    """What a run on a folder of parts ended with."""

    rows: int
    complete: bool
    """False while other shards are still to come."""
    written: int
    kept: int
    """Parts that an earlier run had finished."""


def write_parts(
    out: Path,
    plan: dict[str, Any],
    n_parts: int,
    blocks_of: Callable[[int], Iterable[pa.Table]],
    *,
    facts: Mapping[str, Any] | None = None,
    shard: tuple[int, int] | None = None,
    resume: bool = False,
    progress: Progress = SILENT,
) -> PartsResult:
    """Write the parts that `blocks_of(number)` gives for the numbers 0 ... n_parts-1.

    `plan` says what the parts are made from and by which rules; finished parts are kept with `resume` if they were
    made by the same plan and are undamaged. `facts` go into the manifest as they are.

    Raises:
        ConfigError: `resume`, and what is there was made by another plan.
        StorageError: `out`, or the work folder beside it, holds what recae did not write, or writing failed.
    """
    refuse_strange(out, MANIFEST)
    work, prefix = work_folder(out), prefix_of(shard)
    refuse_strangers(work)
    if resume:
        _close_joined(work, out, plan)
        if (done := _done_already(out, plan, shard)) is not None:
            return PartsResult(done, complete=True, written=0, kept=n_parts)
    journal = work / f"_{prefix}journal.jsonl"
    finished = _continue(work, journal, prefix, plan) if resume else _begin(work, journal, prefix, plan)
    parts, kept = [], 0
    with progress.task("Writing parts", total=n_parts, unit="parts") as task:
        for number in range(n_parts):
            name = f"{prefix}part-{number:05d}.parquet"
            part = finished.get(name)
            if part is not None and part.is_intact(work):
                kept += 1
            else:
                part = _write(work / name, blocks_of(number))
                _append(journal, asdict(part))
            parts.append(part)
            task.advance()
    write_json(work, done_name(prefix), manifest_of(work, plan, parts, facts))
    complete = _close(work, out, plan, shard)
    return PartsResult(sum(part.rows for part in parts), complete, n_parts - kept, kept)


def _close(work: Path, out: Path, plan: dict[str, Any], shard: tuple[int, int] | None) -> bool:
    """Put the folder in its place if all its parts are there; whether they are."""
    with turn(work):
        if shard is None or join_shards(work, plan, shard[1]):
            close_folder(work, out)
            return True
        return not work.exists() and _done_already(out, plan, shard) is not None


def _close_joined(work: Path, out: Path, plan: dict[str, Any]) -> None:
    """Do what is left where a run was killed after the last part."""
    if (work / MANIFEST).is_file():
        with turn(work):
            if is_joined(work) and read_json(work / MANIFEST).get("plan") == as_read(plan):
                close_folder(work, out)


def _done_already(out: Path, plan: dict[str, Any], shard: tuple[int, int] | None) -> int | None:
    if not (out / SUCCESS).is_file() or not (out / MANIFEST).is_file():
        return None
    manifest = read_json(out / MANIFEST)
    if manifest.get("plan") != as_read(plan):
        return None
    parts = parts_of(manifest.get("parts"), out / MANIFEST)
    if shard is not None:
        parts = [part for part in parts if part.name.startswith(f"shard-{shard[0]:05d}-of-")]
    return sum(part.rows for part in parts) if all(part.is_intact(out) for part in parts) else None


def _begin(work: Path, journal: Path, prefix: str, plan: dict[str, Any]) -> dict[str, Part]:
    try:
        work.mkdir(parents=True, exist_ok=True)
        # Without a shard everything in the work folder is of an earlier run; with one, only our shard's files are.
        for old in list(work.iterdir()):
            if OURS.fullmatch(old.name) and old.name.removeprefix("_").startswith(prefix):
                old.unlink()
    except OSError as error:
        raise StorageError(f"{work} could not be made: {reason(error)}.") from error
    _rewrite(journal, plan, [])
    return {}


def _continue(work: Path, journal: Path, prefix: str, plan: dict[str, Any]) -> dict[str, Part]:
    done = work / done_name(prefix)
    if done.is_file():
        content = read_json(done)
        begun, parts = content.get("plan"), parts_of(content.get("parts"), done)
    elif journal.is_file():
        first, *rest = _entries(journal) or [{}]
        begun, parts = first.get("plan"), parts_of(rest, journal)
    else:
        return _begin(work, journal, prefix, plan)
    if begun != as_read(plan):
        raise ConfigError(
            f"{work} was begun with another model, other histories or other settings: run without --resume."
        )
    _rewrite(journal, plan, parts)
    done.unlink(missing_ok=True)
    return {part.name: part for part in parts}


def _entries(journal: Path) -> list[Any]:
    entries = []
    for line in journal.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            entries.append(json.loads(line))
        except ValueError:
            break  # the line that was being written when the job ended
    return entries


def _rewrite(journal: Path, plan: dict[str, Any], parts: Iterable[Part]) -> None:
    lines = [json.dumps(entry) + "\n" for entry in [{"plan": plan}, *map(asdict, parts)]]
    with replacing_file(journal) as beside:
        beside.write_text("".join(lines), encoding="utf-8")


def _append(journal: Path, entry: dict[str, Any]) -> None:
    with journal.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _write(path: Path, blocks: Iterable[pa.Table]) -> Part:
    rows = write_table(blocks, path)
    return Part(path.name, rows, file_sha256(path))
