"""Compare what `recae plan` foretells with what a fit takes: `python scripts/check_plan.py [DATA] [--models a,b]`.

Every model is fitted in a process of its own on the training data of a public set (`$RECAE_DATA`), with few epochs
where it trains in epochs, and its peak memory and seconds stand beside the estimate for the same settings. The table
goes to docs/planning.md.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from recae.models.capacity import amount
from recae.models.registry import model_class, model_names

ROOT = Path(__file__).resolve().parent.parent
DATA = Path(os.environ.get("RECAE_DATA", ROOT.parent / "shared" / "data"))
PAGE = ROOT / "docs" / "planning.md"
SETS = {"ml-1m": "MovieLens 1M", "gowalla": "Gowalla"}
SHORT = {"epochs": 2, "patience": 0, "starts": 1, "tuning_epochs": 1}
"""What makes a fit short without making its peak smaller than that of a long one; validation is measured apart."""
LIBRARIES = "scipy.sparse.linalg, implicit.cpu.als, implicit.cpu.bpr, recae.evaluation.evaluate"

CHILD = f"""
import ctypes, gc, json, sys, time
import pyarrow, torch, {LIBRARIES}
from pathlib import Path
from recae.jobs.rates import measured_rates
from recae.jobs.reading import Reading
from recae.data.validation import validation_cut
from recae.models.cost import Shape
from recae.models.registry import create
from recae.options import RunOptions

def now(field):
    return 1024 * int(Path("/proc/self/status").read_text().partition(field + ":")[2].split()[0])

asked = json.loads(sys.argv[1])
log = Reading().part(asked["data"])
model = create(asked["model"], **asked["settings"])
kind = "users" if model.info.inductive else "entries"
train, valid = validation_cut(log, kind=kind) if asked["validated"] else (log, None)
rates, cost = measured_rates("cpu"), model.cost(Shape.of(train))
torch.ones(2048, 2048) @ torch.ones(2048, 2048)
del log
gc.collect()
pyarrow.default_memory_pool().release_unused()
ctypes.CDLL(None).malloc_trim(0)  # what reading gave back should not count as there already
Path("/proc/self/clear_refs").write_text("5")
before, started = now("VmRSS"), time.perf_counter()
model.fit(train, valid, RunOptions(device="cpu", max_memory=1 << 50))
seconds = time.perf_counter() - started
size = sum(array.nbytes for array in model.weights().values())
least, most = rates.fit_range(cost)
found = {{"foretold": cost.fit_bytes, "peak": now("VmHWM") - before, "foretold size": cost.size_bytes, "size": size}}
print(json.dumps(found | {{"least": least, "most": most, "seconds": seconds, "sum": rates.seconds(cost.fit)}}))
"""


def measured(data: Path, model: str, settings: dict[str, Any]) -> dict[str, float] | str:
    """What one fit took, beside what was foretold; or why there is no figure."""
    fields = model_class(model).Config.model_fields
    settings = {key: value for key, value in SHORT.items() if key in fields} | settings
    asked = {"data": str(data), "model": model, "settings": settings, "validated": "patience" in fields}
    run = [sys.executable, "-c", CHILD, json.dumps(asked)]
    done = subprocess.run(run, capture_output=True, text=True, check=False)
    if done.returncode:
        return (done.stderr.strip().splitlines() or ["failed"])[-1]
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def line(model: str, settings: dict[str, Any], found: dict[str, float] | str) -> str:
    """One row of the table."""
    named = ", ".join([model, *(f"{key}={value}" for key, value in settings.items())])
    if isinstance(found, str):
        return f"| {named} | {found} | | | | |"
    share = found["foretold"] / max(found["peak"], 1)
    foretold = f"{found['least']:.1f} to {found['most']:.1f}"
    cells = [named, amount(int(found["foretold"])), amount(int(found["peak"])), f"{share:.2f}", foretold]
    return "| " + " | ".join([*cells, f"{found['seconds']:.1f}"]) + " |"


HEAD = """\
| model | memory foretold | peak | foretold / peak | seconds foretold | seconds |
|---|--:|--:|--:|--:|--:|
"""


def write(data: str, rows: list[str]) -> None:
    """Put the table into the page, in the place of the earlier one of the same data."""
    text = PAGE.read_text(encoding="utf-8")
    begin, end = f"<!-- {data} -->\n", f"<!-- end of {data} -->\n"
    table = begin + f"### {SETS[data]}\n\n" + HEAD + "\n".join(rows) + "\n" + end
    place = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    PAGE.write_text(place.sub(lambda _: table, text), encoding="utf-8")


def main() -> None:
    """Measure, print, and write where all models were asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="?", default="ml-1m", choices=SETS)
    parser.add_argument("--models", default="")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE")
    parser.add_argument("--write", action="store_true", help="put the table into docs/planning.md")
    given = parser.parse_args()
    settings = {key: json.loads(value) for key, _, value in (pair.partition("=") for pair in given.set)}
    rows = []
    print(HEAD, end="")
    for model in given.models.split(",") if given.models else model_names():
        rows.append(line(model, settings, measured(DATA / given.data / "train.parquet", model, settings)))
        print(rows[-1], flush=True)
        if given.write:
            write(given.data, rows)


if __name__ == "__main__":
    main()
