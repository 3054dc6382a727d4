"""The benchmarks of size: their stages, their page, and the exponents of growth."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "scripts" / "bench"


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH))

    def module(name):
        return __import__(name)

    return module


def run(*arguments):
    return subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, text=True, check=True)


def test_stages_can_be_run_alone_one_after_the_other(tmp_path):
    out = tmp_path / "out.json"
    out.write_text('{"other": 1}')
    for names in (["generate", "prepare"], ["open", "top-elsa"]):
        run(BENCH / "scale.py", *names, "--shrink", 1000, "--folder", tmp_path / "logs", "--out", out)
    found = json.loads(out.read_text())

    assert found["other"] == 1
    assert list(found["scale"]["stages"]) == ["generate", "prepare", "open", "top-elsa"]
    assert found["scale"]["stages"]["prepare"]["interactions"] == 50_000
    assert found["scale"]["stages"]["open"]["peak GB"] > 0
    assert found["scale"]["stages"]["open"]["date"] == found["scale"]["date"]
    assert "no model folder" in found["scale"]["stages"]["top-elsa"]["failed"]
    assert str(tmp_path) not in out.read_text()


def test_the_page_says_what_was_measured(bench, tmp_path):
    fit = {
        "what": "train",
        "log": {"users": 7, "items": 5, "interactions": 9},
        "at most GB": 12,
        "at most minutes": None,
    }
    stages = {
        "fit": {**fit, "date": "Monday", "seconds": 90.0, "peak GB": 1.234, "ndcg@10": 0.25},
        "top": {**fit, "date": "Sunday", "failed": "it `fell`"},
    }
    job = {"users": [1, 2, 4], "seconds": [1, 2, 4.5], "MB": [0, 3, 9], "exponent": 1.08, "theory": 1, "failed": []}
    curves = {"users": {"date": "today", "processor": "fast", "fixed": {"items": 5}, "jobs": {"ease": job}}}
    scale = {"date": "today", "processor": "fast", "machine": "Linux", "stages": stages}
    text = "\n".join(bench("scale_page").sections({"scale": scale, "curves": curves}, tmp_path))

    assert "| train | 1.50 | 1.23 GB | 12 GB | 0.2500 |" in text
    assert "Monday to Sunday, fast, Linux." in text
    assert "`it 'fell'`" in text
    assert "| EASE | 1 to 4.5 | 1.08 | 1 | 0 to 9 MB |" in text
    for picture in ("curves-users-seconds.svg", "curves-users-memory.svg"):
        assert f"({tmp_path.name}/{picture})" in text
        assert (tmp_path / picture).read_text().startswith('<svg xmlns="http://www.w3.org/2000/svg"')


def test_nothing_measured_is_nothing_said(bench, tmp_path):
    assert bench("scale_page").sections({}, tmp_path) == []


def test_the_exponent_is_the_slope_at_the_largest_sizes(bench):
    sizes = [10, 20, 40, 80, 160]
    assert bench("curves").exponent(sizes, [5, 5, 40**3, 80**3, 160**3]) == pytest.approx(3)


def test_every_axis_doubles_and_the_others_stay(bench):
    curves = bench("curves")
    for axis in curves.DOUBLINGS:
        logs = curves.sizes(axis, 1)
        steps = [getattr(log, axis) for log in logs]
        assert steps == [steps[0] * 2**place for place in range(5)]
        assert all(
            getattr(curves.BASE, other) == getattr(log, other)
            for log in logs
            for other in curves.DOUBLINGS
            if other != axis
        )
        assert curves.BASE in logs
