"""docs/chaos.md: what was disturbed, how often, and what was lost."""

from __future__ import annotations

import os
import platform
import re
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from chaotic.kills import Case
from recae.store.measured import MEASURED, OF_ONE_RUN

_TEMPORARY = re.compile(r"(?<=/)\.(?=[^/]*\.[0-9a-f]{8}\.recae-tmp)|\.[0-9a-f]{8}\.recae-tmp")
"""What makes the name of a temporary file of that of the file."""
Told = dict[str, list[Case]]
"""Cases by what was done: "kills", "full" or "read-only"."""

_HOW = f"""\
A job is started, killed at a random moment of the time that it takes undisturbed, and started again with `--resume`
where the command has it; about one in three of those runs is killed as well. Three quarters of the moments are drawn
from the whole time, the others from its end, when outputs take their places. A quarter of the kills are SIGTERM, the
others SIGKILL. Half of the jobs replace an older output of other settings. Checkpoints are written after hundredths of
a second and parts hold a dozen users, so that there is much to interrupt.

A **loss** is: a run after a kill that does not complete; a file that is not byte for byte that of an undisturbed run;
or, right after a kill, anything at `--out` but the whole old output or the whole new one. A **leftover** is whatever
lies beside the output when the job is done: temporary files, checkpoints, locks.

What is measured or of one run is taken out of JSON files before these are compared, and the checksums of the files that
hold it: {", ".join(f"`{key}`" for key in sorted(MEASURED | OF_ONE_RUN))}. Reports in HTML, Markdown and LaTeX, which
print some of that, have to be byte for byte what the report.json beside them draws."""


def write_page(path: Path, told: Told, command: str, seconds: float, mounts: bool) -> None:
    """Write the page anew."""
    machine = f"{platform.machine()} with {os.cpu_count()} processors, Python {platform.python_version()}"
    kills, cases = sum(len(case.kills) for case in told["kills"]), [case for each in told.values() for case in each]
    lost = sum(len(case.losses) for case in cases)
    text = [
        "# Killed, filled up, read-only",
        f"`{command}` wrote this page on {datetime.now(UTC):%Y-%m-%d} in {seconds:,.0f} seconds ({machine}).",
        _HOW,
        f"**{kills} kills, {lost} losses, {sum(len(case.leftovers) for case in cases)} leftovers.**",
        _kills(told["kills"]),
        "## Disks",
        _disks(mounts),
        _sentences(told),
        *([f"## Lost\n\n{_lost(cases)}"] if lost else []),
    ]
    path.write_text("\n\n".join(part for part in text if part) + "\n", encoding="utf-8")


def _kills(cases: Sequence[Case]) -> str:
    lines = ["| job | runs | SIGKILL | SIGTERM | losses | leftovers |", "|---|--:|--:|--:|--:|--:|"]
    for job in dict.fromkeys(case.job for case in cases):
        of = [case for case in cases if case.job == job]
        signals = Counter(name for case in of for name in case.kills)
        lost, left = sum(len(case.losses) for case in of), sum(len(case.leftovers) for case in of)
        lines.append(f"| {job} | {len(of)} | {signals['SIGKILL']} | {signals['SIGTERM']} | {lost} | {left} |")
    return "\n".join(lines)


def _disks(mounts: bool) -> str:
    if mounts:
        return (
            "The output lies on a small file system in memory (tmpfs) that has room for a random share of what the\n"
            "job writes, or that is mounted read-only. The job has to end with exit code 5 and one sentence; the old\n"
            "output has to stay as it is, and where there is none, none may appear. With room again the job has to\n"
            "complete, with the files of an undisturbed run and nothing left over."
        )
    return (
        "No file system may be mounted here: instead of filling one up, the size of the files that the job may\n"
        "write is limited to a random share of the largest, and instead of a read-only one the folder is closed\n"
        "with chmod."
    )


def _sentences(told: Told) -> str:
    lines = ["| job | disk | runs | losses | leftovers | what it says |", "|---|---|--:|--:|--:|---|"]
    for kind in ("full", "read-only"):
        for job in dict.fromkeys(case.job for case in told[kind]):
            of = [case for case in told[kind] if case.job == job]
            lost, left = sum(len(case.losses) for case in of), sum(len(case.leftovers) for case in of)
            said = sorted({_TEMPORARY.sub("", sentence).replace("|", "/") for case in of for sentence in case.kills})
            lines.append(f"| {job} | {kind} | {len(of)} | {lost} | {left} | {'<br>'.join(said)} |")
    return "\n".join(lines)


def _lost(cases: Sequence[Case]) -> str:
    return "\n".join(f"- {case.job}, {len(case.kills)} kills: {sentence}" for case in cases for sentence in case.losses)
