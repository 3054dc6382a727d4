"""Exit codes and sentences: whatever goes wrong ends in one line, never in a traceback that nobody asked for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from recae import errors
from recae.cli import main as boundary
from recae.jobs import inspect as job


def failing_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_args: object, **_named: object) -> None:
        raise error

    monkeypatch.setattr(job, "inspect", fail)


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (errors.RecaeError("Ours."), 1, "recae: Ours."),
        (errors.ConfigError("Bad option."), 2, "recae: Bad option."),
        (errors.DataError("Bad data."), 3, "recae: Bad data."),
        (errors.CapacityError("Too big."), 4, "recae: Too big."),
        (MemoryError("cannot allocate 8 GB"), 4, "recae: Not enough memory"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 8 GB"), 4, "recae: Not enough memory"),
        (errors.StorageError("Disk."), 5, "recae: Disk."),
        (OSError(28, "No space left on device", "/out"), 5, "recae: /out: No space left on device."),
        (errors.QualityError("Too low."), 6, "recae: Too low."),
        (errors.ModelFormatError("Damaged."), 7, "recae: Damaged."),
        (errors.UnsoundModelError("No numbers."), 7, "recae: No numbers."),
        (errors.OutputLockedError("Locked."), 75, "recae: Locked."),
        (KeyboardInterrupt(), 130, "recae: Interrupted."),
        (boundary.Terminated(), 143, "recae: Terminated."),
        (ZeroDivisionError("division by zero"), 1, "recae: Internal error, ZeroDivisionError: division by zero."),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_each_failure_has_its_code_one_sentence_and_one_json_line(
    recae, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int, sentence: str
) -> None:
    failing_with(error, monkeypatch)
    outcome = recae("inspect", "model")
    assert outcome.code == code
    assert outcome.out == ""
    assert outcome.err.startswith(sentence)
    assert outcome.err.count("\n") == 1
    as_json = recae("inspect", "model", "--json")
    assert as_json.code == code
    assert as_json.answer == {"status": "error", "exit_code": code, "message": as_json.err[len("recae: ") : -1]}


def test_the_traceback_is_there_for_whoever_asks(recae, monkeypatch: pytest.MonkeyPatch) -> None:
    failing_with(ZeroDivisionError("division by zero"), monkeypatch)
    assert "Traceback" not in recae("inspect", "model").err
    assert "Traceback" in recae("inspect", "model", "--traceback").err
    monkeypatch.setenv("RECAE_TRACEBACK", "1")
    assert "Traceback" in recae("inspect", "model").err


def test_errors_are_json_wherever_json_was_asked_for(recae, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert recae("inspect", "nowhere").out == ""
    (tmp_path / "c.toml").write_text("[inspect]\njson = true\n")
    assert recae("inspect", "nowhere", "--config", tmp_path / "c.toml").answer["exit_code"] == 5
    monkeypatch.setenv("RECAE_JSON", "false")
    assert recae("inspect", "nowhere").out == ""
    monkeypatch.setenv("RECAE_INSPECT_JSON", "yes")
    assert recae("inspect", "nowhere").answer["exit_code"] == 5


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train"], "Missing argument 'INPUT'. Try 'recae train --help'."),
        (["train", "log.csv", "--out", "m"], "Missing option '--model'. Try 'recae train --help'."),
        (["recommend", "m", "--history", "h", "--out", "o.csv", "--top", "0"], "'--top': 0 is not in the range x>=1"),
        (["data", "describe", "log.csv", "--min-ratin", "3"], "No such option"),
        (["completion", "tcsh"], "'tcsh' is not one of 'bash', 'zsh', 'fish'"),
        (["train", "log.csv", "--model", "eas", "--out", "m"], "There is no model 'eas'. Did you mean ease?"),
        (["train", "log.csv", "--model", "ease", "--set", "l2", "--out", "m"], "must be written KEY=VALUE"),
        (["train", "log.csv", "--model", "ease", "--set", "l3=1", "--out", "m"], "l3"),
        (["evaluate", "--target", "t.csv"], "Give either a MODELDIR or --lists FILE to judge."),
        (["evaluate", "--lists", "l.csv", "--target", "t.csv", "--include-seen"], "--lists are judged as they are"),
        (["evaluate", "m", "--target", "t.csv"], "A model needs --history FILE"),
        (["compare", "log.csv", "--out", "c", "--no-search", "--trials", "2"], "exclude each other"),
        (["recommend", "m", "--history", "h", "--out", "o", "--shard", "3/2"], "must be I/N"),
        (["similar", "m"], "Name at least one item"),
        (["recommend", "m", "--history", "h", "--out", "o.xlsx"], "must end in .parquet, .csv, .tsv, .jsonl"),
        (["recommend", "m", "--history", "h", "--out", "o.csv", "--resume"], "--resume needs a folder of parts"),
        (["recommend", "--merge", "--out", "o", "--top", "5", "--users", "u"], "as they are: leave out --top, --users"),
    ],
)
def test_usage_errors_are_code_2(recae, arguments: list[str], sentence: str) -> None:
    outcome = recae(*arguments)
    assert outcome.code == 2
    assert sentence in outcome.err
    assert outcome.err.startswith("recae: ")
    assert outcome.err.count("\n") == 1


def test_a_missing_file_is_code_5_and_a_malformed_one_code_3(recae, tmp_path: Path) -> None:
    assert recae("data", "describe", tmp_path / "absent.csv").code == 5
    (tmp_path / "one.csv").write_text("user_id\n1\n2\n")
    outcome = recae("data", "describe", tmp_path / "one.csv")
    assert outcome.code == 3
    assert "one.csv" in outcome.err


def test_no_id_can_move_the_cursor_or_fill_the_log(recae, tmp_path: Path) -> None:
    rows = ["\x1b[2J\x1b]0;mine\x07,1,x", "a" * 5_000_000 + ",2,3"]
    for at, row in enumerate(rows):
        (tmp_path / "log.csv").write_text(f"user_id,item_id,rating\n1,1,1\n{row}\n")
        outcome = recae("data", "describe", tmp_path / "log.csv", "--dedupe", "error", "--min-rating", "9", "--json")
        assert outcome.code == 3, at
        assert len(outcome.err) < 5000
        assert all(letter.isprintable() or letter == "\n" for letter in outcome.err + outcome.out)


def test_a_folder_that_is_no_model_is_code_7(recae, tmp_path: Path) -> None:
    assert recae("inspect", tmp_path).code == 7
    assert recae("inspect", tmp_path / "absent").code == 5


def test_what_somebody_else_wrote_is_never_replaced(recae, log: Path, columns, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("years of work")
    for command in (["train", log, "--model", "popularity"], ["data", "filter", log], ["data", "split", log]):
        outcome = recae(*command, *columns, "--out", tmp_path / "out")
        assert outcome.code == 5, command
        assert "was not written by recae" in outcome.err
    assert (tmp_path / "out" / "thesis.tex").read_text() == "years of work"


def test_a_locked_output_is_code_75(recae, log: Path, columns, tmp_path: Path) -> None:
    from recae.store.lock import locked

    with locked(tmp_path / "model"):
        outcome = recae("train", log, *columns, "--model", "popularity", "--out", tmp_path / "model")
    assert outcome.code == 75
    assert not (tmp_path / "model").exists()


def test_a_reader_that_goes_away_is_no_error_to_tell(tmp_path: Path) -> None:
    command = f"{sys.executable} -m recae data describe --help | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False)
    assert done.returncode in (0, boundary.EXIT_PIPE)
    assert done.stderr == ""


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals there")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_signals_end_a_job_with_their_code_and_leave_no_output(tmp_path: Path, number: int, code: int) -> None:
    program = (
        "import sys, time\n"
        "from recae.cli.main import main\n"
        "from recae.data import synthetic\n"
        "def slow(out, *more):\n"
        "    from recae.store.atomic import replacing_file\n"
        "    with replacing_file(out / 'interactions.csv') as beside:\n"
        "        beside.write_text('half')\n"
        "        print('begun', flush=True)\n"
        "        time.sleep(30)\n"
        "synthetic.write_sample = slow\n"
        "sys.exit(main(['data', 'sample', '--out', sys.argv[1]]))\n"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", program, str(tmp_path / "sample")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONUNBUFFERED": "1"},
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    time.sleep(0.05)
    process.send_signal(number)
    _, err = process.communicate(timeout=20)
    assert process.returncode == code
    assert err.startswith("recae: ")
    assert list((tmp_path / "sample").iterdir()) == []
