"""The files of a folder of parts, and of the work folder beside it in which they lie until all are there."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from recae.errors import DamagedFileError, OutputLockedError, StorageError, reason
from recae.store.atomic import put_in_place
from recae.store.checksums import SUCCESS, check_files, file_sha256
from recae.store.lock import locked
from recae.store.manifest import read_json

MANIFEST = "_manifest.json"
CLOSING_SECONDS = 60.0
"""How long a shard waits for another one that is closing the folder."""
OURS = re.compile(
    r"_?(?P<shard>shard-(?P<number>\d{5})-of-(?P<count>\d{5})-)?(part-\d{5,}\.parquet|(journal|manifest|done)\.jsonl?)"
    r"|_SUCCESS|\..+\.recae-tmp"
)
"""Every name that recae gives to a file in a work folder."""


@dataclass(frozen=True)
class Part:
    """One finished file."""

    name: str
    rows: int
    sha256: str

    def is_intact(self, folder: Path) -> bool:
        """Whether it lies in the folder as it was written."""
        path = folder / self.name
        return bool(OURS.fullmatch(self.name)) and path.is_file() and file_sha256(path) == self.sha256


def prefix_of(shard: tuple[int, int] | None) -> str:
    """What the names of a shard's files begin with."""
    return "" if shard is None else f"shard-{shard[0]:05d}-of-{shard[1]:05d}-"


def done_name(prefix: str) -> str:
    """The file that says that a shard is done; without shards it is the folder's manifest already."""
    return f"_{prefix}done.json" if prefix else MANIFEST


def manifest_of(
    work: Path, plan: dict[str, Any], parts: list[Part], facts: Mapping[str, Any] | None
) -> dict[str, Any]:  # fmt: skip
    """What is said of finished parts: by which plan, how many rows, sizes and checksums."""
    return {
        **(facts or {}),
        "plan": plan,
        "rows": sum(part.rows for part in parts),
        "parts": [asdict(part) for part in parts],
        "files": {part.name: {"bytes": (work / part.name).stat().st_size, "sha256": part.sha256} for part in parts},
    }


def parts_of(entries: Any, path: Path) -> list[Part]:
    """The parts that `path` tells of.

    Raises:
        DamagedFileError: it does not.
    """
    try:
        return [Part(**entry) for entry in entries]
    except TypeError as error:
        raise DamagedFileError(f"{path} is damaged: run without --resume.") from error


def refuse_strangers(work: Path) -> None:
    """Check that everything in the work folder is recae's: nothing else is ever deleted or moved.

    Raises:
        StorageError: something is not, or the folder cannot be read.
    """
    try:
        found = sorted(path.name for path in work.iterdir()) if work.exists() else []
    except OSError as error:
        raise StorageError(f"{work} could not be read: {reason(error)}.") from error
    for name in found:
        if not OURS.fullmatch(name):
            raise StorageError(f"{work / name} was not written by recae: move it, or choose another --out.")


def is_joined(work: Path) -> bool:
    """Whether a manifest says that all parts are there, and they are."""
    if not (work / MANIFEST).is_file():
        return False
    try:
        files = read_json(work / MANIFEST).get("files")
        check_files(work, files if isinstance(files, dict) else {})
    except DamagedFileError:
        return False
    return isinstance(files, dict)


def close_folder(work: Path, out: Path) -> None:
    """Let a work folder with its manifest and all parts become `out`.

    Raises:
        StorageError: `out` holds something that recae did not write, or it could not be done.
    """
    kept = {MANIFEST, *read_json(work / MANIFEST)["files"]}
    try:
        # Journals, what killed runs left, and shards of another division, which would count twice.
        for path in [path for path in work.iterdir() if path.name not in kept and OURS.fullmatch(path.name)]:
            path.unlink()
        (work / SUCCESS).touch()
    except OSError as error:
        raise StorageError(f"{work} could not be written: {reason(error)}.") from error
    put_in_place(work, out, marker=MANIFEST)


@contextmanager
def turn(work: Path) -> Iterator[None]:
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


def as_read(plan: dict[str, Any]) -> Any:
    """The plan as it looks after a journey through JSON."""
    return json.loads(json.dumps(plan))
