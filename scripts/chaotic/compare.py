"""What lies in a folder, with what may differ between two runs taken out, and what should not lie there."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path
from typing import Any

from recae.errors import RecaeError
from recae.store.measured import lasting

DRAWN = (".html", ".md", ".tex")
"""Forms of a report, which show what is measured: each has to be what report.json beside it draws, to the byte."""
_TEMPORARY = re.compile(r"recae-(tmp|old)|\.lock$|\.partial(/|$)")

Content = dict[str, bytes]


def content_of(folder: Path) -> Content | None:
    """Relative name -> content of every file below `folder`; None where there is no folder."""
    if not folder.exists():
        return None
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {path.relative_to(folder).as_posix(): _lasting(path) for path in files}


def differing(content: Content | None, other: Content | None) -> list[str]:
    """The names of the files that are not the same in both."""
    first, second = content or {}, other or {}
    return sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))


def leftovers(folder: Path, wanted: set[str]) -> list[str]:
    """What lies in the folder of a case beside the output `wanted`, and temporary files and locks anywhere."""
    beside = {path.name for path in folder.iterdir()} - wanted
    below = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    return sorted(beside | {name for name in below if _TEMPORARY.search(name)})


def _lasting(path: Path) -> bytes:
    raw = path.read_bytes()
    if path.suffix in DRAWN:
        return b"drawn from report.json" if raw == _drawn_again(path) else raw
    if path.suffix != ".json":
        return raw
    try:
        content = json.loads(raw)
    except ValueError:
        return raw
    return json.dumps(_without_checksums(lasting(content)), sort_keys=True).encode()


def _drawn_again(path: Path) -> bytes | None:
    from recae.jobs.report import report

    with tempfile.TemporaryDirectory() as place:
        again = Path(place) / path.name
        try:
            report([path.parent], out=[again])
        except RecaeError:
            return None
        return again.read_bytes()


def _without_checksums(value: Any) -> Any:
    """Manifests list the size and checksum of every file: those of files that hold what is measured differ with it."""
    if isinstance(value, list):
        return [_without_checksums(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {key: "" if _is_listed(key, each) else _without_checksums(each) for key, each in value.items()}


def _is_listed(name: str, facts: Any) -> bool:
    return isinstance(facts, dict) and "sha256" in facts and name.endswith((*DRAWN, ".json"))
