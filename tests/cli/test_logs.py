"""Logs: three forms of one event, run ids that agree, and a sign of life from silent work."""

from __future__ import annotations

import json
import re
import time
from io import StringIO
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recae.cli.logs import FORMATS, Event, JsonLines, Stamped, form_of, plain
from recae.cli.progress import LineProgress

STAMP = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"


def json_lines(text: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in text.splitlines()]


def test_json_lines_tell_the_run_that_the_result_names(recae, log: Path, columns: tuple[str, ...], tmp_path) -> None:
    outcome = recae(
        "train", log, *columns, "--model", "ease", "--out", tmp_path / "model", "--json", "--log-format", "json", "-v"
    )
    assert outcome.code == 0
    told = json_lines(outcome.err)
    assert told
    assert {line["run_id"] for line in told} == {outcome.answer["run_id"]}
    assert {line["command"] for line in told} == {"train"}
    assert all(re.fullmatch(STAMP, str(line["time"])) and line["memory_bytes"] > 1_000_000 for line in told)
    assert any("60 users" in str(line.get("message")) for line in told)


def test_errors_and_warnings_keep_to_the_form(recae, tmp_path: Path) -> None:
    failed = recae("train", tmp_path / "none.csv", "--model", "ease", "--out", tmp_path / "m", "--log-format", "json")
    (line,) = json_lines(failed.err)
    assert failed.code == 5
    assert line["event"] == "error"
    assert "none.csv" in str(line["message"])
    stamped = recae("train", tmp_path / "none.csv", "--model", "ease", "--out", tmp_path / "m", "--log-format", "text")
    assert re.match(STAMP + r" \S+ train \[\d+\.\d\d GB\] error: .*none\.csv", stamped.err)


def test_the_form_can_come_from_the_environment(recae, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("RECAE_LOG_FORMAT", "json")
    failed = recae("inspect", tmp_path / "none")
    assert json_lines(failed.err)[0]["event"] == "error"


def test_json_tells_progress_in_numbers() -> None:
    now, out = [0.0], StringIO()
    lines = LineProgress(out, clock=lambda: now[0], form=JsonLines("run", "recommend"))
    with lines.task("Ranking", total=100, unit="users") as task:
        now[0] = 31
        task.advance(40, note="ok")
        lines.say("A word.")
    progress, message, done = json_lines(out.getvalue())
    assert (progress["event"], progress["stage"], progress["done"], progress["total"]) == (
        "progress",
        "Ranking",
        40,
        100,
    )
    assert (progress["unit"], progress["seconds"], progress["note"]) == ("users", 31.0, "ok")
    assert (message["event"], message["stage"], message["message"]) == ("message", "Ranking", "A word.")
    assert done["event"] == "done"


@pytest.mark.parametrize("form", FORMATS)
def test_silent_work_gives_a_sign_of_life(form: str) -> None:
    out = StringIO()
    lines = LineProgress(out, every=0.02, form=form_of(form, "run", "train"))
    with lines.task("Inverting"), lines.beating():
        until = time.monotonic() + 5
        while out.getvalue().count("\n") < 2 and time.monotonic() < until:
            time.sleep(0.01)
    first = out.getvalue().splitlines()[0]
    assert "Inverting" in first
    assert json.loads(first)["event"] == "waiting" if form == "json" else "so far" in first


def test_work_that_talks_needs_no_sign_of_life() -> None:
    out = StringIO()
    lines = LineProgress(out, every=60)
    with lines.beating():
        lines.say("A word.")
    assert out.getvalue() == "A word.\n"


@given(st.text())
def test_whatever_is_said_stays_on_one_line(message: str) -> None:
    event = Event("message", message=message)
    assert json.loads(JsonLines("run", "x")(event)).get("message", "") == message
    assert "\n" not in JsonLines("run", "x")(event)
    assert len(Stamped("run", "x")(event).splitlines()) == 1
    assert plain(event) == message
