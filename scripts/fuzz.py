"""Damage sound inputs by the thousand and see that recae refuses each with one sentence.

    python scripts/fuzz.py --cases 20000 --seed 1               writes docs/fuzz.md when all are done
    python scripts/fuzz.py --cases 20000 --seed 1 --seconds 240 a part; the same command goes on
    python scripts/fuzz.py --cases 500 --kinds model,job
    python scripts/fuzz.py --replay 1/4711                      one case again, its input kept

Failed inputs stay in the folder of the work, each with the number for --replay. Linux only: a worker's memory is
limited by the operating system.
"""

from __future__ import annotations

import argparse
import importlib
import json
import multiprocessing
import os
import pkgutil
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

PAGE = Path(__file__).resolve().parent.parent / "docs" / "fuzz.md"
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "OMP_WAIT_POLICY": "passive", "MALLOC_ARENA_MAX": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system", "ARROW_IO_THREADS": "1", "NO_COLOR": "1",
}  # fmt: skip
"""What keeps the address space of a process near to what it uses; read by libraries when they are loaded."""


def main() -> int:
    """Run the cases, or one of them again; 1 if one failed."""
    arguments = _arguments()
    if any(os.environ.get(name) != value for name, value in ENVIRONMENT.items()):
        os.execve(sys.executable, [sys.executable, *sys.argv], {**os.environ, **ENVIRONMENT})
    _import_all()
    from fuzzing.cases import Place

    work = Path(arguments.work or _default_work())
    work.mkdir(parents=True, exist_ok=True)
    _make_inputs(work)
    place = Place(work / "originals", work / "giants", work / "cases")
    place.folder.mkdir(exist_ok=True)
    if arguments.replay:
        return _replay(arguments.replay, place)
    return _run_all(arguments, place)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kinds", default="", help="only these, with commas between")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--seconds", type=float, default=float("inf"), help="stop after so long")
    parser.add_argument("--work", help="a folder for inputs and results")
    parser.add_argument("--page", type=Path, default=PAGE)
    parser.add_argument("--replay", help="SEED/NUMBER of a case")
    return parser.parse_args()


def _default_work() -> str:
    shared = "/dev/shm"
    return f"{shared if os.access(shared, os.W_OK) else tempfile.gettempdir()}/recae-fuzz"


def _import_all() -> None:
    """So that the workers, which are copies of this process, need not."""
    import recae

    for module in pkgutil.walk_packages(recae.__path__, "recae."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in ("torch", "implicit", "jinja2", "pandas", "scipy.sparse.linalg"):
            importlib.import_module(name)


def _make_inputs(work: Path) -> None:
    """In a process of its own: what computes in this one could not be copied with its threads."""
    from fuzzing.giants import make_giants
    from fuzzing.originals import make_originals

    if (work / "made").exists():
        return

    def make() -> None:
        make_originals(work / "originals")
        make_giants(work / "giants")
        (work / "made").touch()

    process = multiprocessing.get_context("fork").Process(target=make)
    process.start()
    process.join()
    if process.exitcode:
        raise SystemExit(f"The sound inputs could not be made in {work}; remove it and try again.")


def _replay(name: str, place: object) -> int:
    from fuzzing.cases import Place
    from fuzzing.pool import outcomes

    assert isinstance(place, Place)
    seed, number = map(int, name.split("/"))
    [outcome] = outcomes(seed, [number], place, 1)
    print(f"recae {outcome.command}  (in {place.folder / f'case-{number}'})")
    print(
        f"exit code {outcome.code}, {outcome.seconds:.1f} s\n{outcome.told}\n{outcome.complaint or 'as it should be'}"
    )
    return bool(outcome.complaint)


def _run_all(arguments: argparse.Namespace, place: object) -> int:
    from fuzzing.cases import KINDS, Place, kind_of
    from fuzzing.page import write_page
    from fuzzing.pool import outcomes
    from fuzzing.worker import Outcome

    assert isinstance(place, Place)
    kinds = [kind for kind in arguments.kinds.split(",") if kind] or list(KINDS)
    if strange := set(kinds) - set(KINDS):
        raise SystemExit(f"There is no kind {', '.join(sorted(strange))}; there are {', '.join(KINDS)}.")
    results = place.folder.parent / f"results-{arguments.seed}.jsonl"
    told = [json.loads(line) for line in results.read_text().splitlines()] if results.exists() else []
    done = {entry["number"]: Outcome(**entry) for entry in told}
    again = {number for number, outcome in done.items() if outcome.complaint}
    wanted = [number for number in range(arguments.cases) if kind_of(number) in kinds]
    left = [number for number in wanted if number not in done or number in again]

    def until() -> Iterator[int]:
        end = time.monotonic() + arguments.seconds
        for number in left:
            if time.monotonic() > end:
                return
            yield number

    with results.open("a") as file:
        for outcome in outcomes(arguments.seed, until(), place, arguments.workers):
            done[outcome.number] = outcome
            file.write(json.dumps(asdict(outcome)) + "\n")
            if outcome.complaint:
                which = f"{arguments.seed}/{outcome.number} {outcome.kind}"
                print(f"{which}: {outcome.complaint}: recae {outcome.command}", flush=True)
    ran = [done[number] for number in wanted if number in done]
    failed = [outcome for outcome in ran if outcome.complaint]
    print(f"{len(ran):,} of {len(wanted):,} cases, {len(failed)} failed; inputs of those are in {place.folder}")
    if len(ran) == len(wanted) and len(kinds) == len(KINDS):
        write_page(arguments.page, ran, arguments.seed)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
