"""Drawings outside of a page: whole documents that carry their own colours and touch nothing around them."""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

import pytest

from recae.reports.plots import Plot
from recae.reports.standalone import standalone
from recae.reports.svg import Drawing


def drawing() -> str:
    made = Drawing(200, 100, "two bars", ["a 1", "b 2"])
    made.box(0, 0, 10, 10, "bar s1", "a & b")
    made.text((0, 20), "<hostile>")
    return made.render()


def test_it_is_a_document_with_every_colour_that_it_uses() -> None:
    text = standalone("NDCG <b>", drawing())
    root = ET.fromstring(text)
    assert root.tag == "{http://www.w3.org/2000/svg}svg"
    assert {"NDCG <b>", "<hostile>"} <= {element.text for element in root.iter()}
    assert set(re.findall(r"var\((--\w+)\)", text)) <= set(re.findall(r"(--\w+):", text))
    assert ".recae-plot .bar.s1" in text


def test_its_rules_are_about_itself_alone() -> None:
    style = re.search(r"<style>(.*)</style>", standalone("x", drawing()))
    assert style is not None
    for selector in re.findall(r"([^{}]+)\{", style[1]):
        assert all(one.strip().startswith(".recae-plot") for one in selector.split(","))


def test_a_notebook_shows_a_plot() -> None:
    plot = Plot("title", "how to read it", drawing())
    assert plot._repr_svg_() == standalone("title", plot.svg)


def test_anything_else_is_refused() -> None:
    with pytest.raises(ValueError, match="no drawing"):
        standalone("x", "<p>")
