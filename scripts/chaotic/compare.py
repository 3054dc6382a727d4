"""What lies in a folder, with what may differ between two runs taken out, and what should not lie there."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

ASIDE = frozenset({
    "created", "run_id", "seconds", "fit_seconds", "evaluate_seconds", "recommend_seconds",
    "date", "fit_peak_bytes", "written", "kept", "command", "took",
})  # fmt: skip
"""Keys of dates, run ids and measurements, which are of one run and documented as such."""
_TOLD = (".html", ".md", ".tex")
"""Forms of a report, which print some of them; they are made from report.json, which is compared."""
_TEMPORARY = re.compile(r"recae-tmp|\.lock$|\.partial(/|$)")

Content = dict[str, bytes]


def content_of(folder: Path) -> Content | None:
    """Relative name -> content of every file below `folder`; None where there is no folder."""
    if not folder.exists():
        return None
    return {
        path.relative_to(folder).as_posix(): _without_facts(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.suffix not in _TOLD
    }


def differing(content: Content | None, other: Content | None) -> list[str]:
    """The names of the files that are not the same in both."""
    first, second = content or {}, other or {}
    return sorted(name for name in first.keys() | second.keys() if first.get(name) != second.get(name))


def leftovers(folder: Path, wanted: set[str]) -> list[str]:
    """What lies in the folder of a case beside the output `wanted`, and temporary files and locks anywhere."""
    beside = {path.name for path in folder.iterdir()} - wanted
    below = {path.relative_to(folder).as_posix() for path in folder.rglob("*")}
    return sorted(beside | {name for name in below if _TEMPORARY.search(name)})


def _without_facts(path: Path) -> bytes:
    raw = path.read_bytes()
    if path.suffix != ".json":
        return raw
    return json.dumps(_stripped(json.loads(raw)), sort_keys=True).encode()


def _stripped(value: Any) -> Any:
    if isinstance(value, list):
        return [_stripped(each) for each in value]
    if not isinstance(value, dict):
        return value
    return {
        key: "" if _is_told(key, each) else _stripped(each)
        for key, each in value.items()
        if key not in ASIDE and not key.endswith("_seconds")
    }


def _is_told(name: str, facts: Any) -> bool:
    """Whether this is the size and checksum of a file that holds such facts itself."""
    return isinstance(facts, dict) and "sha256" in facts and name.endswith((*_TOLD, ".json"))
