"""docs/adding-a-model.md does what it says: its models, added as they stand there, pass the tests of all models."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "adding-a-model.md"
REGISTRY, SMALL = "recae/models/registry.py", "tests/models/small.py"

ADDED = """
from pathlib import Path

import recae.models.autoencoders
import recae.models.linear
from recae.models import registry

HERE = Path(__file__).parent
for package in (recae.models.autoencoders, recae.models.linear):
    package.__path__.append(str(HERE / package.__name__.replace(".", "/")))
exec((HERE / "recae/models/registry.py").read_text(), vars(registry))


def pytest_configure():
    import small

    exec((HERE / "tests/models/small.py").read_text(), vars(small))
"""
"""Adds the files of the page to those that are there, before anything is collected."""


def blocks() -> dict[str, str]:
    """The Python of the page by the file that each block names in its first line."""
    found = re.findall(r"^```python\n# (\S+)\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return dict(found)


@pytest.fixture(scope="module")
def added(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files of the page and a module `added` that makes them part of recae."""
    folder = tmp_path_factory.mktemp("page")
    for name, text in blocks().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    (folder / "added.py").write_text(ADDED, encoding="utf-8")
    return folder


def run(added: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(added)}
    return subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def test_a_model_is_one_file_one_line_and_one_entry() -> None:
    files = set(blocks())
    assert {REGISTRY, SMALL} < files
    assert len(files) == 4


def test_the_models_of_the_page_pass_what_every_model_has_to(added: Path) -> None:
    conformance = "tests/models/test_conformance.py"
    options = ["-p", "added", "-p", "no:cacheprovider", "-p", "no:xdist", conformance, "-k", "[ridge] or [shallow-dae]"]
    done = run(added, "-m", "pytest", *options)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    listed = run(added, "-m", "pytest", "--collect-only", *options).stdout
    for name in ("ridge", "shallow-dae"):
        assert f"test_a_saved_model_scores_the_same[{name}]" in listed
        assert f"test_reordering_the_items_reorders_the_scores[{name}]" in listed


def test_the_command_line_knows_them(added: Path) -> None:
    told = run(added, "-c", "import added; from recae.cli.main import main; main(['models', 'ridge'])")
    assert "Hoerl" in told.stdout
    assert "Weight of the L2 penalty on B." in told.stdout


def test_they_are_written_like_the_others(added: Path) -> None:
    models = [str(added / name) for name in blocks() if name not in (REGISTRY, SMALL)]
    for command in (["check"], ["format", "--check"]):
        done = run(added, "-m", "ruff", *command, "--config", str(ROOT / "pyproject.toml"), *models)
        assert done.returncode == 0, done.stdout + done.stderr
