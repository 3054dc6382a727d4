"""What lies where a file should be, and models that give no numbers: whole commands end with a code and a sentence."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from recae.models.registry import load
from recae.store.checksums import of_file
from recae.store.manifest import read_json, write_json
from recae.store.tensors import write_tensors

COMMANDS = {
    "describe": ("data", "describe", "IN"),
    "filter": ("data", "filter", "IN", "--min-user-items", 2, "--out", "OUT"),
    "split": ("data", "split", "IN", "--split", "leave-last-out", "--out", "OUT"),
    "prepare": ("data", "prepare", "IN", "--out", "OUT"),
    "train": ("train", "IN", "--model", "popularity", "--out", "OUT"),
    "compare": ("compare", "IN", "--models", "popularity", "--out", "OUT"),
    "plan": ("plan", "IN"),
    "run": ("run", "IN"),
    "check": ("config", "check", "IN"),
    "leaderboard": ("leaderboard", "IN"),
}


def in_a_circle(path: Path) -> None:
    path.symlink_to(path.name)


def a_pipe(path: Path) -> None:
    os.mkfifo(path)


def an_endless_device(path: Path) -> None:
    path.symlink_to("/dev/zero")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.parametrize("make", [in_a_circle, a_pipe, an_endless_device], ids=lambda make: make.__name__)
@pytest.mark.parametrize("command", COMMANDS)
def test_what_is_no_file_is_refused_and_not_waited_for(recae, tmp_path: Path, command: str, make) -> None:
    make(tmp_path / "ratings.csv")
    places = {"IN": tmp_path / "ratings.csv", "OUT": tmp_path / "out"}
    outcome = recae(*(places.get(str(part), part) for part in COMMANDS[command]))
    assert outcome.code == 5
    assert "ratings.csv" in outcome.err
    assert outcome.err.count("\n") == 1
    assert os.listdir(tmp_path) == ["ratings.csv"]


@pytest.mark.parametrize("model", ["ease", "ials"])
@pytest.mark.parametrize("number", [np.nan, np.inf])
@pytest.mark.parametrize("command", ["recommend", "similar", "map"])
def test_a_model_that_gives_no_numbers_cannot_be_used(
    recae, log, columns, tmp_path: Path, command: str, number: float, model: str
) -> None:
    folder = tmp_path / "model"
    assert recae("train", log, *columns, "--model", model, "--out", folder).code == 0
    weights = {name: np.full_like(array, number) for name, array in load(folder).weights().items()}
    write_tensors(folder / "model.safetensors", weights)
    told = read_json(folder / "manifest.json")
    told["files"]["model.safetensors"] = of_file(folder / "model.safetensors")
    write_json(folder, "manifest.json", told)
    out = tmp_path / "out.csv"
    asked = {
        "recommend": ["--history", log, *columns, "--out", out],
        "similar": ["--item", "003"],
        "map": ["--out", out],
    }
    outcome = recae(command, folder, *asked[command])
    assert outcome.code == 7
    assert "train it again" in outcome.err
    assert not out.exists()


def test_a_configuration_may_not_name_what_no_path_can(recae, log, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text('[train]\nmodel = "ease"\nout = "a\\u0000b"\n')
    outcome = recae("train", log, "--config", tmp_path / "c.toml")
    assert outcome.code == 2
    assert "zero character" in outcome.err


def test_facts_of_a_model_that_are_none_are_damage(recae, log, columns, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    assert recae("train", log, *columns, "--model", "popularity", "--out", folder).code == 0
    told = read_json(folder / "manifest.json")
    told["facts"] |= {"stopping": {"value": 0.5, "held_back": []}}
    write_json(folder, "manifest.json", told)
    outcome = recae("inspect", folder)
    assert outcome.code == 7
    assert "Train the model again" in outcome.err
