"""Run the tests on every Python that recae supports, with the oldest and the newest libraries it allows.

    scripts/compatibility                          all combinations, writes docs/compatibility.md
    scripts/compatibility --only "3.11 oldest"     one; the others stay in the page as they were
    scripts/compatibility --page-only              the page again from docs/compatibility.json

Each combination gets an environment of its own in .bench/compatibility/, removed after its tests unless --keep is
given: what pip takes by itself from pyproject.toml, or the lower bounds there. Interpreters are looked for as python3.X
on the PATH and in pyenv's folder. Exit code 1 if a test failed, 2 if a combination could not be set up.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import subprocess
import sys
import tomllib
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE, RECORDS, PLACE = ROOT / "docs/compatibility.md", ROOT / "docs/compatibility.json", ROOT / ".bench/compatibility"
COMBINATIONS = ("3.11 oldest", "3.11 newest", "3.12 newest", "3.13 newest")
STUBS = ("scipy-stubs", "pandas-stubs", "types-tqdm")
"""What the extra `dev` has for mypy alone; their versions must not decide those of the libraries."""
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}

Record = dict[str, Any]


class NotSetUpError(Exception):
    """A combination could not be set up; the message says why."""


def main() -> int:
    """Run what was asked for and write the page; see the module for the exit code."""
    arguments = _arguments()
    code = 0
    for name in [] if arguments.page_only else arguments.only or COMBINATIONS:
        try:
            record = _tried(name, arguments.keep, arguments.pytest)
            code = max(code, int(bool(record["failed"])))
        except NotSetUpError as error:
            record, code = {"not_set_up": str(error), **_when_and_where()}, 2
        print(f"{name}: {_outcome(record)}", file=sys.stderr, flush=True)
        if arguments.pytest:
            continue
        RECORDS.write_text(json.dumps(_records() | {name: record}, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    PAGE.write_text(page(_records()), encoding="utf-8")
    return code


def _records() -> dict[str, Record]:
    """What was found so far, by the name of the combination."""
    found: dict[str, Record] = json.loads(RECORDS.read_text(encoding="utf-8")) if RECORDS.exists() else {}
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__.split("\n\n")[0], formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--only", action="append", metavar="NAME", choices=COMBINATIONS, help="may be repeated")
    parser.add_argument("--keep", action="store_true", help="leave the environments for the next time")
    parser.add_argument("--page-only", action="store_true", help="run nothing")
    parser.add_argument("pytest", nargs="*", help="what pytest gets; such runs are not told in the page")
    return parser.parse_args()


def _tried(name: str, keep: bool, arguments: list[str]) -> Record:
    version, kind = name.split()
    home = PLACE / name.replace(" ", "-")
    try:
        python = _environment(home, version, oldest=kind == "oldest")
        return {**_tested(python, home, arguments), "libraries": _installed(python), **_when_and_where()}
    finally:
        if not keep:
            shutil.rmtree(home, ignore_errors=True)


def _environment(home: Path, version: str, oldest: bool) -> Path:
    """The interpreter of an environment with recae and what its tests import."""
    python, stamp = home / "bin" / "python", home / "complete"
    if stamp.exists():
        return python
    print(f"Setting up {home} ...", file=sys.stderr, flush=True)
    _run([_interpreter(version), "-m", "venv", "--clear", str(home)])
    constraints = home / "constraints.txt"
    constraints.write_text("\n".join(_lower_bounds()) if oldest else "", encoding="utf-8")
    pip = [str(python), "-m", "pip", "install", "-q", "-c", str(constraints)]
    _run([*pip, "-e", f"{ROOT}[report]", *_test_tools()])
    stamp.touch()
    return python


def _interpreter(version: str) -> str:
    if found := shutil.which(f"python{version}"):
        works = subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0
        if works:  # a shim of pyenv stands there for versions that are not switched on, too
            return found
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for folder in sorted(pyenv.glob(f"{version}.*")):
        if (folder / "bin/python").exists():
            return str(folder / "bin/python")
    raise NotSetUpError(f"there is no Python {version} here")


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = [line for line in done.stderr.splitlines() if line.strip() and not line.startswith("WARNING")]
        raise NotSetUpError(" ".join(said[-3:])[:400] or f"{command[0]} ended with {done.returncode}")


def _project() -> dict[str, Any]:
    project: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return project


def _lower_bounds() -> Iterator[str]:
    """`numpy>=2.0` as `numpy==2.0`, for what recae itself needs."""
    project = _project()
    for requirement in (*project["dependencies"], *project["optional-dependencies"]["report"]):
        yield requirement.replace(">=", "==")


def _test_tools() -> list[str]:
    dev = _project()["optional-dependencies"]["dev"]
    return [each for each in dev if _name(each) not in (*STUBS, "recae")]


def _name(requirement: str) -> str:
    return re.split(r"[\[<>=~! ]", requirement, maxsplit=1)[0]


def _tested(python: Path, home: Path, arguments: list[str]) -> Record:
    report = home / "report.xml"
    processes = os.environ.get("RECAE_TEST_PROCESSES", "auto")
    command = [str(python), "-m", "pytest", "-n", processes, f"--junit-xml={report}", "-p", "no:cacheprovider"]
    environment = {**os.environ, **ONE_THREAD, "PATH": f"{python.parent}{os.pathsep}{os.environ['PATH']}"}
    with (home / "output.txt").open("w") as output:
        subprocess.run([*command, *arguments], cwd=ROOT, env=environment, stdout=output, stderr=output, check=False)
    if not report.exists():
        raise NotSetUpError(
            f"pytest ended without a report: {' '.join((home / 'output.txt').read_text().split())[-300:]}"
        )
    return _read(report)


def _read(report: Path) -> Record:
    """How many tests passed, were skipped and failed, and the names of those that failed."""
    suite = next(ET.parse(report).getroot().iter("testsuite"))
    failed = [
        case for case in suite.iter("testcase") if any(case.find(tag) is not None for tag in ("failure", "error"))
    ]
    skipped, tests = int(suite.attrib["skipped"]), int(suite.attrib["tests"])
    return {
        "passed": tests - skipped - len(failed),
        "skipped": skipped,
        "failed": sorted(f"{case.attrib['classname']}.{case.attrib['name']}" for case in failed),
        "seconds": round(float(suite.attrib["time"])),
    }


def _installed(python: Path) -> dict[str, str]:
    """Name -> version of Python and what recae depends on, as it is in that environment."""
    wanted = [_name(each) for each in (*_project()["dependencies"], *_project()["optional-dependencies"]["report"])]
    ask = "import json, platform, sys; from importlib.metadata import version\n"
    ask += "print(json.dumps({'python': platform.python_version()} | {name: version(name) for name in sys.argv[1:]}))"
    told = subprocess.run([str(python), "-c", ask, *wanted], capture_output=True, text=True, check=True).stdout
    found: dict[str, str] = json.loads(told)
    return found


def _when_and_where() -> Record:
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors"
    return {"date": f"{datetime.now(UTC):%Y-%m-%d}", "machine": machine}


def _outcome(record: Record) -> str:
    if "not_set_up" in record:
        return f"not set up: {record['not_set_up']}"
    return f"{record['passed']} passed, {record['skipped']} skipped, {len(record['failed'])} failed"


_HEAD = """\
# Which versions it runs on

recae is written for Python 3.11, 3.12 and 3.13. `scripts/compatibility` sets up an environment for each of them and
runs all tests there, with the **newest** libraries that pip finds, and with the **oldest** that pyproject.toml allows.
What has no row in the table has not been run to its end; what failed is named below it. Tests of real data sets are
skipped where these are absent, those of CUDA where there is no GPU. Minutes are those of the tests, in one process for
each processor or as many as RECAE_TEST_PROCESSES says."""

_FOLDERS = """\
## Folders of other versions

Model folders, splits and prepared data say the number of their format. A folder of every format that was ever written
is kept in tests/kept/, and all later versions have to read it: a model has to list for the same users what it
listed then. A folder of a later format than a version knows is refused in one sentence with the version to install
(exit code 7 for models and comparisons, 5 for data). `scripts/keep_formats.py` keeps the folders when a number rises; a
test fails until that is done.

Fields may join a format without a new number: readers leave what they do not know alone.

An interrupted job goes on with the same versions of recae and its libraries only, because others would not end in
the same bytes.
"""


def page(records: dict[str, Record]) -> str:
    """The page from the records of all combinations."""
    told = {name: records[name] for name in COMBINATIONS if name in records}
    ran = {name: record for name, record in told.items() if "libraries" in record}
    parts = [_HEAD, _outcomes(told), "What was installed:", _versions(ran)]
    if failed := [f"- {name}: `{test}`" for name, record in ran.items() for test in record["failed"]]:
        parts += ["## What failed", "\n".join(failed)]
    return "\n\n".join([*parts, _FOLDERS])


def _outcomes(told: dict[str, Record]) -> str:
    lines = ["| | passed | skipped | failed | minutes | date | machine |", "|---|--:|--:|--:|--:|---|---|"]
    for name, record in told.items():
        counts = f"not set up: {record.get('not_set_up')} | | | "
        if "libraries" in record:
            failed, minutes = len(record["failed"]), record["seconds"] / 60
            counts = f"{record['passed']} | {record['skipped']} | {failed} | {minutes:.0f}"
        lines.append(f"| Python {name} | {counts} | {record['date']} | {record['machine']} |")
    return "\n".join(lines)


def _versions(ran: dict[str, Record]) -> str:
    lines = ["| | " + " | ".join(ran) + " |", "|---|" + "---|" * len(ran)]
    for library in sorted({library for record in ran.values() for library in record["libraries"]}):
        cells = (record["libraries"].get(library, "") for record in ran.values())
        lines.append(f"| {library} | {' | '.join(cells)} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
