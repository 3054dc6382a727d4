"""`recae doctor`: what it tells, and that it notices what does not work."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from recae.jobs import doctor as job


def test_a_working_installation_is_told_whole(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "recae", "doctor", "--json", "--folder", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["healthy"] is True
    assert {check["what"] for check in told["checks"]} >= {"fit, save, load, rank", "train a network", "write here"}
    assert {"python", "recae", "torch", "numpy", "click"} <= set(told["facts"]["versions"])
    assert list(tmp_path.iterdir()) == []


def test_what_is_broken_is_named_and_the_exit_code_says_so(recae, monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    def broken() -> str:
        raise RuntimeError("libgomp is missing\nand more")

    monkeypatch.setattr(job, "_small_network", broken)
    monkeypatch.setattr(job, "free_memory", lambda: 5_000_000)
    outcome = recae("doctor", "--folder", tmp_path)
    assert outcome.code == 1
    assert "FAILED: RuntimeError: libgomp is missing\n" in outcome.out
    assert "only 5.0 MB are free" in outcome.out
    assert outcome.out.splitlines()[-1] == "Not working: train a network, free memory."


def test_a_folder_that_is_not_there_fails_its_check_alone(recae, tmp_path: Path) -> None:
    outcome = recae("doctor", "--folder", tmp_path / "none", "--json")
    assert outcome.code == 1
    assert [check["what"] for check in outcome.answer["checks"] if not check["passed"]] == ["write here"]


def test_secrets_stay_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RECAE_API_TOKEN", "s3cr3t")
    monkeypatch.setenv("RECAE_SEED", "7")
    for name in ("_small_job", "_small_network"):
        monkeypatch.setattr(job, name, lambda: "fine")
    facts = job.doctor(folder=tmp_path).facts
    assert facts["environment"]["RECAE_SEED"] == "7"
    assert "s3cr3t" not in json.dumps(facts)
