"""`scripts/chaos.py`: a few kills for real, and that it would notice a loss."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from chaotic.compare import content_of, differing, leftovers  # noqa: E402
from chaotic.kills import Case  # noqa: E402
from chaotic.page import write_page  # noqa: E402

from recae.jobs.compare import compare  # noqa: E402

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the script is for Linux")


def test_two_kills_lose_nothing(tmp_path: Path) -> None:
    page, command = tmp_path / "chaos.md", [sys.executable, str(ROOT / "scripts" / "chaos.py"), "--kills", "2"]
    more = ["--jobs", "split", "--no-disks", "--work", str(tmp_path / "work"), "--page", str(page)]
    done = subprocess.run([*command, *more], capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 0, done.stderr
    assert "**2 kills, 0 losses, 0 leftovers.**" in page.read_text()
    assert "2/2 kills" in done.stderr


def test_dates_and_measurements_are_no_difference_and_all_else_is(tmp_path: Path) -> None:
    for name, seed in (("one", 1), ("other", 1), ("third", 2)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "manifest.json").write_text(
            json.dumps({"created": name, "timings": {"fit_seconds": len(name)}, "seed": seed})
        )
        (tmp_path / name / "lists.csv").write_bytes(b"1,2\n")
    one = content_of(tmp_path / "one")
    assert differing(one, content_of(tmp_path / "other")) == []
    assert differing(one, content_of(tmp_path / "third")) == ["manifest.json"]
    (tmp_path / "other" / "lists.csv").write_bytes(b"1,3\n")
    assert differing(one, content_of(tmp_path / "other")) == ["lists.csv"]
    assert differing(one, content_of(tmp_path / "absent")) == ["lists.csv", "manifest.json"]


def test_a_report_has_to_be_what_its_json_draws(crowds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("recae.jobs.sections._item_map", lambda *_: None)
    out = tmp_path / "out"
    compare(crowds, out=out, models=["popularity"], metrics=["ndcg@5"], trials=0)
    whole = content_of(out)
    report = (out / "report.md").read_text()
    (out / "report.md").write_text(report.replace("popularity", "Popularity"))
    (out / "report.json").write_text((out / "report.json").read_text().replace('"fit_seconds": 0', '"fit_seconds": 7'))
    assert differing(content_of(out), whole) == ["report.html", "report.md"], "of the same figures"
    (out / "report.json").write_text("half of it")
    assert "report.json" in differing(content_of(out), whole)


def test_locks_and_temporary_files_are_found_beside_an_output_and_below(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "lists.csv").touch()
    assert leftovers(tmp_path, {"out"}) == []
    (tmp_path / ".out.lock").touch()
    (tmp_path / "out" / ".lists.csv.01234567.recae-tmp").touch()
    assert leftovers(tmp_path, {"out"}) == [".out.lock", "out/.lists.csv.01234567.recae-tmp"]


def test_the_page_tells_what_was_lost(tmp_path: Path) -> None:
    case = Case("train", ["SIGKILL"], ["other files than undisturbed: weights.safetensors"])
    write_page(tmp_path / "page.md", {"kills": [case], "full": [], "read-only": []}, "chaos", 1.0, mounts=False)
    page = (tmp_path / "page.md").read_text()
    assert "**1 kills, 1 losses, 0 leftovers.**" in page
    assert "other files than undisturbed: weights.safetensors" in page
