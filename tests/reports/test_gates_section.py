"""Gates in reports: those that failed first, hostile names shown as they are, nothing where there are none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from recae.evaluation.gates import GateResult
from recae.reports.comparison import Comparison
from recae.reports.gates import gate_lines, gates_headline
from recae.reports.html import write_html
from recae.reports.markdown import to_markdown

HOSTILE = "<script>alert(1)</script>|`x`\n# no heading \u202e"
PASSED = GateResult("fail-under ndcg@10=0.3", "ndcg@10", True, "ndcg@10 of ease is 0.4000, not under 0.3.", 0.4, 0.3)
FAILED = GateResult(f"against {HOSTILE}", "ndcg@10", False, f"It is worse than {HOSTILE}.", 0.4, 0.5, 0.001)


def test_headlines_count() -> None:
    assert gates_headline(()) == ""
    assert gates_headline([PASSED]) == "The gate passed"
    assert gates_headline([PASSED, PASSED]) == "All 2 gates passed"
    assert gates_headline([PASSED, FAILED]) == "1 of 2 gates failed"


def test_those_that_failed_come_first_each_on_one_line() -> None:
    lines = gate_lines([PASSED, FAILED])
    assert [line.split()[0] for line in lines] == ["FAILED", "passed"]
    assert all(line.isprintable() for line in lines)


def test_hostile_names_are_text(comparison: Comparison, tmp_path: Path) -> None:
    judged = replace(comparison, gates=(PASSED, FAILED))
    page = tmp_path / "page.html"
    write_html(judged, page)
    text = page.read_text(encoding="utf-8")
    assert "1 of 2 gates failed" in text
    assert "<script>alert" not in text
    markdown = to_markdown(judged)
    assert "## 1 of 2 gates failed" in markdown
    assert "\n# no heading" not in markdown
    assert "<script>" not in markdown


def test_nothing_is_said_where_nothing_was_asked(comparison: Comparison, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    write_html(comparison, page)
    assert 'id="gates"' not in page.read_text(encoding="utf-8")
    assert "gate" not in to_markdown(comparison)
