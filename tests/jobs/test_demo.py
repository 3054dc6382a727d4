"""The demo: the whole job on the sample, here with the quick models only."""

from __future__ import annotations

from pathlib import Path

import pytest

from recae.cli.main import main
from recae.jobs import demo as job


def test_the_demo_ends_with_its_files_and_the_next_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job, "DEFAULT_MODELS", ("popularity", "ease"))
    out = tmp_path / "demo"
    assert main(["demo", "--out", str(out)]) == 0
    printed = capsys.readouterr()
    *_, files, following = printed.out.split("\n\n")
    named = [Path(line.strip()) for line in files.splitlines()[1:]]
    assert len(named) == 5
    assert all(path.exists() for path in named)
    assert "Best by ndcg@10: ease" in printed.out
    steps = [line for line in printed.err.splitlines() if line.startswith("$ recae ")]
    assert [step.split()[2] for step in steps] == ["data", "data", "compare", "train", "evaluate", "recommend"]
    next_command = following.splitlines()[1].split()
    assert main(next_command[1:]) == 0
    # The commands that it shows are commands: typed, they do the same.
    for step in steps[:2]:
        assert main(step.split()[2:]) == 0
