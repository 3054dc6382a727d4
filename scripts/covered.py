"""Run all tests, see which lines of recae they run, and write docs/testing.md: see scripts/coverage.

Processes that tests start are counted too. Exit code 1 if a test failed or fewer lines are covered than LEAST.
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
PAGE, WORK = ROOT / "docs" / "testing.md", ROOT / ".bench" / "coverage"
LEAST = 92.0
"""Percent of the lines."""
FEW = 85.0
"""Percent; modules with less are named."""

_HEAD = """\
# How it is tested

`./scripts/test` runs everything that has to hold before a change is taken: formatting, linting, layers, types, and all
tests with the examples in docstrings. It takes some minutes on two cores.

- **Every model** goes through the same tests by being registered: promises (`tests/models/test_conformance.py`),
  repeatability (`test_repeatable.py`), odd data, prepared data, memory, resumption.
- **Known answers**: closed forms against dense algebra, gradients against the plain formula, metrics and lists
  against other libraries (`tests/evaluation`).
- **Jobs** are run as processes where it matters: killed, resumed, started twice, with full disks.
- **Folders of earlier versions** are [kept and read](compatibility.md#folders-of-other-versions).
- Beyond the suite: `scripts/chaos.py` kills jobs, `scripts/fuzz.py` damages inputs, `scripts/compatibility` runs all
  on other versions.
"""


def main() -> int:
    """Run the tests and write the page."""
    WORK.mkdir(parents=True, exist_ok=True)
    for old in WORK.glob("data*"):
        old.unlink()
    processes = os.environ.get("RECAE_TEST_PROCESSES", "auto")
    tests = _coverage("run", "-m", "pytest", "-n", processes, "-p", "no:cacheprovider", *sys.argv[1:])
    _coverage("combine", "-q")
    _coverage("json", "-q", "-o", str(WORK / "report.json"))
    report: dict[str, Any] = json.loads((WORK / "report.json").read_text(encoding="utf-8"))
    percent = report["totals"]["percent_covered"]
    print(f"{percent:.1f} % of {report['totals']['num_statements']:,} lines")
    if not sys.argv[1:]:
        PAGE.write_text(page(report), encoding="utf-8")
    return int(tests != 0 or percent < LEAST)


def _coverage(*arguments: str) -> int:
    return subprocess.run([sys.executable, "-m", "coverage", *arguments], cwd=ROOT, check=False).returncode


def page(report: dict[str, Any]) -> str:
    """The page from coverage's own report."""
    totals = report["totals"]
    machine = (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}"
    )
    found = f"""\
## Lines that tests run

**{totals["percent_covered"]:.1f} %** of {totals["num_statements"]:,} lines of `recae/`, those that run in processes of
their own included; at least {LEAST:.0f} % is asked for. Measured by `scripts/coverage` on {datetime.now(UTC):%Y-%m-%d}
({machine}), without a GPU."""
    return "\n".join([_HEAD, found, "", _by_package(report["files"]), "", _weakest(report["files"])]) + "\n"


def _by_package(files: dict[str, Any]) -> str:
    lines: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for name, file in files.items():
        parts = Path(name).parts
        package = parts[1] if len(parts) > 2 else "other"
        lines[package][0] += file["summary"]["covered_lines"]
        lines[package][1] += file["summary"]["num_statements"]
    rows = [f"| `{name}` | {of:,} | {100 * hit / of:.1f} |" for name, (hit, of) in sorted(lines.items()) if of]
    return "\n".join(["| package | lines | covered, % |", "|---|--:|--:|", *rows])


def _weakest(files: dict[str, Any]) -> str:
    few = {name: file["summary"] for name, file in files.items() if file["summary"]["percent_covered"] < FEW}
    if not few:
        return f"No module has less than {FEW:.0f} %."
    told = [f"`{name}` ({few[name]['percent_covered']:.0f} % of {few[name]['num_statements']})" for name in sorted(few)]
    return f"Modules with less than {FEW:.0f} %: {', '.join(told)}."


if __name__ == "__main__":
    sys.exit(main())
