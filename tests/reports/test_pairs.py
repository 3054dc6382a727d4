"""Every pair of models is told in every form of the report, hostile names included."""

from __future__ import annotations

import html
from collections.abc import Callable
from pathlib import Path
from typing import Any

from recae.reports.html import write_html
from recae.reports.markdown import escaped, to_markdown
from recae.reports.pairs import pair_sentence
from recae.reports.structured import to_json

Make = Callable[..., Any]


def test_every_pair_is_told_in_every_form(compared: Make, tmp_path: Path) -> None:
    comparison = compared()
    said = [pair_sentence(test) for test in comparison.pairs]
    assert len(said) == 6
    assert [(pair["better"], pair["worse"]) for pair in to_json(comparison)["pairs"]][:2] == [
        ("ease", "ials"),
        ("ease", "mult-vae"),
    ]
    write_html(comparison, tmp_path / "report.html")
    page, text = (tmp_path / "report.html").read_text(encoding="utf-8"), to_markdown(comparison)
    for sentence in said:
        assert sentence in html.unescape(page)
        assert f"- {escaped(sentence)}" in text


def test_names_stay_text(compared: Make, run: Make, tmp_path: Path) -> None:
    comparison = compared((run("<b>a</b>", 0.2), run("ials", 0.1)))
    write_html(comparison, tmp_path / "report.html")
    assert "<b>a</b>" not in (tmp_path / "report.html").read_text(encoding="utf-8")


def test_nothing_is_tested_where_nothing_can_be(compared: Make, run: Make, tmp_path: Path) -> None:
    for comparison in (compared((run("ease", 0.2),)), compared(metrics=("coverage@10",))):
        assert comparison.pairs == ()
        assert "Every pair" not in to_markdown(comparison)
        write_html(comparison, tmp_path / "report.html")
        assert "Every pair" not in (tmp_path / "report.html").read_text(encoding="utf-8")
