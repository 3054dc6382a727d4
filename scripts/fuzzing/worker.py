"""The process that calls recae: many cases one after the other, each looked at from inside."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import sys
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path

from fuzzing.cases import Place, kind_of, prepare
from recae.cli.main import main

LARGEST_GROWTH = 1 << 30
"""Bytes of address space beyond those at the start."""
LONGEST_ANSWER = 64 << 10
CODES = (0, 2, 3, 4, 5, 6, 7, 75)
"""What docs and contract know; 1 is an internal error."""
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Outcome:
    """What became of one case."""

    number: int
    kind: str
    code: int | None
    seconds: float
    memory: int
    """Resident bytes at the most."""
    complaint: str = ""
    """Why the case failed; empty if it did not."""
    command: str = ""
    told: str = ""
    """The end of what was written to stdout and stderr, of failed cases."""


@dataclass(frozen=True)
class Clock:
    """The time of a process at one moment."""

    now: float
    worked: float
    """Seconds of processors that its threads had."""
    waited: float
    """Seconds in which its threads waited for one, because others had them all."""

    @classmethod
    def of(cls, process: int | str = "self") -> Clock:
        """Of a process by its number; nothing where it has ended."""
        times, tasks = [], Path(f"/proc/{process}/task")
        for thread in os.listdir(tasks) if tasks.exists() else ():
            with suppress(OSError):  # it ended after it was listed
                times.append((tasks / thread / "schedstat").read_text().split())
        worked, waited = (sum(int(one[at]) for one in times) / 1e9 for at in (0, 1))
        return cls(time.perf_counter(), worked, waited)

    def seconds_since(self, before: Clock) -> float:
        """What a process took: its work, or the time in which it waited for a pipe, a lock or a disk, if longer."""
        waited = self.waited - before.waited
        return max(self.worked - before.worked, self.now - before.now - max(waited, 0.0))


def work(connection: Connection, seed: int, place: Place) -> None:
    """Take numbers of cases from `connection` and send their outcomes, until it closes."""
    size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + LARGEST_GROWTH, resource.RLIM_INFINITY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    stdout, stderr = (os.memfd_create(name) for name in ("stdout", "stderr"))
    own_errors = os.fdopen(os.dup(2), "w")
    os.dup2(stdout, 1)
    os.dup2(stderr, 2)
    while True:
        try:
            number = connection.recv()
        except EOFError:
            return
        try:
            connection.send(one_case(seed, number, place, (stdout, stderr)))
        except BaseException:
            traceback.print_exc(file=own_errors)
            raise


def one_case(seed: int, number: int, place: Place, streams: tuple[int, int] | None = None) -> Outcome:
    """Make and run one case in its own folder, which is left only if the case failed."""
    folder = place.folder / f"case-{number}"
    shutil.rmtree(folder, ignore_errors=True)
    arguments = prepare(seed, number, replace(place, folder=folder))
    before = _snapshot(folder)
    for stream in streams or ():
        os.ftruncate(stream, 0)
        os.lseek(stream, 0, os.SEEK_SET)
    Path("/proc/self/clear_refs").write_text("5")
    os.chdir(folder)
    started = Clock.of()
    code = _call(arguments)
    seconds = Clock.of().seconds_since(started)
    os.chdir(place.folder)
    texts = tuple(_text(stream) for stream in streams or ())
    outcome = Outcome(number, kind_of(number), code, seconds, _peak(), command=" ".join(arguments))
    complaint = _complaint(outcome, texts, _changed(before, _snapshot(folder)))
    if complaint:
        return replace(outcome, complaint=complaint, told=" | ".join(text[-1500:] for text in texts))
    shutil.rmtree(folder)
    return outcome


def _call(arguments: list[str]) -> int | None:
    try:
        code = main(arguments)
    except BaseException:  # noqa: BLE001 - whatever gets out of the boundary is a finding
        traceback.print_exc()
        code = None
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return code


def _complaint(outcome: Outcome, texts: tuple[str, ...], changed: list[str]) -> str:
    both = "".join(texts)
    if "Traceback (most recent call last)" in both or "Internal error" in both:
        found = re.search(r"Internal error, (\w+)", both)
        return f"internal error {found.group(1) if found else ''}".strip()
    if outcome.code not in CODES:
        return f"exit code {outcome.code}"
    if "Not enough memory" in both:
        return "memory ran out"
    if changed:
        return f"outside of the output folder: {', '.join(changed[:3])}"
    if len(both) > LONGEST_ANSWER and outcome.code:
        return f"an answer of {len(both):,} characters"
    if _CONTROL.search(both):
        return "control characters in the answer"
    if texts and "--json" in outcome.command and not _ends_with_object(texts[0]):
        return "no JSON object at the end"
    if texts and outcome.code and "Try 'recae" not in both and not texts[1].strip():
        return "no sentence"
    return ""


def _ends_with_object(stdout: str) -> bool:
    try:
        return isinstance(json.loads((stdout.splitlines() or [""])[-1]), dict)
    except ValueError:
        return False


def _text(stream: int) -> str:
    return os.pread(stream, 8 << 20, 0).decode("utf-8", "replace")


def _peak() -> int:
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


def _snapshot(folder: Path) -> dict[str, tuple[int, ...]]:
    """Every file, folder and link outside of `out`, as it is."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if not name.startswith("out/") and name != "out":
            facts = path.lstat()
            times = 0 if path.is_dir() and not path.is_symlink() else facts.st_mtime_ns
            found[name] = (facts.st_mode, facts.st_size * bool(times), times)
    return found


def _changed(before: dict[str, tuple[int, ...]], after: dict[str, tuple[int, ...]]) -> list[str]:
    return sorted(name for name in before.keys() | after.keys() if before.get(name) != after.get(name))
