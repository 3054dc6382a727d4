"""Quality gates on the command line: exit code 6 with a sentence for each, and the whole result all the same."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture(scope="module")
def place(log: Path, columns: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    from recae.cli.main import main

    folder = tmp_path_factory.mktemp("gates")
    split = ["data", "split", str(log), *columns, "--split", "per-user:test=0.3", "--out", str(folder / "split"), "-q"]
    assert main(split) == 0
    for name in ("ease", "popularity"):
        assert main(["train", str(folder / "split"), "--model", name, "--out", str(folder / name), "-q"]) == 0
    return folder


def judging(place: Path, model: str) -> list[object]:
    split = place / "split"
    return ["evaluate", place / model, "--history", split / "train.parquet", "--target", split / "test.parquet"]


def test_what_passes_ends_with_0_and_is_told(recae: Any, place: Path) -> None:
    done = recae(*judging(place, "ease"), "--fail-under", "ndcg@3=0.05", "--require-beats", place / "popularity")
    assert done.code == 0
    assert "passed  fail-under ndcg@3=0.05" in done.out
    assert "passed  require-beats" in done.out


def test_what_fails_ends_with_6_after_everything_is_written(recae: Any, place: Path, tmp_path: Path) -> None:
    done = recae(
        *judging(place, "popularity"), "--fail-under", "ndcg@3=1", "--require-beats", place / "ease", "--json", "-q",
        "--report", tmp_path / "r.html", "--per-user", tmp_path / "u.parquet",
    )  # fmt: skip
    assert done.code == 6
    assert done.err.startswith("recae: 2 of 2 gates failed: ndcg@3 of popularity")
    assert len(done.out.splitlines()) == 1
    answer = done.answer
    assert (answer["status"], answer["exit_code"]) == ("error", 6)
    assert answer["message"] in done.err
    assert [gate["passed"] for gate in answer["gates"]] == [False, False]
    assert set(answer["gates"][0]) == {"name", "metric", "passed", "reason", "value", "held_against", "p"}
    assert answer["metrics"]["ndcg@3"] == answer["gates"][0]["value"]
    assert all((tmp_path / name).stat().st_size for name in ("r.html", "u.parquet"))


def test_what_was_printed_can_be_held_against(recae: Any, place: Path, tmp_path: Path) -> None:
    last = tmp_path / "last.json"
    last.write_text(recae(*judging(place, "ease"), "--json", "-q").out)
    assert recae(*judging(place, "ease"), "--against", last, "-q").code == 0
    failed = recae(*judging(place, "popularity"), "--against", last, "-q")
    assert failed.code == 6
    assert recae(*judging(place, "popularity"), "--against", last, "--tolerance", "1", "-q").code == 0


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (["--fail-under", "rmse=0.9"], 2, "write --fail-over rmse=0.9"),
        (["--fail-over", "rmse=0.9"], 2, "predicts no ratings"),
        (["--fail-under", "quality=0.9"], 2, "There is no metric 'quality'"),
        (["--tolerance", "0.1"], 2, "give both or neither"),
        (["--against", "nowhere.parquet"], 5, "nowhere.parquet does not exist"),
        (["--require-beats", "nowhere"], 5, "nowhere does not exist"),
    ],
)
def test_what_cannot_be_checked_is_no_failed_gate(
    recae: Any, place: Path, options: list[str], code: int, sentence: str
) -> None:
    done = recae(*judging(place, "ease"), *options)
    assert done.code == code
    assert sentence in done.err


def test_a_comparison_as_its_own_process(place: Path, tmp_path: Path) -> None:
    command = [
        sys.executable, "-m", "recae", "compare", str(place / "split"), "--models", "popularity,ease", "--no-search",
        "--metrics", "ndcg@5", "--out", str(tmp_path / "out"), "--candidate", "popularity", "--require-beats", "ease",
        "--json", "-q",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 6
    assert "1 of 1 gate failed: popularity is behind ease by" in done.stderr
    answer = json.loads(done.stdout.splitlines()[-1])
    assert answer["best"] == "ease"
    assert not answer["gates"][0]["passed"]
    assert "1 of 1 gate failed" in (tmp_path / "out" / "report.html").read_text()


@pytest.mark.parametrize("command", ["evaluate", "compare"])
def test_the_help_says_how_a_failed_gate_ends(recae: Any, command: str) -> None:
    shown = recae(command, "--help").out
    assert "exit code 6" in shown
    for option in ("--fail-under", "--fail-over", "--require-beats", "--against", "--tolerance", "--gate-metrics"):
        assert option in shown
