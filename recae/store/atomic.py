"""Output that appears whole or not at all: written beside its place, synced, then renamed."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from recae.errors import StorageError


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
        raise StorageError(f"{path} could not be written: {error.strerror or error}.") from error
    finally:
        with suppress(OSError):
            beside.unlink()


@contextmanager
def replacing_folder(path: str | Path, *, marker: str) -> Iterator[Path]:
    """Yield a temporary folder beside `path`; on success it takes the place of `path`.

    A folder that already stands there is replaced only if it is empty or holds the file `marker`, by which
    recae knows its own output again: nothing that recae did not write is ever deleted.

    Raises:
        StorageError: `path` holds something that recae did not write, or writing failed.
    """
    path = Path(path)
    _refuse_strange(path, marker)
    beside = _beside(path)
    try:
        beside.mkdir(parents=True)
        yield beside
        put_in_place(beside, path, marker=marker)
    except OSError as error:
        raise StorageError(f"{path} could not be written: {error.strerror or error}.") from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)


def put_in_place(folder: Path, path: str | Path, *, marker: str) -> None:
    """Let a finished `folder` take the place of `path` on the same disk, by the rules of `replacing_folder`.

    Raises:
        StorageError: `path` holds something that recae did not write, or writing failed.
    """
    path = Path(path)
    _refuse_strange(path, marker)
    try:
        for file in folder.rglob("*"):
            _sync(file)
        _swap(folder, path)
        _sync(path.absolute().parent)
    except OSError as error:
        raise StorageError(f"{path} could not be written: {error.strerror or error}.") from error


def replaceable(path: Path, marker: str) -> bool:
    """Whether `path` is a folder that recae may replace: an empty one, or one with the file `marker`."""
    return path.is_dir() and ((path / marker).is_file() or not any(path.iterdir()))


def _refuse_strange(path: Path, marker: str) -> None:
    if path.exists() and not replaceable(path, marker):
        raise StorageError(f"{path} exists and was not written by recae: choose another --out or remove it.")


def _beside(path: Path) -> Path:
    return path.absolute().parent / f".{path.name}.{secrets.token_hex(4)}.tmp"


def _swap(new: Path, path: Path) -> None:
    # A folder that is not empty cannot be renamed over, so the old one steps aside first and goes last.
    old = _beside(path)
    if path.exists():
        os.rename(path, old)
    try:
        os.rename(new, path)
    except OSError:
        if old.exists():
            os.rename(old, path)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
