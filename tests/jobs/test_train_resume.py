"""A training whose process was ended goes on, and the model folder is the one of an undisturbed run."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from recae.errors import ConfigError, StorageError
from recae.jobs.train import train
from recae.models.autoencoders.mult_vae import MultVae
from recae.options import RunOptions
from recae.store.checkpoint import write_checkpoint
from recae.training import checkpoint

SETTINGS = {"epochs": 6, "hidden": 16, "latent": 8, "batch_users": 10}

PROGRAM = """
import functools, sys, time
from recae.cli.main import main
from recae.jobs import train as job
from recae.options import Checkpoints
from recae.training.checkpoint import Keeper
log, out, at, every = sys.argv[1], sys.argv[2], int(sys.argv[3]), float(sys.argv[4])
job.Checkpoints = functools.partial(Checkpoints, seconds=every)
offer, seen = Keeper.offer, []
def watched(keeper):
    seen.append(1)
    if len(seen) == at:
        print("begun", flush=True)
        time.sleep(20 if every == 0 else 0.5)
    offer(keeper)
Keeper.offer = watched
given = [part for pair in sys.argv[5:] for part in ("--set", pair)]
sys.exit(main(["train", log, "--model", "mult-vae", "--out", out, "--device", "cpu", *given]))
"""


@pytest.fixture(scope="module")
def whole(crowds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    options = RunOptions(device="cpu")
    return train(
        crowds, model="mult-vae", settings=SETTINGS, options=options, out=tmp_path_factory.mktemp("w") / "m"
    ).folder


def ended_by(number: int, at: int, every: float, log: Path, out: Path) -> tuple[int, str]:
    """Train in a process of its own, and send it a signal when it offers its state for the `at`-th time."""
    given = [f"{name}={value}" for name, value in SETTINGS.items()]
    command = [sys.executable, "-c", PROGRAM, str(log), str(out), str(at), str(every), *given]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=dict(os.environ))
    assert process.stdout is not None
    assert process.stdout.readline() == "begun\n"
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    return process.returncode, err


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals there")
@pytest.mark.parametrize(
    ("number", "code", "at", "every"), [(signal.SIGTERM, 143, 11, 1e9), (signal.SIGKILL, -9, 17, 0.0)]
)
def test_a_process_that_was_ended_goes_on_to_the_same_weights(
    number: int, code: int, at: int, every: float, crowds: Path, whole: Path, tmp_path: Path, told: Any
) -> None:
    out = tmp_path / "m"
    returned, err = ended_by(number, at, every, crowds, out)
    assert returned == code
    if code == 143:
        assert "the same command with --resume goes on from there" in err
    assert not out.exists()
    options = RunOptions(device="cpu", progress=told)
    with pytest.raises(ConfigError, match=r"begun with other terms \(settings\)"):
        train(crowds, model="mult-vae", settings=SETTINGS | {"latent": 4}, out=out, options=options, resume=True)
    made = train(crowds, model="mult-vae", settings=SETTINGS, out=out, options=options, resume=True)
    assert any("Going on from the checkpoint" in line for line in told.lines)
    assert (out / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert made.model.curve is not None
    assert len(made.model.curve.points) == SETTINGS["epochs"]
    assert [path.name for path in tmp_path.iterdir()] == ["m"], "the checkpoint and the lock are gone"


@pytest.mark.parametrize(("resume", "kept"), [(False, False), (True, True)])
def test_what_another_training_left_is_not_told_as_kept(
    resume: bool, kept: bool, crowds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A signal may come before this training has put anything away; with --resume what lies there is its own."""

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    write_checkpoint(tmp_path / ".m.partial", {}, {})
    monkeypatch.setattr(MultVae, "fit", interrupted)
    with pytest.raises(KeyboardInterrupt) as raised:
        train(crowds, model="mult-vae", out=tmp_path / "m", resume=resume, options=RunOptions(device="cpu"))
    assert ("the same command with --resume" in str(raised.value)) == kept


def test_models_of_one_piece_say_that_they_begin_anew(crowds: Path, tmp_path: Path, told: Any) -> None:
    train(crowds, model="ease", out=tmp_path / "m", options=RunOptions(progress=told), resume=True)
    assert any(line.startswith("ease leaves nothing to go on from") for line in told.lines)


def test_a_checkpoint_that_cannot_be_written_costs_no_training(
    crowds: Path, whole: Path, tmp_path: Path, told: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise StorageError("No space left on device.")

    monkeypatch.setattr(checkpoint, "write_checkpoint", full)
    monkeypatch.setattr(checkpoint.Keeper, "due", property(lambda _: 0.0, lambda *_: None), raising=False)
    options = RunOptions(device="cpu", progress=told)
    train(crowds, model="mult-vae", settings=SETTINGS, out=tmp_path / "m", options=options)
    assert any("no checkpoint could be written" in line and "No space left" in line for line in told.lines)
    assert (tmp_path / "m" / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()


def test_a_checkpoint_is_left_behind_by_nobody(crowds: Path, whole: Path) -> None:
    """One that a run left which was killed after the model was in its place goes when the model is found up to date."""
    beside = whole.parent / ".m.partial"
    write_checkpoint(beside, {}, {})
    options = RunOptions(device="cpu")
    assert train(crowds, model="mult-vae", settings=SETTINGS, options=options, out=whole).up_to_date
    assert not beside.exists()
