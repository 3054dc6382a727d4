"""One job killed, gone on with, perhaps killed again, and compared with the same job undisturbed."""

from __future__ import annotations

import random
import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from chaotic.children import Ended, call
from chaotic.compare import Content, content_of, differing, leftovers
from chaotic.jobs import Job

AGAIN = 0.3
"""The chance that what goes on after a kill is killed, too."""
SIGTERMS = 0.25
"""The share of the kills that ask first."""
LATE, LAST = 0.25, 0.15
"""So many of the moments lie in so large a part of the time at its end, when outputs take their places."""


@dataclass(frozen=True)
class Undisturbed:
    """A job as it ends when it is left alone."""

    job: Job
    new: Content
    old: Content
    seconds: float


@dataclass
class Case:
    """What became of one disturbed job."""

    job: str
    kills: list[str] = field(default_factory=list)
    """The signals that hit, in their order."""
    losses: list[str] = field(default_factory=list)
    """What is not as it should be, in sentences."""
    leftovers: list[str] = field(default_factory=list)
    seconds: float = 0.0


def undisturbed(job: Job, place: Path) -> Undisturbed:
    """Run the job twice, with its old options and, in a folder of its own, with its new ones; keep both outputs."""
    old = _alone(job, place, "old")
    new = _alone(job, place, "new")
    again = _alone(job, place, "new")
    if names := differing(new[0], again[0]):
        raise SystemExit(f"{job.name} undisturbed makes other files each time: {', '.join(names)}.")
    return Undisturbed(job, new[0], old[0], min(new[1], again[1]))


def _alone(job: Job, place: Path, which: str) -> tuple[Content, float]:
    folder, seconds = fresh(place), 0.0
    for arguments in job.calls(old=which == "old"):
        ended = call(arguments, folder)
        seconds += ended.seconds
        if ended.code:
            raise SystemExit(f"{job.name} fails undisturbed, exit code {ended.code}: {ended.text}")
    kept = place / "kept" / f"{job.name}-{which}"
    shutil.rmtree(kept, ignore_errors=True)
    shutil.copytree(folder, kept)
    content = content_of(folder / job.out)
    assert content
    return content, seconds


def fresh(place: Path, before: Path | None = None) -> Path:
    """The folder of the case, with what lies in `before`, or empty."""
    folder = place / "case"
    shutil.rmtree(folder, ignore_errors=True)
    if before is None:
        folder.mkdir()
    else:
        shutil.copytree(before, folder)
    return folder


def disturbed(known: Undisturbed, place: Path, draw: random.Random, most: int) -> Case:
    """Kill the job at a random moment, `most` times at most; then let it end, and look at everything."""
    job, case = known.job, Case(known.job.name)
    replaces = draw.random() < 0.5
    folder = fresh(place, place / "kept" / f"{job.name}-old" if replaces else None)
    left, kill = job.calls(force=replaces), True
    while left:
        moment = _moment(known, draw) if kill else None
        by = signal.SIGTERM if draw.random() < SIGTERMS else signal.SIGKILL
        hit = None
        for number, ended in enumerate(_in_turn(left, folder, moment, by)):
            case.seconds += ended.seconds
            if ended.code:
                hit, at = ended, number
        if hit is None:
            break
        left = left[at:]
        if not _is_hit(hit, by, moment):
            case.losses.append(f"exit code {hit.code}: {hit.text.strip()[-300:]}")
            break
        case.kills.append(signal.Signals(by).name)
        case.losses += _half_made(known, content_of(folder / job.out), replaces)
        kill = len(case.kills) < most and draw.random() < AGAIN
    if names := differing(content_of(folder / job.out), known.new):
        case.losses.append(f"other files than undisturbed: {', '.join(names[:5])}")
    case.leftovers = leftovers(folder, {job.out, *job.keeps})
    return case


def _moment(known: Undisturbed, draw: random.Random) -> float:
    share = draw.random()
    return known.seconds * (1.0 - LAST * share if draw.random() < LATE else share)


def _in_turn(calls: list[list[str]], folder: Path, moment: float | None, by: int) -> Iterator[Ended]:
    """Run the commands until one fails; `moment` counts from the start of the first."""
    for arguments in calls:
        ended = call(arguments, folder, moment, by)
        yield ended
        if ended.code:
            return
        if moment is not None:
            moment = max(0.0, moment - ended.seconds)


def _is_hit(ended: Ended, by: int, moment: float | None) -> bool:
    return moment is not None and ended.code in ((-signal.SIGKILL,) if by == signal.SIGKILL else (143, -by))


def _half_made(known: Undisturbed, found: Content | None, replaces: bool) -> list[str]:
    """A sentence if a reader would find anything but the old output or the new one."""
    if found is None and not replaces:
        return []
    if not differing(found, known.new) or (replaces and not differing(found, known.old)):
        return []
    return [f"after the kill neither the old output nor the new: {', '.join(differing(found, known.old)[:5])}"]
