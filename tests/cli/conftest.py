"""Whole commands in this process, on a tiny log of two crowds with tastes of their own."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from recae.cli.main import main


@dataclass(frozen=True)
class Outcome:
    """What one command did."""

    code: int
    out: str
    err: str

    @property
    def answer(self) -> dict[str, Any]:
        """The JSON object on the last line of stdout."""
        found: dict[str, Any] = json.loads(self.out.splitlines()[-1])
        return found


Run = Callable[..., Outcome]


@pytest.fixture
def recae(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command; arguments may be paths and numbers."""
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments: object) -> Outcome:
        capsys.readouterr()
        code = main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return Outcome(code, printed.out, printed.err)

    return run


@pytest.fixture(scope="session")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """ratings.csv: 60 users, 24 items, two crowds that like different halves of the items."""
    random = np.random.default_rng(7)
    rows = ["who,thing,points,when"]
    for user in range(60):
        likes = np.where((np.arange(24) < 12) == (user % 2 == 0), 20.0, 1.0)
        chosen = random.choice(24, size=11, replace=False, p=likes / likes.sum())
        rows += [
            f"u{user:02d},{item:03d},{3 + (likes[item] > 1) + item % 2},{1_700_000_000 + number}"
            for number, item in enumerate(chosen)
        ]
    path = tmp_path_factory.mktemp("log") / "ratings.csv"
    path.write_text("\n".join(rows) + "\n")
    return path


COLUMNS = ("--user-col", "who", "--item-col", "thing", "--rating-col", "points", "--time-col", "when")


@pytest.fixture(scope="session")
def columns() -> tuple[str, ...]:
    """The options that name the log's columns."""
    return COLUMNS


@pytest.fixture(scope="session")
def model(log: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with EASE trained on the log."""
    folder = tmp_path_factory.mktemp("trained") / "model"
    assert main(["train", str(log), *COLUMNS, "--model", "ease", "--set", "l2=5", "--out", str(folder), "-q"]) == 0
    return folder
