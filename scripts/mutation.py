"""Change metrics, splits and ranking in small ways, one at a time, and see that a test notices each change.

    pip install -e '.[mutation]'
    python scripts/mutation.py                        all groups, then docs/mutation.md is written
    python scripts/mutation.py --groups metrics       one group; the page keeps what it has of the others
    python scripts/mutation.py --groups metrics --unexplained    entries for scripts/mutating/reasons.toml

The library mutmut makes the mutants and runs the tests that call the mutated function. The same command goes on after
an interruption; mutants of a function that stays as it is are not run again, unless they survived without a reason and
the tests are others. Exit code 1 if a mutant survived without a reason. Linux and macOS only.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from mutating.copies import make_copy
from mutating.groups import GROUPS
from mutating.page import write_page
from mutating.survivors import as_toml, forget_survivors, read_reasons, read_results

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "mutation.md"
MEMORY = 16 << 30
"""Bytes of address space for each process: what torch maps, and some room for a mutant to go wrong in."""
ENVIRONMENT = {
    "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE",
    "PYTHONPATH": str(ROOT / "scripts"), "PYTHONHASHSEED": "0",
}  # fmt: skip


def main() -> int:
    """Run what was asked for; 1 if a survivor has no reason."""
    arguments = _arguments()
    names = arguments.groups.split(",") if arguments.groups else list(GROUPS)
    if strange := set(names) - set(GROUPS):
        raise SystemExit(f"There is no group {', '.join(sorted(strange))}; there are {', '.join(GROUPS)}.")
    work = Path(arguments.work).absolute()
    for name in [] if arguments.no_run else names:
        _run(name, work / name, arguments.children)
    reasons = read_reasons()
    results = {name: read_results(work / name, GROUPS[name].modules) for name in names}
    found = {mutant for modules in results.values() for module in modules for _, mutant in module.survivors}
    unexplained = [
        mutant
        for modules in results.values()
        for module in modules
        for _, mutant in module.survivors
        if mutant not in reasons
    ]
    if arguments.unexplained:
        print(as_toml(unexplained))
    else:
        write_page(PAGE, results, reasons)
    modules = {module for name in names for module in GROUPS[name].modules}
    for mutant in (mutant for mutant in reasons if mutant.module in modules and mutant not in found):
        print(f"No longer needed: {mutant}", file=sys.stderr)
    print(f"{len(unexplained)} of {len(found)} survivors have no reason.", file=sys.stderr)
    return 1 if unexplained else 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--groups", default="", help=f"of {', '.join(GROUPS)}, with commas between")
    parser.add_argument("--children", type=int, default=os.cpu_count() or 1, help="tests that run side by side")
    parser.add_argument("--work", default=Path(tempfile.gettempdir()) / "recae-mutation", help="where the copies are")
    parser.add_argument("--unexplained", action="store_true", help="print survivors without a reason, write no page")
    parser.add_argument("--no-run", action="store_true", help="look at the results that there are")
    return parser.parse_args()


def _run(name: str, work: Path, children: int) -> None:
    if make_copy(ROOT, work, GROUPS[name]):
        forget_survivors(work, GROUPS[name].modules, read_reasons())
    subprocess.run(
        [sys.executable, "-m", "mutating.fast_first", "run", "--max-children", str(children)],
        cwd=work,
        env={**os.environ, **ENVIRONMENT},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY)),
        check=True,
    )


if __name__ == "__main__":
    sys.exit(main())
