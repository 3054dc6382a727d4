"""What an interrupted job goes on from: one JSON file and one safetensors file, replaced together or not at all.

checkpoint.json      what was told, the name and checksum of the tensors' file, and a checksum of all that
checkpoint-0.safetensors or checkpoint-1.safetensors
                     the arrays; the next ones are written under the other name before checkpoint.json names them
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from recae.errors import DamagedFileError, StorageError, reason
from recae.store.atomic import remove_leftovers
from recae.store.checksums import file_sha256
from recae.store.manifest import plain_json, read_json, write_json
from recae.store.tensors import read_tensors, write_tensors

FORMAT = 1
_FACTS, _TENSORS = "checkpoint.json", ("checkpoint-0.safetensors", "checkpoint-1.safetensors")


def write_checkpoint(folder: Path, told: Mapping[str, Any], tensors: Mapping[str, np.ndarray]) -> None:
    """Replace the checkpoint in `folder`, which is made where it is missing.

    `told` is what JSON can say; NaN and infinity become null.

    Raises:
        StorageError: it could not be written; the checkpoint before it is still there.
    """
    for name in (_FACTS, *_TENSORS):
        remove_leftovers(folder / name)
    before = _named(folder)
    name = _TENSORS[1] if before == _TENSORS[0] else _TENSORS[0]
    write_tensors(folder / name, tensors)
    try:
        digest = file_sha256(folder / name)
    except OSError as error:
        raise StorageError(f"{folder / name} could not be read: {reason(error)}.") from error
    facts = plain_json({"format": FORMAT, "tensors": name, "tensors_sha256": digest, "told": told})
    write_json(folder, _FACTS, facts | {"sha256": _digest(facts)})
    if before is not None:
        with suppress(OSError):
            (folder / before).unlink()


def read_checkpoint(folder: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]] | None:
    """What `write_checkpoint` was given last, the arrays mapped into memory; None where there is no checkpoint.

    Raises:
        StorageError: it could not be read.
        DamagedFileError: it is not what was written, or of another format version.
    """
    if stamp(folder) is None:
        return None
    try:
        facts = read_json(folder / _FACTS)
        if facts.pop("sha256", None) != _digest(facts):
            raise DamagedFileError(f"{_FACTS} was changed after it was written.")
        if facts.get("format") != FORMAT:
            raise DamagedFileError(f"{_FACTS} is of format {facts.get('format')!r}; this version reads {FORMAT}.")
        path = folder / str(facts["tensors"])
        if path.name not in _TENSORS or not path.is_file():
            raise DamagedFileError(f"{path.name} is missing.")
        if file_sha256(path) != facts["tensors_sha256"]:
            raise DamagedFileError(f"{path.name} was changed after it was written.")
        return facts["told"], read_tensors(path)
    except DamagedFileError as error:
        raise DamagedFileError(f"The checkpoint in {folder} is damaged: {error}") from error
    except OSError as error:
        raise StorageError(f"{folder} could not be read: {reason(error)}.") from error


def stamp(folder: Path) -> int | None:
    """What changes with each checkpoint that is written to `folder`; None where there is none, sound or not."""
    try:
        return (folder / _FACTS).stat().st_mtime_ns
    except OSError:
        return None


def discard_checkpoint(folder: Path) -> None:
    """Remove the checkpoint in `folder`, and the folder where nothing else is in it."""
    for name in (_FACTS, *_TENSORS):
        remove_leftovers(folder / name)
        with suppress(OSError):
            (folder / name).unlink()
    with suppress(OSError):
        folder.rmdir()


def _named(folder: Path) -> str | None:
    """The file of tensors that a readable checkpoint.json names."""
    try:
        name = read_json(folder / _FACTS).get("tensors")
    except StorageError:
        return None
    return name if name in _TENSORS else None


def _digest(facts: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
