"""Whether an output has been made already, from the same inputs by the same settings; whether it may be replaced.

A job that writes to `out` works out `made_from` before anything else and keeps it in the output's manifest under
`MADE_FROM`. Before it begins, under the lock on `out`, it asks `folder_is_current` (or `file_is_current`):

    now = made_from("compare", {"source": source, "valid": valid}, {"models": names, "seed": options.seed}, out)
    if folder_is_current(folder, MARKER, now, force=force, progress=options.progress):
        ...say "up to date", and give the result as it lies there

which is False where there is work to do, and raises where the output was made from something else and `force` is not
given. A folder is closed by `recae.store.manifest.write_manifest`, which lists its files and their checksums, so that
this can tell whether they are still what they were.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from recae.data.prepared_part import MARKER as PREPARED
from recae.data.prepared_part import is_prepared
from recae.errors import DamagedFileError, StorageError, reason
from recae.jobs.facts import plain
from recae.jobs.outputs import sidecar
from recae.jobs.reading import Source
from recae.models.folder import MANIFEST as MODEL
from recae.progress import SILENT, Progress
from recae.store.checksums import check_closed, check_files, file_sha256
from recae.store.manifest import library_versions, plain_json, read_json
from recae.store.regular import real_path

MADE_FROM = "made_from"
_INPUTS = "inputs"


def made_from(
    job: str,
    inputs: Mapping[str, Source | Sequence[Source] | None],
    settings: Mapping[str, Any],
    out: Source | None = None,
) -> dict[str, Any]:
    """What decides an output, as it comes back from JSON: the inputs by their content, the settings, recae's version.

    `settings` are those that change what is written: names of files, memory and threads are none. What lies in `out`
    is no part of an input, should one of them be a folder around it.

    Raises:
        StorageError: an input is missing or cannot be read.
    """
    found: dict[str, Any] = {}
    for name, given in inputs.items():
        if isinstance(given, (str, Path)):
            found[name] = fingerprint(given, out)
        else:
            found[name] = None if given is None else [fingerprint(one, out) for one in given]
    kept = plain_json({name: plain(value) for name, value in settings.items()})
    return {"job": job, _INPUTS: found, "settings": kept, "recae": library_versions().get("recae")}


def fingerprint(source: Source, out: Source | None = None) -> str:
    """The SHA-256 of a file, or of the names and checksums of all files in a folder and below, hidden ones left out.

    The arrays of prepared data count by their sizes, because prepared.json has a fingerprint of what is in them, and
    a model by what it is and the checksums that its manifest lists: when and how long it was trained does not matter.

    Raises:
        StorageError: it is missing or cannot be read.
    """
    path, aside = Path(source), None if out is None else real_path(out)
    try:
        if not path.is_dir():
            return file_sha256(path)
        if (model := _model_in(path)) is not None:
            return hashlib.sha256(json.dumps(model, sort_keys=True).encode()).hexdigest()
        digest = hashlib.sha256()
        for file in sorted(path.rglob("*")):
            name = file.relative_to(path)
            if any(part.startswith(".") for part in name.parts) or not file.is_file():
                continue
            if aside is not None and real_path(file).is_relative_to(aside):
                continue
            known = file.name != PREPARED and is_prepared(file.parent)
            digest.update(f"{name.as_posix()}\0{file.stat().st_size if known else file_sha256(file)}\n".encode())
        return digest.hexdigest()
    except OSError as error:
        raise StorageError(f"{error.filename or path} could not be read: {reason(error)}.") from error


def _model_in(folder: Path) -> dict[str, Any] | None:
    """What decides all that a model folder answers; None for other folders, and those without checksums."""
    if not (folder / MODEL).is_file():
        return None
    try:
        told = read_json(folder / MODEL)
    except DamagedFileError:
        return None
    return {name: told.get(name) for name in ("model", "config", "columns", "files")} if told.get("files") else None


def folder_is_current(
    out: Path, manifest: str, now: Mapping[str, Any], *, force: bool = False, progress: Progress = SILENT
) -> bool:
    """Whether the folder `out` was made from what `now` says and still is as it was written.

    Where it was changed since, that is said, and it is to be made anew. `force` makes everything anew.

    Raises:
        StorageError: it was made from something else, and there is no `force`.
    """
    if force or not (out / manifest).is_file():
        return False
    try:
        content = read_json(out / manifest)
        _refuse_other(out, content.get(MADE_FROM), now)
        check_closed(out, content)
    except DamagedFileError as error:
        progress.say(f"{out} is made anew, because it is damaged: {error}")
        return False
    return True


def file_is_current(out: Path, now: Mapping[str, Any], *, force: bool = False, progress: Progress = SILENT) -> bool:
    """The same for a file, of which its sidecar tells (`recae.jobs.outputs.beside_sidecar`).

    Raises:
        StorageError: it was made from something else, and there is no `force`.
    """
    if force or not out.exists() or out.stat().st_size == 0:
        return False
    try:
        content = read_json(sidecar(out)) if sidecar(out).exists() else {}
        _refuse_other(out, content.get(MADE_FROM), now)
        check_files(out.parent, {out.name: content.get("file", {})})
    except DamagedFileError as error:
        progress.say(f"{out} is made anew: {error}")
        return False
    return True


def _refuse_other(out: Path, then: Any, now: Mapping[str, Any]) -> None:
    if then == now:
        return
    raise StorageError(f"{out} {_difference(then, now)}: give --force to replace it, or choose another --out.")


def _difference(then: Any, now: Mapping[str, Any]) -> str:
    """What another output was made from, as the end of a sentence."""
    if not isinstance(then, dict) or not all(isinstance(then.get(part), dict) for part in (_INPUTS, "settings")):
        return "exists, and does not say what it was made from"
    if then.get("recae") != now.get("recae"):
        return f"was written by recae {then.get('recae')}, and this is {now.get('recae')}"
    other = [name for part in (_INPUTS, "settings") for name in _differing(then[part], now.get(part, {}))]
    return f"was made from other data or settings ({', '.join(other) or 'another job'})"


def _differing(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """The names under which two mappings differ; of a mapping within them the names there."""
    found: list[str] = []
    for name in sorted({*then, *now}):
        old, new = then.get(name), now.get(name)
        if old != new:
            found += _differing(old, new) if isinstance(old, dict) and isinstance(new, dict) else [name]
    return found
