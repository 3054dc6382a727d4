"""What every runner shares: the job, the data, the clock and the answer. Needs NumPy and SciPy only, of any age.

A runner is one file that is started in the environment of its library with the job as JSON in its first argument, and
prints one line of JSON behind `MARK` at the end. Only what happens within `job.work()` is timed.
"""

from __future__ import annotations

import gc
import importlib.metadata
import json
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
from scipy import sparse

MARK = "BENCH-ANSWER "
WARM_BELOW = 5.0
"""Seconds: shorter work is done twice in a process, and the second time counts, so that nobody pays for what is loaded
or compiled at first use. Memory is that of the first time."""
DEPTH = 100
"""Length of the lists."""


class Job:
    """One measured run: what is wanted, the data, and what was found."""

    def __init__(self, wanted: dict[str, Any]) -> None:
        self.task: str = wanted["task"]
        self.data = Path(wanted["data"])
        self.seed: int = wanted.get("seed", 42)
        self.threads: int = wanted.get("threads", 2)
        self.settings: dict[str, Any] = wanted.get("settings", {})
        self.wants_lists: str | None = wanted.get("lists")
        self.answer: dict[str, Any] = {}
        with np.load(self.data / "log.npz") as arrays:
            n_users, n_items = (int(size) for size in arrays["shape"])
            shape = (n_users, n_items)
            self.train = _matrix(arrays["indptr"], arrays["indices"], shape)
            """(n_users, n_items) float32 of ones: what the models learn from and what is left out of the lists."""
            self.target = _matrix(arrays["target_indptr"], arrays["target_indices"], shape)
            """The held-out entries; many users have none."""

    @property
    def shape(self) -> tuple[int, int]:
        n_users, n_items = self.train.shape
        return n_users, n_items

    def test_users(self) -> np.ndarray:
        """Positions of the users who have a target."""
        return np.flatnonzero(np.diff(self.target.indptr))

    def arrays(self, name: str) -> dict[str, np.ndarray]:
        """The arrays of a prepared file: "factors" or "network"."""
        with np.load(self.data / (name + ".npz")) as stored:
            return {key: stored[key] for key in stored.files}

    @contextmanager
    def work(self, users: int | None = None) -> Iterator[None]:
        """Time what happens within, and watch the memory; `users` is how many are served."""
        gc.collect()
        _reset_peak()
        self.answer.update(users=users, memory_before=_status("VmRSS"))
        cpu, started = time.process_time(), time.perf_counter()
        yield
        self.answer["seconds"] = time.perf_counter() - started
        self.answer["cpu_seconds"] = time.process_time() - cpu
        self.answer["memory_peak"] = _status("VmHWM")

    def say(self, **facts: Any) -> None:
        """Add to the answer: how the library was set, what it found."""
        self.answer.update(facts)

    def keep_lists(self, lists: np.ndarray, users: np.ndarray) -> None:
        """Write (n, 100) item positions, -1 where a list ends early, for the users at these positions."""
        if self.wants_lists:
            np.savez(self.wants_lists, lists=np.asarray(lists, dtype=np.int32), users=np.asarray(users))

    def keep_best(self, scores: Callable[[np.ndarray], np.ndarray], step: int = 500) -> None:
        """Rank the users who have a target by `scores(user positions) -> (n, n_items)`, untimed, for the quality."""
        if not self.wants_lists:
            return
        users, lists = self.test_users(), []
        for start in range(0, len(users), step):
            part = users[start : start + step]
            lists.append(best(np.array(scores(part), dtype=np.float32), self.train[part]))
        self.keep_lists(np.concatenate(lists), users)


def best(scores: np.ndarray, seen: Any, depth: int = DEPTH) -> np.ndarray:
    """(n, depth) positions of the highest scores that are not in `seen`; `scores` is overwritten."""
    rows = np.repeat(np.arange(seen.shape[0]), np.diff(seen.indptr))
    scores[rows, seen.indices] = -np.inf
    depth = min(depth, scores.shape[1])
    found = np.argpartition(-scores, depth - 1, axis=1)[:, :depth]
    order = np.argsort(-np.take_along_axis(scores, found, axis=1), axis=1, kind="stable")
    return np.take_along_axis(found, order, axis=1)


def padded(rows: np.ndarray, items: np.ndarray, n_rows: int, depth: int = DEPTH) -> np.ndarray:
    """(n_rows, depth) lists from a long table that holds a row's items together and best first."""
    lists = np.full((n_rows, depth), -1, dtype=np.int32)
    starts = np.zeros(n_rows, dtype=np.int64)
    counts = np.bincount(rows, minlength=n_rows)
    starts[1:] = np.cumsum(counts)[:-1]
    order = np.argsort(rows, kind="stable")
    place = np.arange(len(rows)) - np.repeat(starts, counts)
    lists[rows[order], place] = items[order]
    return lists


def main(runs: dict[str, Callable[[Job], None]], packages: Sequence[str]) -> None:
    """Run the job in argv and print its answer, with the versions of `packages`."""
    wanted = json.loads(sys.argv[1])
    job = Job(wanted)
    runs[job.task](job)
    if job.answer["seconds"] < WARM_BELOW:
        again = Job(wanted)
        again.wants_lists = None
        runs[again.task](again)
        job.answer |= {name: again.answer[name] for name in ("seconds", "cpu_seconds")}
    versions = {name: importlib.metadata.version(name) for name in packages}
    versions["python"] = sys.version.split()[0]
    print("\n" + MARK + json.dumps(job.answer | {"versions": versions}), flush=True)


def _matrix(indptr: np.ndarray, indices: np.ndarray, shape: tuple[int, int]) -> Any:
    return sparse.csr_matrix((np.ones(len(indices), dtype=np.float32), indices, indptr), shape=shape)


def _status(name: str) -> int:
    """Bytes by a name of /proc/self/status."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) * 1024
    return 0


def _reset_peak() -> None:
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
