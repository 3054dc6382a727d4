"""Small JSON files that say what lies beside them."""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Collection, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from recae.errors import DamagedFileError, StorageError, reason
from recae.store.atomic import replacing_file
from recae.store.checksums import SUCCESS, listing
from recae.store.regular import refuse_special

_LIBRARIES = ("recae", "torch", "numpy", "scipy", "pandas", "pyarrow", "implicit", "safetensors")


def write_json(folder: str | Path, name: str, content: Mapping[str, Any]) -> Path:
    """Write `content` as `folder/name`, whole or not at all. Returns the path.

    NumPy scalars and arrays become plain values, paths become text; NaN and infinity, which JSON does not
    have, become null.

    Raises:
        StorageError: the file could not be written.
    """
    path = Path(folder) / name
    text = json.dumps(plain_json(content), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    with replacing_file(path) as beside:
        beside.write_text(text, encoding="utf-8")
    return path


def write_manifest(folder: str | Path, name: str, content: Mapping[str, Any], *, besides: Collection[str] = ()) -> None:
    """Close a folder whose files are all there: write `content` as `folder/name`, with a list of the files and their
    checksums under "files", and an empty `_SUCCESS`. What lies under one of the names `besides` is going to be removed.

    Raises:
        StorageError: it could not be written.
    """
    folder = Path(folder)
    try:
        files = listing(folder, besides)
    except OSError as error:
        raise StorageError(f"{error.filename or folder} could not be read: {reason(error)}.") from error
    write_json(folder, name, {**content, "files": files})
    with replacing_file(folder / SUCCESS) as beside:
        beside.touch()


def read_json(path: str | Path) -> dict[str, Any]:
    """The JSON object in the file at `path`.

    Raises:
        StorageError: the file could not be read.
        DamagedFileError: it does not hold a JSON object.
    """
    refuse_special(Path(path))
    try:
        content = json.loads(Path(path).read_bytes())
    except OSError as error:
        raise StorageError(f"{path} could not be read: {reason(error)}.") from error
    except (ValueError, RecursionError) as error:  # also of numbers with thousands of digits
        raise DamagedFileError(f"{path} is not valid JSON: {error}.") from error
    if not isinstance(content, dict):
        raise DamagedFileError(f"{path} should hold a JSON object, not a {type(content).__name__}.")
    return content


def library_versions() -> dict[str, str]:
    """Name -> version of Python and of each library on which a result depends, as far as it is installed."""
    versions = {"python": platform.python_version()}
    for name in _LIBRARIES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def plain_json(value: Any) -> Any:
    """`value` as it comes back from JSON: see `write_json`."""
    # NumPy is recognised by what it offers, so that this module loads nothing heavy.
    if isinstance(value, Mapping):
        return {str(key): plain_json(part) for key, part in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain_json(part) for part in value]
    if hasattr(value, "tolist"):
        return plain_json(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if value is None or isinstance(value, (str, int, float, bool)):
        return value
    return str(value)
