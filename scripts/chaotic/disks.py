"""File systems that fill up or turn read-only under a job: exit code 5, one sentence, and the old output stays."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

from chaotic.children import Ended, call
from chaotic.compare import Content, content_of, differing, leftovers
from chaotic.kills import Case, Undisturbed, fresh

SIZE = 256 << 20
"""Bytes of the small file system; most of them are taken by ballast."""
LEAST = 0.001
"""The share of room with which no job gets along."""
_INSIDE = "RECAE_CHAOS_INSIDE"


def enter_namespace() -> bool:
    """Start the script again where it may mount, with mounts that nobody else sees; whether it may mount at last."""
    if os.environ.get(_INSIDE):
        return True
    inside = ["unshare", "--map-root-user", "--mount"]
    allowed = (
        shutil.which("unshare") and not subprocess.run([*inside, "true"], capture_output=True, check=False).returncode
    )
    if allowed:
        os.execvpe("unshare", [*inside, sys.executable, *sys.argv], {**os.environ, _INSIDE: "1"})
    return False


def full(known: Undisturbed, place: Path, draw: random.Random, mounts: bool) -> Case:
    """There is room for a random share of the new output, half the time beside an old one; less if that does."""
    case, share, replaces = Case(known.job.name), draw.random() * 0.95, draw.random() < 0.5
    while True:
        folder = _small(known, place, mounts, replaces)
        ballast = folder / "ballast"
        limit = _fill(ballast, known, place, share) if mounts else _largest(known, place, share)
        ended = _tried(case, known, folder, limit)
        if ended.code or share < LEAST:
            break
        if names := differing(content_of(folder / known.job.out), known.new):
            case.losses.append(f"with little room other files than undisturbed: {', '.join(names[:5])}")
        share /= 4
    _refused(case, known, folder, ended, known.old if replaces else None)
    ballast.unlink(missing_ok=True)
    _goes_on(case, known, folder)
    return case


def _fill(ballast: Path, known: Undisturbed, place: Path, share: float) -> None:
    """Leave so much room."""
    room = int(share * _taken(place / "kept" / f"{known.job.name}-new" / known.job.out))
    status = os.statvfs(ballast.parent)
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, status.f_bavail * status.f_frsize - room))


def _largest(known: Undisturbed, place: Path, share: float) -> int:
    files = (place / "kept" / f"{known.job.name}-new" / known.job.out).rglob("*")
    return int(share * max(path.stat().st_size for path in files if path.is_file()))


def read_only(known: Undisturbed, place: Path, mounts: bool) -> Case:
    """Nothing can be written any more where the old output lies."""
    case, folder = Case(known.job.name), _small(known, place, mounts, replaces=True)
    if mounts:
        _mount("-o", "remount,ro", str(folder))
    else:
        folder.chmod(0o555)
    _refused(case, known, folder, _tried(case, known, folder, None), known.old)
    if mounts:
        _mount("-o", "remount,rw", str(folder))
    else:
        folder.chmod(0o755)
    _goes_on(case, known, folder)
    return case


def _small(known: Undisturbed, place: Path, mounts: bool, replaces: bool) -> Path:
    """The folder of the case on a file system of its own, with the job's old output in it or nothing."""
    unmount(place)
    folder = fresh(place)
    if mounts:
        _mount("-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", str(folder))
    if replaces:
        shutil.copytree(place / "kept" / f"{known.job.name}-old", folder, dirs_exist_ok=True)
    return folder


def unmount(place: Path) -> None:
    """Take the small file system away."""
    subprocess.run(["umount", "-q", str(place / "case")], capture_output=True, check=False)


def _mount(*arguments: str) -> None:
    subprocess.run(["mount", *arguments], check=True)


def _taken(folder: Path) -> int:
    """Bytes of the pages that the files below `folder` fill."""
    page = 4096
    return sum(-(-path.stat().st_size // page) * page for path in folder.rglob("*") if path.is_file())


def _tried(case: Case, known: Undisturbed, folder: Path, limit: int | None) -> Ended:
    """How the job's first command that fails ended, or its last."""
    for arguments in known.job.calls(force=True):
        ended = call([*arguments, "-q"], folder, limit=limit)
        case.seconds += ended.seconds
        if ended.code:
            break
    return ended


def _refused(case: Case, known: Undisturbed, folder: Path, ended: Ended, before: Content | None) -> None:
    said = ended.text.strip()
    if ended.code != 5:
        case.losses.append(f"exit code {ended.code} instead of 5: {said[-300:]}")
    if said.count("\n") or not said.startswith("recae: "):
        case.losses.append(f"not one sentence: {said[-300:]}")
    found = content_of(folder / known.job.out)
    if (found is None) != (before is None) or differing(found, before):
        case.losses.append(f"what stood there before was touched: {', '.join(differing(found, before)[:5])}")
    case.kills.append(said.replace(str(folder), "case"))


def _goes_on(case: Case, known: Undisturbed, folder: Path) -> None:
    for arguments in known.job.calls(force=True):
        ended = call(arguments, folder)
        case.seconds += ended.seconds
        if ended.code:
            case.losses.append(f"with room again exit code {ended.code}: {ended.text.strip()[-300:]}")
            return
    if names := differing(content_of(folder / known.job.out), known.new):
        case.losses.append(f"with room again other files than undisturbed: {', '.join(names[:5])}")
    case.leftovers = leftovers(folder, {known.job.out, *known.job.keeps})
