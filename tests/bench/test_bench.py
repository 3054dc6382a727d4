"""The benchmark's own machinery: a small log, recae beside plain code, and what is written of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

HERE = Path(__file__).resolve().parents[2] / "scripts" / "bench"


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("log")
    rng = np.random.default_rng(0)
    pairs = np.unique(np.column_stack([rng.integers(0, 60, 2500), rng.integers(0, 150, 2500)]), axis=0)
    test = rng.random(len(pairs)) < 0.2
    for name, rows in (("train", pairs[~test]), ("test", pairs[test])):
        pq.write_table(pa.table({"user_id": rows[:, 0], "item_id": rows[:, 1]}), folder / f"{name}.parquet")
    return folder


def bench(log: Path, folder: Path, *options: str) -> dict[str, Any]:
    command = [sys.executable, str(HERE / "harness.py"), "--data", f"small={log}", "--folder", str(log / "kept")]
    results = folder / "benchmarks.json"
    environment = os.environ | {"PYTHONWARNINGS": "default"}
    done = subprocess.run(
        [*command, "--results", str(results), *options], check=False, capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(results.read_text(encoding="utf-8"))
    return found


def test_one_command_measures_both_and_writes_the_page(log: Path, tmp_path: Path) -> None:
    found = bench(log, tmp_path, "--tasks", "ease-fit", "--peers", "plain", "--repeats", "1")
    entries = {entry["entry"]: entry for entry in found["ease-fit"]["small"]["entries"]}
    assert set(entries) == {"recae", "plain float32", "plain float64"}
    for entry in entries.values():
        assert [run["seconds"] > 0 and run["memory_peak"] > 1e7 for run in entry["runs"]] == [True]
        assert entry["quality"] == pytest.approx(entries["plain float64"]["quality"])
        assert entry["versions"]["numpy"] == np.__version__
    page = (tmp_path / "benchmarks.md").read_text(encoding="utf-8")
    assert "## EASE, fitted" in page
    assert "| **recae** |" in page
    assert (tmp_path / "benchmarks" / "ease-fit-small.svg").read_text(encoding="utf-8").startswith("<svg xmlns=")


def test_a_task_that_runs_alone_leaves_the_others_and_says_why_something_failed(log: Path, tmp_path: Path) -> None:
    other = {"ease-fit": {"small": {"about": ABOUT, "entries": []}}, "other": {"kept": 1}}
    (tmp_path / "benchmarks.json").write_text(json.dumps(other), encoding="utf-8")
    options = ["--tasks", "mult-vae-epoch", "--peers", "plain", "--repeats", "1", "--memory", "0.05"]
    found = bench(log, tmp_path, *options)
    assert {name: found[name] for name in other} == other
    entries = found["mult-vae-epoch"]["small"]["entries"]
    assert [entry["runs"] for entry in entries] == [[], []]
    assert all(entry["failed"] for entry in entries)
    assert "Did not finish" in (tmp_path / "benchmarks.md").read_text(encoding="utf-8")


ABOUT = {
    "date": "2026-01-01",
    "machine": "none",
    "threads": 2,
    "seed": 1,
    "memory_limit": 1e9,
    "data": {"users": 1, "items": 1, "interactions": 1},
}
