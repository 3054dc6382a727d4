"""Every notebook runs from start to end, and was kept with its outputs and plots, without traces of a machine."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

FOLDER = Path(__file__).resolve().parent.parent / "notebooks"
NOTEBOOKS = sorted(FOLDER.glob("*.ipynb"))
LONGEST_CELL = 22
"""Lines of code: a cell is to be read."""


def cells(path: Path, kind: str = "code") -> list[dict[str, Any]]:
    found = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [cell for cell in found if cell["cell_type"] == kind]


def outputs(path: Path) -> list[dict[str, Any]]:
    return [output for cell in cells(path) for output in cell["outputs"]]


def test_there_are_three() -> None:
    assert [path.stem for path in NOTEBOOKS] == ["compare-models", "lists-to-decision", "quick-start"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_runs(path: Path, tmp_path: Path) -> None:
    code = "\n\n".join("".join(cell["source"]) for cell in cells(path))
    run = subprocess.run(
        [sys.executable, "-c", code],
        cwd=FOLDER, capture_output=True, text=True, check=False, env=os.environ | {"TMPDIR": str(tmp_path)},
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_was_kept_with_outputs_and_in_order(path: Path) -> None:
    assert [cell["execution_count"] for cell in cells(path)] == list(range(1, len(cells(path)) + 1))
    kept = outputs(path)
    assert kept
    assert not any(output["output_type"] == "error" or output.get("name") == "stderr" for output in kept)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_says_nothing_of_the_machine(path: Path) -> None:
    assert not re.findall(r"(?:/tmp/|/home/|/root/|/Users/|/work/|C:\\\\)[^\"\s]*", path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_it_reads_like_a_text(path: Path) -> None:
    prose = cells(path, "markdown")
    assert len(prose) >= len(cells(path)) / 2
    assert "".join(prose[0]["source"]).startswith("# ")
    assert max(len(cell["source"]) for cell in cells(path)) <= LONGEST_CELL


@pytest.mark.parametrize("name", ["compare-models", "lists-to-decision"])
def test_its_plots_are_in_it(name: str) -> None:
    drawn = [
        output["data"] for output in outputs(FOLDER / f"{name}.ipynb") if "image/svg+xml" in output.get("data", {})
    ]
    assert drawn
    assert all("".join(data["image/svg+xml"]).startswith("<svg ") for data in drawn)
