"""Kill jobs at random moments, fill their disks, and see that nothing is lost. Linux only.

    python scripts/chaos.py --kills 200 --seed 1                    writes docs/chaos.md
    python scripts/chaos.py --kills 20 --jobs train,recommend --page /tmp/chaos.md
    python scripts/chaos.py --kills 200 --seed 1 --seconds 240      a part; the same command goes on

Exit code 1 if something was lost or left over.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "chaos.md"
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive",
    "RECAE_MAX_MEMORY": "1G", "NO_COLOR": "1",
}  # fmt: skip
"""One thread each, so that a fork copies all of a process and weights are the same each time; and a bound on memory
that does not change with what else the machine is at."""
DISKS_EACH = 4
"""Random shares of room for each job."""


def main() -> int:
    """Do what was asked for; 1 if something was lost or left over."""
    arguments = _arguments()
    if any(os.environ.get(name) != value for name, value in ENVIRONMENT.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **ENVIRONMENT})
    from chaotic.disks import enter_namespace, unmount

    mounts = arguments.disks and enter_namespace()
    from chaotic.children import import_all
    from chaotic.jobs import JOBS
    from chaotic.kills import Case
    from chaotic.page import write_page

    wanted = arguments.jobs.split(",") if arguments.jobs else [job.name for job in JOBS]
    if strange := set(wanted) - {job.name for job in JOBS}:
        raise SystemExit(f"There is no job {', '.join(sorted(strange))}; there are {', '.join(j.name for j in JOBS)}.")
    place = Path(arguments.work or _default_work()).absolute()
    results = place / f"results-{arguments.seed}-{arguments.jobs or 'all'}.jsonl"
    import_all()
    done = _read(results)
    try:
        for kind, entry in _cases(arguments, wanted, place, mounts, done):
            done.append((kind, entry))
            with results.open("a") as file:
                file.write(json.dumps({"kind": kind, **asdict(entry)}) + "\n")
            _say(done, arguments.kills)
    finally:
        unmount(place)
    told: dict[str, list[Case]] = {"kills": [], "full": [], "read-only": []}
    for kind, case in done:
        told[kind].append(case)
    if sum(len(case.kills) for case in told["kills"]) < arguments.kills:
        print("There are kills left to do: the same command goes on.", file=sys.stderr)
    else:
        command = f"python scripts/chaos.py --kills {arguments.kills} --seed {arguments.seed}"
        command += f" --jobs {arguments.jobs}" if arguments.jobs else ""
        write_page(arguments.page, told, command, sum(case.seconds for _, case in done), mounts)
    return int(any(case.losses or case.leftovers for _, case in done))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", default="", help="only these, with commas between")
    parser.add_argument("--no-disks", dest="disks", action="store_false", help="kills only")
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    parser.add_argument("--work", help="an own folder for inputs, cases and results")
    parser.add_argument("--page", type=Path, default=PAGE)
    return parser.parse_args()


def _default_work() -> str:
    """In memory, where syncing costs nothing: a killed process, unlike a lost machine, leaves what it wrote."""
    shared = "/dev/shm"
    return f"{shared if os.access(shared, os.W_OK) else tempfile.gettempdir()}/recae-chaos"


def _cases(arguments: argparse.Namespace, wanted: list[str], place: Path, mounts: bool, done: list) -> Iterator[tuple]:
    """Each case that is still to do, as it is done."""
    from chaotic.disks import full, read_only
    from chaotic.jobs import JOBS, make_inputs
    from chaotic.kills import Undisturbed, disturbed, undisturbed

    end = time.monotonic() + arguments.seconds
    make_inputs(place)
    known: dict[str, Undisturbed] = {}
    for job in JOBS:
        if job.name in wanted:
            known[job.name] = undisturbed(job, place)
            print(f"{job.name}: {known[job.name].seconds:.2f} seconds undisturbed", file=sys.stderr)
    if arguments.disks:
        for name in wanted:
            before = [kind for kind, case in done if case.job == name]
            for number in range(before.count("full"), DISKS_EACH):
                yield "full", full(known[name], place, random.Random(f"{arguments.seed}/full/{name}/{number}"), mounts)
            if "read-only" not in before:
                yield "read-only", read_only(known[name], place, mounts)
        from chaotic.disks import unmount

        unmount(place)
    number = sum(kind == "kills" for kind, _ in done)
    hit = sum(len(case.kills) for kind, case in done if kind == "kills")
    while hit < arguments.kills and time.monotonic() < end:
        draw, name = random.Random(f"{arguments.seed}/{number}"), wanted[number % len(wanted)]
        case = disturbed(known[name], place, draw, arguments.kills - hit)
        number, hit = number + 1, hit + len(case.kills)
        yield "kills", case


def _read(results: Path) -> list:
    from chaotic.kills import Case

    lines = results.read_text().splitlines() if results.exists() else []
    entries = [json.loads(line) for line in lines]
    return [(entry.pop("kind"), Case(**entry)) for entry in entries]


def _say(done: list, wanted: int) -> None:
    kind, case = done[-1]
    kills = sum(len(each.kills) for what, each in done if what == "kills")
    lost = sum(len(each.losses) for _, each in done)
    left = sum(len(each.leftovers) for _, each in done)
    print(f"{kills}/{wanted} kills, {lost} losses, {left} leftovers; {kind} {case.job}", file=sys.stderr)
    for sentence in (*case.losses, *(f"left over: {name}" for name in case.leftovers)):
        print(f"  {sentence}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
