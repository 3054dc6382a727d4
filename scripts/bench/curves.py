"""How time and memory grow with users, items and interactions: each doubled in turn while the other two stay.

    python scripts/bench/curves.py                      # about six minutes on two cores
    python scripts/bench/curves.py --axis items         # one of the three; the others keep what was measured before
    python scripts/bench/curves.py --shrink 10 --out x.json            # on small logs, to try it

Every log is read in a process of its own, and every job on it runs in a process forked from that one, so that its
memory is its own: the highest resident memory less what was resident at the start. Jobs shorter than a second run three
times and the shortest counts. The result goes into docs/benchmarks.json (key "curves").
"""

from __future__ import annotations

import argparse
import gc
import json
import math
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import stored
from generate import Size, write_log

BASE = Size(users=20_000, items=8_000, interactions=1_000_000)
DOUBLINGS = {"users": (-2, 2), "items": (-3, 1), "interactions": (-3, 1)}
"""From how many halvings of the base to how many doublings: beyond, some jobs would take all the time."""
TOP, METRICS = 100, ("ndcg@10", "ndcg@100", "recall@20", "map@10", "mrr@10", "coverage@100")
MODELS: dict[str, dict[str, Any]] = {
    "ease": {},
    "elsa": {"epochs": 1, "patience": 0, "latent": 128, "batch_users": 500},
    "mult-vae": {"epochs": 1, "patience": 0},
    "ials": {"epochs": 3},
    "sansa": {"density": 0.005, "spare": 1.0},
    "item-knn": {},
}
RANKED_BY = {"factors": 128, "epochs": 1}
"""The settings of iALS, whose vectors ranking and evaluation multiply."""


@dataclass(frozen=True)
class Theory:
    """The exponents by which time grows, at most, with each axis while the others stay."""

    users: float
    items: float
    interactions: float
    why: str


HISTORIES = "the sum of squared lengths of histories, which is interactions^2 / users"
THEORY = {
    "read": Theory(0, 0, 1, "rows"),
    "ease": Theory(0, 3, 2, f"items^3, and {HISTORIES}"),
    "elsa": Theory(1, 1, 1, "users x items x latent, and interactions x latent"),
    "mult-vae": Theory(1, 1, 1, "users x items x hidden, and interactions x hidden"),
    "ials": Theory(1, 1, 1, "interactions x factors^2, and (users + items) x factors^3"),
    "sansa": Theory(0, 4, 2, f"items x (weights of an item)^3, where density sets their number, and {HISTORIES}"),
    "item-knn": Theory(0, 2, 2, f"items^2, and {HISTORIES}"),
    "rank": Theory(1, 1, 1, "users x items x factors, and interactions x factors for the users' vectors"),
    "evaluate": Theory(1, 1, 1, "as ranking"),
}


def sizes(axis: str, shrink: int) -> list[Size]:
    """The logs of one axis, from the smallest on."""
    base = Size(BASE.users // shrink, BASE.items // shrink, BASE.interactions // shrink)
    low, high = DOUBLINGS[axis]
    start = getattr(base, axis)
    return [replace(base, **{axis: math.floor(start * 2.0**power)}) for power in range(low, high + 1)]


def measure(size: Size, folder: Path) -> dict[str, Any]:
    """Seconds and memory of every job on a log of this size; called in a process of its own."""
    # Loaded before the forks, so that no job pays for it; nothing may run in torch's threads before them.
    import torch._dynamo  # noqa: F401 - the optimizers load it when they first move anything
    from implicit.cpu.als import AlternatingLeastSquares  # noqa: F401

    from recae.data.read import read
    from recae.models.registry import create

    for name in MODELS:
        create(name)
    path = folder / f"{size}.parquet"
    write_log(size, path)
    found = {"read": _forked(lambda: _timed(lambda: read(path)))}
    log = read(path)
    path.unlink()
    for name, settings in MODELS.items():
        found[name] = _forked(lambda name=name, settings=settings: _timed(lambda: _fit(name, settings, log)))
    found |= {name: _forked(lambda name=name: _lists(log, name)) for name in ("rank", "evaluate")}
    return found


def _fit(name: str, settings: dict[str, Any], log: Any) -> None:
    from recae.models.registry import create

    create(name, **settings).fit(log)


def _lists(log: Any, what: str) -> dict[str, float]:
    """Top-N lists of all users, or their evaluation on a fifth of each history."""
    from recae.data.splits import make_split
    from recae.evaluation.evaluate import evaluate
    from recae.models.registry import create
    from recae.ranking.recommend import recommend

    split = make_split(log, "per-user:test=0.2")
    held_out, model = split.test, create("ials", **RANKED_BY).fit(split.train)
    if what == "rank":
        return _timed(lambda: recommend(model, held_out.history, TOP))
    return _timed(lambda: evaluate(model, held_out, METRICS))


def _timed(job: Callable[[], Any]) -> dict[str, float]:
    gc.collect()
    before, took = _resident(), []
    _forget_peak()
    while not took or (sum(took) < 1 and len(took) < 3):
        started = time.perf_counter()
        job()
        took.append(time.perf_counter() - started)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": round(min(took), 4), "MB": round(max(peak - before, 0), 1)}


def _forked(job: Callable[[], dict[str, float]]) -> dict[str, Any]:
    """What `job` answers in a fork of this process, which shares the log with it."""
    context = multiprocessing.get_context("fork")
    answers, answer = context.Pipe(duplex=False)

    def run() -> None:
        try:
            answer.send(job())
        except Exception as error:  # noqa: BLE001 - whatever it is, the other jobs go on
            answer.send({"failed": f"{type(error).__name__}: {error}"})

    process = context.Process(target=run)
    process.start()
    answer.close()
    try:
        return answers.recv()
    except EOFError:
        return {"failed": "the process was killed"}
    finally:
        process.join()


def _resident() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="utf-8").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def _forget_peak() -> None:
    """Let the highest resident memory start anew, where the system has that."""
    with suppress(OSError):  # elsewhere the memory includes what the process took before and gave back
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")


def exponent(sizes: list[float], values: list[float], last: int = 3) -> float:
    """The slope of log value over log size at the `last` sizes, where what is constant weighs least."""
    slope: float = np.polyfit(np.log(sizes[-last:]), np.log(np.maximum(values[-last:], 1e-9)), 1)[0]
    return slope


def curve(axis: str, shrink: int, limit: float) -> dict[str, Any]:
    """All jobs on all logs of one axis, and the exponents."""
    logs = sizes(axis, shrink)
    found = []
    for size in logs:
        command = [sys.executable, __file__, "--alone", json.dumps(vars(size))]
        done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=True)
        found.append(json.loads(done.stdout.splitlines()[-1]))
        print(f"{axis} {getattr(size, axis):,}: {found[-1]}", file=sys.stderr, flush=True)
    jobs = {}
    for name in THEORY:
        done_at = [place for place, one in enumerate(found) if "failed" not in one[name]]
        of_axis = [float(getattr(logs[place], axis)) for place in done_at]
        series = {unit: [found[place][name][unit] for place in done_at] for unit in ("seconds", "MB")}
        jobs[name] = {
            axis: of_axis,
            **series,
            "exponent": round(exponent(of_axis, series["seconds"]), 2) if len(done_at) > 2 else None,
            "theory": getattr(THEORY[name], axis),
            "failed": [one[name]["failed"] for one in found if "failed" in one[name]],
        }
    fixed = {name: value for name, value in vars(logs[0]).items() if name not in (axis, "seed")}
    return {**stored.circumstances(), "fixed": fixed, "jobs": jobs}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--axis", choices=DOUBLINGS, help="only this one (default: all)")
    parser.add_argument("--shrink", type=int, default=1, help="divide all sizes by this; only with --out")
    parser.add_argument("--limit", type=float, default=300, help="seconds after which a log is given up")
    parser.add_argument("--out", type=Path, default=stored.PATH, help="the JSON file that is written")
    parser.add_argument("--alone", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.alone:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(measure(Size(**json.loads(chosen.alone)), Path(folder))))
        return
    if chosen.shrink > 1 and chosen.out == stored.PATH:
        parser.error("--shrink needs --out, so that the published figures stay as they are")
    for axis in [chosen.axis] if chosen.axis else DOUBLINGS:
        found = curve(axis, chosen.shrink, chosen.limit)
        stored.merge("curves", stored.read(chosen.out).get("curves", {}) | {axis: found}, chosen.out)


if __name__ == "__main__":
    main()
