"""What scripts/fuzz.py counts as a failure: a judge that lets everything pass would find nothing."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "scripts"))

from fuzzing import page, worker  # noqa: E402 - lies beside the script
from fuzzing.worker import Clock, Outcome  # noqa: E402

REFUSED = Outcome(7, "table", 3, 0.1, 1 << 28, command="data describe in/log.csv --json")
SAID = ('{"status": "error"}\n', "recae: log.csv is empty.\n")


@pytest.mark.parametrize(
    ("outcome", "texts", "changed", "complaint"),
    [
        (REFUSED, SAID, [], ""),
        (REFUSED, (SAID[0], "Traceback (most recent call last):\n"), [], "internal error"),
        (REFUSED, (SAID[0], "recae: Internal error, KeyError: 3."), [], "internal error KeyError"),
        (replace(REFUSED, code=1), SAID, [], "exit code 1"),
        (replace(REFUSED, code=None), SAID, [], "exit code None"),
        (replace(REFUSED, code=4), (SAID[0], "recae: Not enough memory: ..."), [], "memory ran out"),
        (REFUSED, SAID, ["secret.txt"], "outside of the output folder: secret.txt"),
        (REFUSED, (SAID[0], "recae: \x1b[2J"), [], "control characters in the answer"),
        (REFUSED, ("", SAID[1]), [], "no JSON object at the end"),
        (REFUSED, (SAID[0], ""), [], "no sentence"),
        (REFUSED, (SAID[0], "a" * (worker.LONGEST_ANSWER + 1)), [], "an answer of 65,557 characters"),
    ],
)
def test_what_fails(outcome: Outcome, texts: tuple[str, ...], changed: list[str], complaint: str) -> None:
    assert worker._complaint(outcome, texts, changed) == complaint


def test_whatever_changes_outside_of_the_output_is_seen(tmp_path: Path) -> None:
    for name in ("out", "in"):
        (tmp_path / name).mkdir()
    (tmp_path / "secret.txt").write_text("mine")
    before = worker._snapshot(tmp_path)
    (tmp_path / "out" / "lists.csv").write_text("ours")
    assert worker._changed(before, worker._snapshot(tmp_path)) == []
    (tmp_path / "secret.txt").write_text("theirs")
    (tmp_path / "in" / "more").symlink_to("/")
    assert worker._changed(before, worker._snapshot(tmp_path)) == ["in/more", "secret.txt"]


def test_the_page_is_written_anew_around_what_people_wrote(tmp_path: Path) -> None:
    path = tmp_path / "fuzz.md"
    path.write_text(f"last year\n{page._START}\n| found |\n{page._END}\nlast year\n")
    page.write_page(path, [REFUSED, replace(REFUSED, number=8, code=0, complaint="no sentence")], 1)
    text = path.read_text()
    assert "| found |" in text
    assert "last year" not in text
    assert "2 cases, 1 failure," in text
    assert "- 1 x table: no sentence" in text


def test_waiting_for_a_busy_machine_is_not_held_against_a_case() -> None:
    start = Clock(100.0, 5.0, 3.0)
    assert Clock(160.0, 7.0, 61.0).seconds_since(start) == 2
    assert Clock(160.0, 5.0, 3.0).seconds_since(start) == 60
    assert Clock(104.0, 13.0, 3.0).seconds_since(start) == 8
    assert Clock.of().worked > 0
