"""Folders of later formats: refused with the version of recae that reads them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

_VERSION = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9}){1,3}([a-z]{1,4}[0-9]{1,9})?")


def newer_format(path: Path, found: Any, known: int, versions: Any, instead: str) -> str | None:
    """Why what lies at `path` cannot be read, and what to install or do `instead`; None where it is of no later format.

    `found` is the number of its format and `versions` the libraries that wrote it, both as they stand in the file; this
    version of recae reads formats up to `known`.
    """
    if not isinstance(found, int) or found <= known:
        return None
    writer = versions.get("recae") if isinstance(versions, Mapping) else None
    sane = isinstance(writer, str) and _VERSION.fullmatch(writer)
    wanted = f"install recae {writer}, which wrote it, or a newer one" if sane else "install a newer recae"
    return (
        f"{path} is of format {found}, and this version of recae reads formats up to {known}: {wanted}, or {instead}."
    )
