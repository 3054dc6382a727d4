"""Output that appears whole or not at all: written beside its place, synced, then renamed."""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from recae.errors import StorageError, reason
from recae.store.checksums import SUCCESS
from recae.store.exchange import exchange
from recae.store.regular import real_path

_SIGNED = b"recae"
"""In every marker that recae writes, if only among the versions: other programs have files of such names, too."""
UNFINISHED = ".recae-tmp"
"""How the names of files end that are being written."""
_TEMPORARY = re.compile(r"^\.{1,2}.+\.[0-9a-f]{8}\.recae-tmp$")
_DROPPINGS = {".DS_Store", "Thumbs.db", "desktop.ini"}
"""What file managers leave in folders that they show."""


@contextmanager
def replacing_file(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder; on success it takes the place of `path`.

    Missing parent folders are made. If the body raises, the temporary file is removed and whatever stood
    at `path` before stays as it was.

    Raises:
        StorageError: the file could not be written.
    """
    path = Path(path)
    beside = _beside(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield beside
        _sync(beside)
        os.replace(beside, path)
        _sync(path.parent)
    except OSError as error:
        raise StorageError(f"{path} could not be written: {reason(error)}.") from error
    finally:
        with suppress(OSError):
            beside.unlink()


@contextmanager
def temporary_folder(path: Path) -> Iterator[Path]:
    """Yield a new folder beside `path` that is gone afterwards, by `remove_leftovers` also where the process is killed.

    Raises:
        OSError: it could not be made.
    """
    folder = _beside(path)
    try:
        folder.mkdir()
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def replacing_folder(path: str | Path, *, marker: str) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; on success it takes the place of `path`.

    A folder that already stands there is replaced only if it is empty or recae's own (see `refusal`): nothing that
    recae did not write is ever deleted.

    Raises:
        StorageError: `path` holds something that recae did not write, or writing failed.
    """
    path = _led_to(path)
    _refuse_strange(path, marker)
    beside = _beside(path)
    try:
        beside.mkdir(parents=True)
        yield beside
        put_in_place(beside, path, marker=marker)
    except OSError as error:
        raise StorageError(f"{path} could not be written: {reason(error)}.") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def put_in_place(folder: Path, path: str | Path, *, marker: str) -> None:
    """Let a finished `folder` take the place of `path` on the same disk, by the rules of `replacing_folder`.

    Raises:
        StorageError: `path` holds something that recae did not write, or writing failed.
    """
    path = _led_to(path)
    _refuse_strange(path, marker)
    try:
        for file in (*folder.rglob("*"), folder):
            _sync(file)
        _swap(folder, path)
        _sync(path.absolute().parent)
    except OSError as error:
        raise StorageError(f"{path} could not be written: {reason(error)}.") from error


def refusal(path: Path, marker: str) -> str | None:
    """Why the folder `path` may not be replaced, as a sentence; None where it may.

    recae's own folders hold the file `marker`, which names recae and by which it knows them again. Where that lists
    the folder's files under "files", there must be no others: somebody's notes beside a model go away with no model.

    Raises:
        OSError: the folder could not be listed.
    """
    if not path.exists() and not path.is_symlink():
        return None
    if path.is_dir() and not any(path.iterdir()):
        return None
    if not path.is_dir() or not (path / marker).is_file() or _SIGNED not in (path / marker).read_bytes():
        return f"{path} exists and was not written by recae: choose another --out or remove it."
    known = _listed(path / marker)
    if known is None:
        return None
    known |= {marker, SUCCESS}
    for file in sorted(path.rglob("*")):
        if (file.is_symlink() or not file.is_dir()) and file.name not in _DROPPINGS:
            name = file.relative_to(path).as_posix()
            if name not in known:
                return f"{path / name} was not written by recae and would be deleted: move it, or choose another --out."
    return None


def remove_leftovers(path: Path) -> None:
    """Remove what killed runs left beside `path` when they were writing it; only where nobody is writing it now.

    A folder that had stepped aside for a new one comes back, if the new one did not take its place.
    """
    name, once = re.escape(path.name), r"\.[0-9a-f]{8}\.recae"
    left = re.compile(rf"\.{{1,2}}{name}(\.manifest\.json)?({once}-tmp)+|\.{name}{once}-old")
    with suppress(OSError):
        for found in sorted(path.absolute().parent.iterdir()):
            if not left.fullmatch(found.name):
                continue
            if found.name.endswith("-old") and not path.exists():
                os.rename(found, path)
            elif found.is_dir() and not found.is_symlink():
                shutil.rmtree(found, ignore_errors=True)
            else:
                found.unlink()


def remove_leftovers_in(folder: Path) -> None:
    """Remove what killed runs left half written anywhere in a folder of recae's own that nobody is writing now."""
    for found in sorted(folder.rglob("*.recae-tmp")):
        if _TEMPORARY.search(found.name):
            if found.is_dir() and not found.is_symlink():
                shutil.rmtree(found, ignore_errors=True)
            else:
                found.unlink(missing_ok=True)


def discard_folder(path: Path) -> None:
    """Remove a folder of recae's own in one step, whatever comes between: half of it is never found under its name."""
    with suppress(FileNotFoundError):
        away = _beside(path)
        os.rename(path, away)
        shutil.rmtree(away, ignore_errors=True)


def _refuse_strange(path: Path, marker: str) -> None:
    try:
        sentence = refusal(path, marker)
    except OSError as error:
        raise StorageError(f"{path} could not be read: {reason(error)}.") from error
    if sentence is not None:
        raise StorageError(sentence)


def _listed(marker: Path) -> set[str] | None:
    """The names of the files that a marker lists; None where it lists none."""
    try:
        content = json.loads(marker.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    files = content.get("files") if isinstance(content, dict) else None
    return set(files) if isinstance(files, dict) else None


def _led_to(path: str | Path) -> Path:
    """Where a link leads to, which is what is replaced: the link stays."""
    return real_path(path) if Path(path).is_symlink() else Path(path)


def _beside(path: Path, what: str = "tmp") -> Path:
    return path.absolute().parent / f".{path.name}.{secrets.token_hex(4)}.recae-{what}"


def _swap(new: Path, path: Path) -> None:
    if not path.exists():
        os.rename(new, path)
        return
    if exchange(new, path):
        shutil.rmtree(new, ignore_errors=True)  # now the old one
        return
    # A folder that is not empty cannot be renamed over, so the old one steps aside first and goes last.
    old = _beside(path, "old")
    try:
        os.rename(path, old)
        os.rename(new, path)
    except BaseException:  # also of a signal
        if old.exists() and not path.exists():
            os.rename(old, path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
