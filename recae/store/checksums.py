"""Which files a folder should hold, their sizes and their SHA-256: what its manifest says, and whether that is so."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from recae.errors import DamagedFileError, StorageError, reason
from recae.store.regular import real_path, refuse_special

SUCCESS = "_SUCCESS"
"""An empty file that a complete folder holds, as other programs for large data know it."""
QUICK_BYTES = 256 << 20
"""Files up to this size are read for their checksum whenever the folder is opened: a fifth of a second at most."""


def file_sha256(path: Path) -> str:
    """The SHA-256 of a file's content, in hexadecimal digits.

    Raises:
        OSError: it could not be read.
        StorageError: it is a pipe or a device.
    """
    refuse_special(path)
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def listing(folder: Path, besides: Collection[str] = ()) -> dict[str, dict[str, Any]]:
    """Relative name -> {"bytes", "sha256"} of every file in `folder` and below, in the order of their names; without
    what lies under one of the names `besides`.

    Raises:
        OSError: one could not be read.
    """
    files = [path for path in folder.rglob("*") if path.is_file() and path.relative_to(folder).parts[0] not in besides]
    return {path.relative_to(folder).as_posix(): of_file(path) for path in sorted(files)}


def of_file(path: Path) -> dict[str, Any]:
    """The size and checksum of one file, as a `listing` has them.

    Raises:
        OSError: it could not be read.
    """
    return {"bytes": path.stat().st_size, "sha256": file_sha256(path)}


def check_closed(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Check that `folder` is as it was when `write_manifest` closed it: `_SUCCESS`, and every file that is listed.

    Raises:
        DamagedFileError: one is missing, or is not what it was.
        StorageError: one could not be read.
    """
    files = manifest.get("files")
    check_files(folder, files if isinstance(files, dict) else {})
    if not (folder / SUCCESS).is_file():
        raise DamagedFileError(f"{SUCCESS} is missing.")


def check_files(folder: Path, files: Mapping[str, Mapping[str, Any]], largest: int | None = None) -> None:
    """Check that `folder` holds the `files` of a `listing`, by their sizes and checksums.

    Args:
        folder: where they should be.
        files: what they should be; names that lead out of the folder are refused.
        largest: the checksums of larger files are believed, in bytes; None checks all.

    Raises:
        DamagedFileError: one is missing, or is not what it was.
        StorageError: one could not be read.
    """
    for name, facts in files.items():
        path = folder / name
        if not real_path(path).is_relative_to(real_path(folder)):
            raise DamagedFileError(f"{name!r} is listed as one of its files and lies outside.")
        try:
            size = path.stat().st_size
            same = size == facts["bytes"]
            if same and (largest is None or size <= largest):
                same = file_sha256(path) == facts["sha256"]
        except FileNotFoundError:
            raise DamagedFileError(f"{name} is missing.") from None
        except OSError as error:
            raise StorageError(f"{path} could not be read: {reason(error)}.") from error
        except (KeyError, TypeError) as error:
            raise DamagedFileError(f"what is said of {name} is not a size and a checksum.") from error
        if not same:
            raise DamagedFileError(f"{name} was changed after it was written.")
