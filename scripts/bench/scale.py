"""A million users, and a million items: time and peak memory of every step on a log that is made up for it.

    python scripts/bench/scale.py                         # all stages, one after the other: about an hour on two cores
    python scripts/bench/scale.py --list
    python scripts/bench/scale.py prepare fit-elsa        # only some; the files of earlier ones are used again
    python scripts/bench/scale.py --shrink 100 --out x.json        # the same on a hundredth of the data, to try it

Every stage is one job of recae in a process of its own, whose highest resident memory the operating system tells. The
result goes into docs/benchmarks.json (key "scale"), and the logs stay in the folder for the next run.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import stored
from generate import Size, scattered, write_log

USERS_LOG, ITEMS_LOG = Size(1_000_000, 200_000, 50_000_000), Size(500_000, 1_000_000, 20_000_000)
TOP, METRICS, HELD_OUT = 100, ["ndcg@10", "recall@100"], 2_000
LIMIT = 1_800
SPLIT = f"`recae data split` and `prepare`: {HELD_OUT:,} users are held out whole, the others train"


@dataclass(frozen=True)
class Place:
    """Where the files of one log lie."""

    home: Path
    size: Size

    @property
    def log(self) -> Path:
        return self.home / "log.parquet"

    @property
    def prepared(self) -> Path:
        return self.home / "prepared"

    @property
    def split(self) -> Path:
        return self.home / "prepared-split"

    def model(self, name: str) -> Path:
        return self.home / name


@dataclass(frozen=True)
class Stage:
    """One job, and what it should stay within."""

    place: Place
    run: Callable[[Place], dict[str, Any]]
    says: str
    gigabytes: float | None = None
    minutes: float | None = None


def stages(folder: Path, shrink: int) -> dict[str, Stage]:
    """All stages in their order: one after the other, each uses what those before it have left."""
    users, items = (
        Place(folder / str(size), size)
        for size in (
            Size(log.users // shrink, log.items // shrink, log.interactions // shrink) for log in (USERS_LOG, ITEMS_LOG)
        )
    )
    fewer = max(1, shrink)
    return {
        "generate": Stage(users, generate, "make the log up"),
        "read": Stage(users, read, "`recae.read`: the log as a matrix in memory", 6, 3),
        "prepare": Stage(
            users, prepare, "`recae data prepare`: read it and write what can be mapped into memory", 6, 3
        ),
        "open": Stage(users, open_prepared, "open what was prepared, all of it", 6, 3),
        "split": Stage(users, split, SPLIT),
        **_models(users, 12, 100_000 // fewer, USERS_LOG_MODELS),
        "generate-items": Stage(items, generate, "make the log up"),
        "prepare-items": Stage(items, prepare, "`recae data prepare`", 6, 3),
        "split-items": Stage(items, split, SPLIT),
        **_models(items, 16, 20_000 // fewer, ITEMS_LOG_MODELS, "-items"),
    }


USERS_LOG_MODELS: dict[str, dict[str, Any]] = {
    "popularity": {},
    "mult-dae": {"epochs": 1, "latent": 200, "batch_users": 2000},
    "elsa": {"epochs": 1, "latent": 256, "batch_users": 1024},
    "mult-dae-sampled": {"epochs": 1, "latent": 200, "batch_users": 2000, "sampled": 8192},
    "sansa": {"density": 1e-4, "spare": 1.0},
}
ITEMS_LOG_MODELS: dict[str, dict[str, Any]] = {
    "popularity": {},
    "mult-dae-sampled": {"epochs": 1, "latent": 100, "batch_users": 1000, "sampled": 8192},
    "elsa": {"epochs": 1, "latent": 128, "batch_users": 4096},
}


def _models(
    place: Place, gigabytes: float, users: int, models: dict[str, dict[str, Any]], suffix: str = ""
) -> dict[str, Stage]:
    found: dict[str, Stage] = {}
    for model, settings in models.items():
        named = ", ".join(f"{key}={value:g}" for key, value in settings.items())
        says = f"`recae train`: {model.removesuffix('-sampled')}{f' ({named})' if named else ''}"
        found[f"fit-{model}{suffix}"] = Stage(place, partial(fit, model, settings), says, gigabytes)
        if model != "popularity":
            says = f"`recae recommend`: {model}, top {TOP} of {users:,} users, seen items left out"
            found[f"top-{model}{suffix}"] = Stage(place, partial(top, model, users), says, gigabytes)
    return found


def generate(place: Place) -> dict[str, Any]:
    if not place.log.exists():
        write_log(place.size, place.log)
    return {"file MB": place.log.stat().st_size / 1e6}


def read(place: Place) -> dict[str, Any]:
    import recae

    log = recae.read(place.log)
    return {"users": log.n_users, "items": log.n_items, "interactions": log.nnz}


def prepare(place: Place) -> dict[str, Any]:
    from recae.jobs.prepare import prepare_input

    done = prepare_input(place.log, place.prepared, force=True)
    return {name: done.facts[name] for name in ("users", "items", "interactions")}


def open_prepared(place: Place) -> dict[str, Any]:
    from recae.data.read import read

    started = time.perf_counter()
    log = read(place.prepared)
    return {"interactions": log.nnz, "open seconds": time.perf_counter() - started}


def split(place: Place) -> dict[str, Any]:
    from recae.jobs.prepare import prepare_input, split_input

    held_out, between = min(HELD_OUT, place.size.users // 20), place.home / "split"
    split_input(place.prepared, between, spec=f"user-holdout:valid={held_out},test=0,observed=0.8", force=True)
    done = prepare_input(between, place.split, force=True)
    shutil.rmtree(between)
    return done.facts["parts"]["train"]


def fit(model: str, settings: dict[str, Any], place: Place) -> dict[str, Any]:
    from recae.jobs.train import train

    done = train(
        place.split,
        model=model.removesuffix("-sampled"),
        out=place.model(model),
        settings=settings,
        metrics=METRICS,
        force=True,
    )
    curve = done.model.curve
    facts: dict[str, Any] = {"fit seconds": done.fit_seconds, "settings": settings, **done.metrics}
    if curve is not None:
        facts |= {"epochs": len(curve.points), "loss": next(iter(curve.points[-1].losses.values()))}
    return facts


def top(model: str, users: int, place: Place) -> dict[str, Any]:
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    from recae.jobs.recommend import recommend

    wanted = place.home / "users.parquet"
    chosen = np.random.default_rng(1).choice(scattered(place.size.users, place.size.seed, 0), users, replace=False)
    pq.write_table(pa.table({"user_id": chosen}), wanted)
    started = time.perf_counter()
    done = recommend(
        place.model(model), [place.prepared], out=place.home / f"{model}-lists", top=TOP, users=wanted, force=True
    )
    return {"users": done.users, "rows": done.rows, "users/s": users / (time.perf_counter() - started)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("stages", nargs="*", help="only these (default: all)")
    parser.add_argument("--list", action="store_true", help="name the stages and what each does")
    parser.add_argument("--folder", type=Path, default=Path(tempfile.gettempdir()) / "recae-bench-scale")
    parser.add_argument("--shrink", type=int, default=1, help="divide all sizes by this; only with --out")
    parser.add_argument("--limit", type=float, default=LIMIT, help="seconds after which a stage is given up")
    parser.add_argument("--out", type=Path, default=stored.PATH, help="the JSON file that is written")
    parser.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    known = stages(chosen.folder, chosen.shrink)
    if strange := set(chosen.stages) - set(known):
        parser.error(f"there are no stages {', '.join(sorted(strange))}; --list names them")
    if chosen.shrink > 1 and chosen.out == stored.PATH and not chosen.alone:
        parser.error("--shrink needs --out, so that the published figures stay as they are")
    if chosen.list:
        print("\n".join(f"{name:22} {stage.says}" for name, stage in known.items()))
    elif chosen.alone:
        print(json.dumps(alone(known[chosen.stages[0]])))
    else:
        measure({name: known[name] for name in chosen.stages or known}, chosen)


def alone(stage: Stage) -> dict[str, Any]:
    """Run a stage in this process, and say what it took from the start of the process on."""
    stage.place.home.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()
    facts = stage.run(stage.place)
    seconds, used = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    return {
        "seconds": round(seconds, 2),
        "processor seconds": round(used.ru_utime + used.ru_stime, 2),
        "peak GB": round(used.ru_maxrss * 1024 / 1e9, 3),
        **{name: round(value, 4) if isinstance(value, float) else value for name, value in facts.items()},
    }


def measure(chosen: dict[str, Stage], options: argparse.Namespace) -> None:
    """Run the stages one after the other and store what each took, as soon as it is known."""
    for name, stage in chosen.items():
        says = {"what": stage.says, "log": vars(stage.place.size)}
        says |= {"at most GB": stage.gigabytes, "at most minutes": stage.minutes}
        result = _in_a_process(name, options)
        print(f"{name}: {result}", file=sys.stderr, flush=True)
        so_far = stored.read(options.out).get("scale", {}).get("stages", {})
        now = stored.circumstances()
        own = {"command": f"python scripts/bench/scale.py {name}", "date": now["date"]}
        entries = {**so_far, name: says | result | own}
        order = [one for one in stages(options.folder, options.shrink) if one in entries]
        content = {**now, "stages": {one: entries[one] for one in order}}
        stored.merge("scale", content, options.out)


def _in_a_process(name: str, options: argparse.Namespace) -> dict[str, Any]:
    command = [sys.executable, __file__, name, "--alone", "--folder", str(options.folder)]
    command += ["--shrink", str(options.shrink)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=options.limit, check=False)
    except subprocess.TimeoutExpired:
        return {"failed": f"not done after {options.limit:g} seconds"}
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1]
        return {"failed": last.replace(str(options.folder), "...")[:300]}
    result: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return result


if __name__ == "__main__":
    main()
