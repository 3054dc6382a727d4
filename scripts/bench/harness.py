"""recae and its peers at the same work on the same data, by turns; writes docs/benchmarks.json and docs/benchmarks.md.

    scripts/bench/run                                   everything (about an hour on two cores)
    scripts/bench/run --tasks top-100,evaluation        some tasks; the others stay as they were
    scripts/bench/run --data ml-1m --peers recbole      one data set; recae always runs beside a peer
    scripts/bench/run --data mine=FOLDER                a folder with train.parquet and test.parquet (user_id, item_id)
    scripts/bench/run --pages                           only write the page again

Every run is a process of its own in the environment of its library; the libraries take turns, so that whatever else
the machine does disturbs all of them. What is compared: medians of the runs within one call of this command.
"""

from __future__ import annotations

import argparse
import os
import platform
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import stored
from bench_data import prepare, sources
from environments import NotInstalledError, python_of
from measured import run
from page import write_page
from quality import judge
from results import merge
from tasks import PEERS, TASKS, THREADS, Entry, Task

ROOT = Path(__file__).resolve().parents[2]
SEED = 42


@dataclass(frozen=True)
class Limits:
    """What a run may take, and how often it is repeated."""

    repeats: int
    once_over: float
    """Seconds; what takes longer is not repeated."""
    memory: int
    """Bytes."""
    seconds: int | None
    """For every run, in place of the task's own limit."""


@dataclass
class Line:
    """What an entry has come to so far."""

    entry: Entry
    python: Path | None
    record: dict[str, Any]

    @property
    def runs(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.record["runs"]
        return found


def main() -> None:
    options = arguments()
    if options.pages:
        write_page(options.results)
        return
    limits = Limits(options.repeats, options.once_over, int(options.memory * 1e9), options.seconds)
    folder = options.folder
    chosen = {"recae", *options.peers} if options.peers else set(PEERS)
    for name in options.tasks or TASKS:
        task = TASKS[name]
        for data, source in sources(options.data).items():
            if data not in task.skip:
                measure(task, data, source, folder, chosen, limits, options.results)
                write_page(options.results)


def measure(task: Task, data: str, source: Path, folder: Path, chosen: set[str], limits: Limits, results: Path) -> None:
    """All entries of a task on one data set, by turns; the results are merged into the file."""
    home = folder / "data" / data
    say(f"{task.name} on {data}")
    facts = prepare(source, home, task.needs)
    entries = [entry for entry in task.entries if entry.peer in chosen]
    lines = [begin(entry, folder / "envs") for entry in entries]
    for line in lines:
        choose_setting(task, data, home, line, limits)
    for turn in range(task.repeats.get(data, limits.repeats)):
        order = lines[turn % len(lines) :] + lines[: turn % len(lines)]
        for line in order:
            if due(line, limits):
                once(task, data, home, line, limits)
    merge(results, task.name, data, [line.record for line in lines], about(facts, limits))


def begin(entry: Entry, folder: Path) -> Line:
    """An entry with its environment; a library that cannot be installed has failed already."""
    record: dict[str, Any] = {"entry": entry.key, "peer": entry.peer, "variant": entry.variant, "how": entry.how}
    record |= {"less": entry.less, "settings": dict(entry.settings), "runs": []}
    try:
        return Line(entry, python_of(PEERS[entry.peer], folder), record)
    except NotInstalledError as error:
        record["failed"] = f"not installed: {error}"
        return Line(entry, None, record)


def choose_setting(task: Task, data: str, home: Path, line: Line, limits: Limits) -> None:
    """Run each candidate once and keep the fastest."""
    if line.python is None or not line.entry.candidates:
        return
    tried: list[dict[str, Any]] = []
    for candidate in line.entry.candidates:
        found = start(task, data, home, line, limits, dict(candidate), lists=None)
        outcome: dict[str, Any] = {name: found[name] for name in ("seconds", "failed") if name in found}
        tried.append({"settings": dict(candidate), **outcome})
    line.record["tried"] = tried
    done = [t for t in tried if "seconds" in t]
    line.record["settings"] |= min(done, key=lambda t: t["seconds"])["settings"] if done else tried[0]["settings"]


def due(line: Line, limits: Limits) -> bool:
    slow = bool(line.runs) and line.runs[0]["seconds"] > limits.once_over
    return line.python is not None and "failed" not in line.record and not slow


def once(task: Task, data: str, home: Path, line: Line, limits: Limits) -> None:
    """One more run; the first one's lists are judged."""
    with tempfile.TemporaryDirectory() as folder:
        lists = Path(folder) / "lists.npz" if task.quality and not line.runs else None
        answer = start(task, data, home, line, limits, line.record["settings"], lists)
        if "failed" in answer:
            line.record["failed"] = answer["failed"]
            line.record["failed_peak"] = answer["memory_peak"]
            return
        if lists is not None and lists.exists():
            line.record["quality"] = judge(lists, home)
    values = {name.lower(): value for name, value in answer.pop("values", {}).items()}
    if values:
        line.record["quality"] = {
            name: values[name] for name in ("ndcg@10", "recall@20", "trecall@20") if name in values
        }
    for name in ("versions", "note"):
        if name in answer:
            line.record[name] = answer.pop(name)
    line.runs.append(answer)


def start(
    task: Task, data: str, home: Path, line: Line, limits: Limits, settings: dict[str, Any], lists: Path | None
) -> dict[str, Any]:
    wanted = {
        "task": task.name,
        "data": str(home.resolve()),
        "seed": SEED,
        "threads": THREADS,
        "settings": task.given(data) | settings,
        "lists": None if lists is None else str(lists),
    }
    assert line.python is not None
    seconds = limits.seconds or task.limit(data)
    answer = run(PEERS[line.entry.peer], line.python, wanted, seconds, limits.memory)
    outcome = answer.get("failed") or f"{answer['seconds']:.3f} s, {answer['memory_peak'] / 1e9:.2f} GB"
    say(f"  {line.entry.key:20} {settings or ''} {outcome}")
    return answer


def about(facts: dict[str, Any], limits: Limits) -> dict[str, Any]:
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "data": facts,
        "machine": machine(),
        "threads": THREADS,
        "seed": SEED,
        "memory_limit": limits.memory,
        "once_over": limits.once_over,
    }


def machine() -> str:
    model = next((line.partition(":")[2].strip() for line in _proc("cpuinfo") if line.startswith("model name")), "")
    flags = next((line.split() for line in _proc("cpuinfo") if line.startswith("flags")), [])
    fast = [name for name in ("amx_bf16", "avx512_bf16", "avx512f", "avx2") if name in flags][:2]
    memory = next((int(line.split()[1]) for line in _proc("meminfo") if line.startswith("MemTotal")), 0)
    parts = [model or platform.machine(), f"{os.cpu_count()} processors", f"{memory / 2**20:.0f} GiB", ", ".join(fast)]
    return f"{platform.system()}, " + ", ".join(filter(None, parts))


def _proc(name: str) -> Sequence[str]:
    path = Path("/proc") / name
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else ()


def arguments() -> argparse.Namespace:
    def names(known: Sequence[str]) -> Any:
        def parse(text: str) -> list[str]:
            found = [name.strip() for name in text.split(",") if name.strip()]
            wrong = [name for name in found if name not in known]
            if wrong:
                raise argparse.ArgumentTypeError(f"there is no {wrong[0]}; there are {', '.join(known)}")
            return found

        return parse

    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=names(list(TASKS)), help="comma-separated (default: all)")
    parser.add_argument("--peers", type=names(list(PEERS)), help="comma-separated (default: all)")
    parser.add_argument("--data", action="append", help="NAME or NAME=FOLDER, repeatable (default: gowalla and ml-1m)")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--once-over", type=float, default=60.0, help="seconds above which a run is not repeated")
    parser.add_argument("--seconds", type=int, help="limit of each run (default: the task's own)")
    parser.add_argument("--memory", type=float, default=20.0, help="GB that a run may allocate")
    parser.add_argument("--folder", type=Path, default=Path(os.environ.get("BENCH_FOLDER", ROOT / ".bench")))
    parser.add_argument("--results", type=Path, default=stored.PATH, help="where the results are kept")
    parser.add_argument("--pages", action="store_true", help="measure nothing, only write the page")
    return parser.parse_args()


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
