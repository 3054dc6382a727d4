"""What a whole job publishes: a folder that others read, replaced only by a complete new one."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from recae.errors import DamagedFileError
from recae.jobs.up_to_date import MADE_FROM
from recae.store.atomic import replacing_folder
from recae.store.checksums import check_closed
from recae.store.manifest import read_json, write_manifest

MANIFEST = "_manifest.json"
MODEL = "model"


def publish(out: Path, files: Mapping[str, Path], facts: Mapping[str, Any]) -> None:
    """Put `files` (name in `out` -> file or folder) and a manifest with `facts` in the place of `out`, as a whole.

    Files on the same disk are shared instead of copied: nothing of recae's ever changes a file that is written.

    Raises:
        StorageError: `out` holds something that recae did not publish, or writing failed.
    """
    with replacing_folder(out, marker=MANIFEST) as beside:
        for name, source in files.items():
            if source.is_dir():
                shutil.copytree(source, beside / name, copy_function=_shared)
            else:
                _shared(str(source), str(beside / name))
        write_manifest(beside, MANIFEST, {"created": now(), **facts})


def published(out: Path) -> dict[str, Any] | None:
    """The manifest of what is published at `out`; None where there is nothing whole.

    Raises:
        StorageError: it cannot be read.
    """
    if not (out / MANIFEST).is_file():
        return None
    try:
        content = read_json(out / MANIFEST)
        check_closed(out, content)
    except DamagedFileError:
        return None
    return content


def same_origin(manifest: Mapping[str, Any] | None, origin: Mapping[str, Any]) -> bool:
    """Whether what is published was made from what `origin` says."""
    return manifest is not None and manifest.get(MADE_FROM) == origin


def age_days(manifest: Mapping[str, Any]) -> float:
    """Days since the published model was fitted; infinite where that is not known."""
    with suppress(ValueError, TypeError):
        made = datetime.fromisoformat(str(manifest["model"]["created"]))
        return (datetime.now(UTC) - made).total_seconds() / 86_400
    return float("inf")


def _shared(source: str, target: str) -> str:
    try:
        os.link(source, target)
    except OSError:  # another disk, or one without links
        shutil.copy2(source, target)
    return target


def now() -> str:
    """This moment, as manifests tell it."""
    return datetime.now(UTC).isoformat(timespec="seconds")
