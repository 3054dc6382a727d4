"""A folder of parts that appears whole: written beside its place, so that an interrupted job can go on.

While the job runs, `.NAME.partial/` holds the finished parts and a journal with a checksum of each. When all
parts (of all shards) are there, the folder takes the place of NAME, with `_SUCCESS` and `_manifest.json`; names with
an underscore are left out by everything that reads folders of Parquet.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from recae.errors import ConfigError, DamagedFileError, OutputLockedError, StorageError
from recae.jobs.outputs import refuse_strange
from recae.progress import SILENT, Progress
from recae.store.atomic import put_in_place
from recae.store.lock import locked
from recae.store.manifest import read_json, write_json
from recae.store.tables import write_table

MANIFEST, SUCCESS = "_manifest.json", "_SUCCESS"
CLOSING_SECONDS = 60.0
"""How long a shard waits for another one that is closing the folder."""


@dataclass(frozen=True)
class Part:
    """One finished file."""

    name: str
    rows: int
    sha256: str


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
    facts: dict[str, Any] | None = None,
    shard: tuple[int, int] | None = None,
    resume: bool = False,
    progress: Progress = SILENT,
) -> PartsResult:
    """Write the parts that `blocks_of(number)` gives for the numbers 0 ... n_parts-1.

    `plan` says what the parts are made from and by which rules; finished parts are kept with `resume` if they were
    made by the same plan and are undamaged. `facts` go into the manifest as they are.

    Raises:
        ConfigError: `resume`, and what is there was made by another plan.
        StorageError: `out` exists and recae did not write it, or writing failed.
    """
    refuse_strange(out, MANIFEST)
    if resume and (done := _done_already(out, plan, shard)) is not None:
        return PartsResult(done, complete=True, written=0, kept=n_parts)
    work = out.absolute().parent / f".{out.name}.partial"
    prefix = "" if shard is None else f"shard-{shard[0]:05d}-of-{shard[1]:05d}-"
    journal = work / f"_{prefix}journal.jsonl"
    finished = _continue(work, journal, prefix, plan) if resume else _begin(work, journal, prefix, plan)
    parts, kept = [], 0
    with progress.task("Writing parts", total=n_parts, unit="parts") as task:
        for number in range(n_parts):
            name = f"{prefix}part-{number:05d}.parquet"
            part = finished.get(name)
            if part is not None and _intact(work / name, part):
                kept += 1
            else:
                part = _write(work / name, blocks_of(number))
                _append(journal, asdict(part))
            parts.append(part)
            task.advance()
    rows = sum(part.rows for part in parts)
    write_json(work, f"_{prefix}{'manifest' if shard is None else 'done'}.json", _manifest(plan, parts, facts))
    journal.unlink()
    complete = _close(work, out, plan, shard, facts)
    return PartsResult(rows, complete, n_parts - kept, kept)


def _close(
    work: Path, out: Path, plan: dict[str, Any], shard: tuple[int, int] | None, facts: dict[str, Any] | None
) -> bool:
    """Put the folder in its place if all its parts are there; whether they are."""
    with _turn(work):
        if shard is None or _join_shards(work, plan, shard[1], facts):
            (work / SUCCESS).touch()
            put_in_place(work, out, marker=MANIFEST)
            return True
        return not work.exists() and _done_already(out, plan, shard) is not None


@contextmanager
def _turn(work: Path) -> Iterator[None]:
    """The lock on `work`, waited for: two shards may end at the same time, and the second has to see the first."""
    last = time.monotonic() + CLOSING_SECONDS
    with ExitStack() as held:
        while True:
            try:
                held.enter_context(locked(work))
                break
            except OutputLockedError:
                if time.monotonic() > last:
                    raise
                time.sleep(0.1)
        yield


def _manifest(plan: dict[str, Any], parts: list[Part], facts: dict[str, Any] | None) -> dict[str, Any]:
    return {
        **(facts or {}),
        "plan": plan,
        "rows": sum(part.rows for part in parts),
        "parts": [asdict(part) for part in parts],
    }


def _done_already(out: Path, plan: dict[str, Any], shard: tuple[int, int] | None) -> int | None:
    if not (out / SUCCESS).is_file() or not (out / MANIFEST).is_file():
        return None
    manifest = read_json(out / MANIFEST)
    if manifest.get("plan") != _as_read(plan):
        return None
    parts = _parts(manifest.get("parts"), out / MANIFEST)
    if shard is not None:
        parts = [part for part in parts if part.name.startswith(f"shard-{shard[0]:05d}-of-")]
    return sum(part.rows for part in parts) if all(_intact(out / part.name, part) for part in parts) else None


def _begin(work: Path, journal: Path, prefix: str, plan: dict[str, Any]) -> dict[str, Part]:
    # Without a shard the work folder is ours alone; with one, only our shard's files in it are.
    if prefix:
        for old in [*work.glob(f"{prefix}*"), *work.glob(f"_{prefix}*")]:
            old.unlink()
    else:
        shutil.rmtree(work, ignore_errors=True)
    try:
        work.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"{work} could not be made: {error.strerror or error}.") from error
    _append(journal, {"plan": plan})
    return {}


def _continue(work: Path, journal: Path, prefix: str, plan: dict[str, Any]) -> dict[str, Part]:
    done = work / f"_{prefix}done.json"
    if done.is_file():
        content = read_json(done)
        begun, parts = content.get("plan"), _parts(content.get("parts"), done)
    elif journal.is_file():
        first, *rest = _entries(journal) or [{}]
        begun, parts = first.get("plan"), _parts(rest, journal)
    else:
        return _begin(work, journal, prefix, plan)
    if begun != _as_read(plan):
        raise ConfigError(
            f"{work} was begun with another model, other histories or other settings: run without --resume."
        )
    if done.is_file():
        for entry in [{"plan": plan}, *map(asdict, parts)]:
            _append(journal, entry)
    return {part.name: part for part in parts}


def _parts(entries: Any, path: Path) -> list[Part]:
    try:
        return [Part(**entry) for entry in entries]
    except TypeError as error:
        raise DamagedFileError(f"{path} is damaged: run without --resume.") from error


def _entries(journal: Path) -> list[Any]:
    entries = []
    for line in journal.read_text(encoding="utf-8").splitlines():
        try:
            entries.append(json.loads(line))
        except ValueError:
            break  # the line that was being written when the job ended
    return entries


def _append(journal: Path, entry: dict[str, Any]) -> None:
    with journal.open("a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")
        file.flush()
        os.fsync(file.fileno())


def _join_shards(work: Path, plan: dict[str, Any], count: int, facts: dict[str, Any] | None) -> bool:
    manifests = [work / f"_shard-{number:05d}-of-{count:05d}-done.json" for number in range(1, count + 1)]
    if not all(path.is_file() for path in manifests):
        return False
    contents = [read_json(path) for path in manifests]
    if any(content.get("plan") != _as_read(plan) for content in contents):
        raise ConfigError(
            f"The shards in {work} were made with different models, histories or settings: run them anew."
        )
    parts = [part for path, content in zip(manifests, contents, strict=True) for part in _parts(content["parts"], path)]
    write_json(work, MANIFEST, _manifest(plan, parts, facts))
    # Shards of an earlier division into more or fewer may lie here, too, and would count twice.
    kept = {MANIFEST, *(part.name for part in parts)}
    for path in work.iterdir():
        if path.name not in kept:
            path.unlink()
    return True


def _write(path: Path, blocks: Iterable[pa.Table]) -> Part:
    rows = write_table(blocks, path)
    return Part(path.name, rows, _sha256(path))


def _intact(path: Path, part: Part) -> bool:
    return path.is_file() and _sha256(path) == part.sha256


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _as_read(plan: dict[str, Any]) -> Any:
    """The plan as it looks after a journey through JSON."""
    return json.loads(json.dumps(plan))
