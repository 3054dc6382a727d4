"""The steps of a whole job: which of them are done already, and what they were done from."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from recae.errors import RecaeError
from recae.progress import Progress
from recae.store.atomic import remove_leftovers
from recae.store.manifest import library_versions, plain_json, read_json, write_json

T = TypeVar("T")
BOOK = "steps.json"
Status = Literal["done", "up to date", "skipped"]


@dataclass(frozen=True)
class Beginning:
    """How a step finds its place."""

    force: bool
    """What lies there was made from something else, or half made: it may be replaced."""
    resume: bool
    """The same step was begun before and may be gone on with."""


@dataclass(frozen=True)
class StepTaken:
    """One step of a run."""

    name: str
    status: Status
    seconds: float


class Steps:
    """The steps of one job in its work folder, whose book tells by which key each was begun and done.

    A step whose key is the same as when it was done is asked again without `force`, so that the job behind it can see
    that its output is still what it was; one that was only begun goes on; any other is made anew.
    """

    def __init__(self, work: Path, total: int, progress: Progress, *, anew: bool = False) -> None:
        self.work, self.total, self.progress = work, total, progress
        self.taken: list[StepTaken] = []
        remove_leftovers(work / BOOK)
        self.book = {} if anew else _read(work / BOOK)

    def take(self, name: str, key: Mapping[str, Any], do: Callable[[Beginning], T]) -> T:
        """Do a step, or find it done; `key` is everything that decides its result."""
        digest, started = digest_of({**key, "versions": library_versions()}), time.perf_counter()
        entry = self.book.get(name, {})
        done, begun = entry.get("done") == digest, entry.get("begun") == digest
        self._write(name, {"begun": digest, "done": entry.get("done") if done else None})
        self.progress.say(f"Step {len(self.taken) + 1} of {self.total}, {name}{': as before' if done else ''}.")
        result = do(Beginning(force=not done, resume=begun))
        self._write(name, {"begun": digest, "done": digest})
        found = bool(getattr(result, "up_to_date", False))
        self.taken.append(StepTaken(name, "up to date" if found else "done", round(time.perf_counter() - started, 3)))
        return result

    def skip(self, *names: str) -> None:
        """Note steps that this run does without."""
        self.taken += [StepTaken(name, "skipped", 0.0) for name in names]

    def _write(self, name: str, entry: Mapping[str, Any]) -> None:
        self.book[name] = dict(entry)
        write_json(self.work, BOOK, self.book)


def digest_of(key: Mapping[str, Any]) -> str:
    """A short name for what decides something."""
    text = json.dumps(plain_json(key), sort_keys=True, ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _read(path: Path) -> dict[str, Any]:
    """The book; an empty one where there is none or it is damaged, for then everything is looked at again."""
    try:
        content = read_json(path) if path.is_file() else {}
    except RecaeError:
        return {}
    return {name: entry for name, entry in content.items() if isinstance(entry, dict)}
