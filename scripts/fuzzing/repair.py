"""Checksums that fit what was changed, so that a damage is met by the checks behind them."""

from __future__ import annotations

import json
import random
from pathlib import Path

from recae.store.checksums import of_file


def repaired(rng: random.Random, folder: Path, manifest: str) -> None:
    """Write, mostly, the sizes and checksums of the files as they are now into `folder/manifest`, if it can be read."""
    path = folder / manifest
    if rng.random() < 0.25 or path.is_symlink() or not path.is_file():
        return
    try:
        told = json.loads(path.read_bytes())
        listed = told["files"]
        for name in listed:
            if (folder / name).is_file() and not (folder / name).is_symlink():
                listed[name] = of_file(folder / name)
    except (ValueError, KeyError, TypeError, AttributeError, OSError, RecursionError):
        return
    path.write_text(json.dumps(told))
