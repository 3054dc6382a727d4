"""Shards of lists that were made on different machines, joined to one folder."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from recae.errors import ConfigError
from recae.jobs.outputs import refuse_strange, work_folder
from recae.jobs.part_files import MANIFEST
from recae.jobs.recommended import Recommended, recommended_of
from recae.jobs.shards import merge_shards
from recae.jobs.up_to_date import MADE_FROM, folder_is_current
from recae.progress import SILENT, Progress
from recae.store.lock import locked
from recae.store.manifest import read_json


def merge(out: str | Path, *, force: bool = False, progress: Progress = SILENT) -> Recommended:
    """Make the folder `out` of the shards in `.NAME.partial/` beside it, to which those of all machines were copied.

    Every part is checked against the checksum that its shard noted. Where the shards are joined already, there is
    nothing to do.

    Raises:
        ConfigError: `out` has a suffix, shards are missing, or they were made from different inputs or settings.
        StorageError: a part is damaged, or `out` holds what recae did not write, or other lists and there is no
            `force`.
        OutputLockedError: another run is writing `out`.
    """
    out, started = Path(out), time.perf_counter()
    if out.suffix:
        raise ConfigError(f"--merge makes a folder of parts: --out {out.with_suffix('')} instead of {out}.")
    with locked(out):
        refuse_strange(out, MANIFEST)
        if not work_folder(out).exists() and (out / MANIFEST).is_file():
            told = read_json(out / MANIFEST)
            # Nothing is said of damage here: with shards the folder is made anew, and without there is an error.
            if folder_is_current(out, MANIFEST, told.get(MADE_FROM) or {}):
                return recommended_of(out, told, time.perf_counter() - started, up_to_date=True)

        def check(manifest: dict[str, Any]) -> None:
            folder_is_current(out, MANIFEST, manifest.get(MADE_FROM) or {}, force=force, progress=progress)

        manifest = merge_shards(out, check)
    return recommended_of(out, manifest, time.perf_counter() - started, up_to_date=False)
