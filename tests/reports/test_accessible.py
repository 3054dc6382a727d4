"""What can be said of the page without a browser: contrast, headings, tables, alternatives, size."""

from __future__ import annotations

import itertools
import re
from html.parser import HTMLParser
from importlib.resources import files

import numpy as np
import pytest

from recae.data.ids import IdIndex
from recae.evaluation.result import Evaluation
from recae.reports.comparison import ExampleUser
from recae.reports.evaluation import write_evaluation_html
from recae.reports.html import write_html

TEXT = ("ink", "soft", "faint", "accent", "hit", *(f"s{i}" for i in range(8)))
"""Colours in which something is written; series colours are those of labels as well as of lines."""
GRAPHICS = ("fill", *(f"s{i}" for i in range(8)))
PAPERS = ("paper", "wash", "accent-wash")


def palettes() -> dict[str, dict[str, str]]:
    """The colours of the light and of the dark theme."""
    sheet = (files("recae.reports") / "templates" / "style.css").read_text(encoding="utf-8")
    light = re.search(r"^:root \{(.*?)^\}", sheet, re.S | re.M)
    dark = re.search(r"prefers-color-scheme: dark\) \{\s*:root \{(.*?)\}", sheet, re.S)
    assert light is not None
    assert dark is not None
    found = {
        name: dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", part[1]))
        for name, part in (("light", light), ("dark", dark))
    }
    assert found["light"].keys() == found["dark"].keys()
    return found


def contrast(one: str, other: str) -> float:
    """WCAG 2's contrast ratio of two colours."""

    def luminance(colour: str) -> float:
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_that_of_the_guidelines():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.478, abs=1e-3)


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize(("colours", "least"), [(TEXT, 4.5), (GRAPHICS, 3.0)])
def test_everything_stands_out_from_its_ground(theme, colours, least):
    palette = palettes()[theme]
    grounds = PAPERS if least > 4 else ("paper", "wash")
    # Series colours label lines, which are drawn on plain paper.
    weak = {
        (colour, ground): round(contrast(palette[colour], palette[ground]), 2)
        for colour in colours
        for ground in (grounds if not colour.startswith("s") or colour == "soft" else ("paper",))
        if contrast(palette[colour], palette[ground]) < least
    }

    assert weak == {}


class Page(HTMLParser):
    """The elements of a page with their attributes, their ancestors and the text in them."""

    VOID = ("meta", "link", "br", "img", "input", "hr", "wbr")

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None], tuple[str, ...], list[str]]] = []
        self._open: list[tuple[str, list[str]]] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        inner: list[str] = []
        self.found.append((tag, dict(attrs), tuple(name for name, _ in self._open), inner))
        if tag not in self.VOID:
            self._open.append((tag, inner))

    def handle_startendtag(self, tag, attrs):
        self.found.append((tag, dict(attrs), tuple(name for name, _ in self._open), []))

    def handle_endtag(self, tag):
        if tag not in self.VOID:
            self._open.pop()

    def handle_data(self, data):
        for _, inner in self._open:
            inner.append(data)

    def all(self, *tags: str):
        return [(attrs, parents, "".join(inner).strip()) for tag, attrs, parents, inner in self.found if tag in tags]


@pytest.fixture(scope="module", params=["report", "hostile", "evaluation"])
def page(request, comparison, hostile, tmp_path_factory) -> Page:
    path = tmp_path_factory.mktemp("page") / "page.html"
    if request.param == "evaluation":
        write_evaluation_html(comparison.runs[1].evaluation, {"what": "model", "configuration": {"a": 1}}, path)
    else:
        write_html(comparison if request.param == "report" else hostile, path)
    return Page(path.read_text(encoding="utf-8"))


def test_headings_skip_no_level_and_say_something(page):
    levels = [int(tag[1]) for tag, *_ in page.found if re.fullmatch(r"h[1-6]", tag)]

    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(later - earlier <= 1 for earlier, later in itertools.pairwise(levels))
    assert all(text for _, _, text in page.all("h1", "h2"))


def test_every_section_has_an_address_and_the_bar_leads_to_it(page):
    ids = [attrs["id"] for attrs, _, _ in page.all("h2")]
    links = [attrs["href"] for attrs, parents, _ in page.all("a") if "nav" in parents]

    assert len(set(ids)) == len(ids)
    assert links in ([], [f"#{one}" for one in ids])
    assert all(text for _, parents, text in page.all("a") if "nav" in parents)
    everywhere = [attrs["id"] for _, attrs, _, _ in page.found if attrs.get("id")]
    assert len(set(everywhere)) == len(everywhere)


def test_every_drawing_says_what_it_shows(page):
    drawings = page.all("svg")

    assert drawings
    assert all(attrs["role"] == "img" and (attrs.get("aria-label") or "").strip() for attrs, _, _ in drawings)
    assert not page.all("img")


def test_every_header_says_what_it_heads(page):
    assert page.all("table")
    assert len(page.all("caption")) == len(page.all("table"))
    for attrs, parents, text in page.all("th"):
        assert attrs.get("scope") in ("col", "row", "colgroup", "rowgroup"), (attrs, text)
        assert text or "row" in (attrs["scope"] or ""), parents


def test_what_scrolls_can_be_reached_and_has_a_name(page):
    scrolling = [attrs for attrs, _, _ in page.all("div") if "scroll" in (attrs.get("class") or "").split()]

    assert scrolling
    assert all(attrs["tabindex"] == "0" and attrs["role"] == "region" and attrs["aria-label"] for attrs in scrolling)


def test_landmarks_language_and_the_way_past_the_header(page):
    assert page.all("html")[0][0]["lang"] == "en"
    assert [len(page.all(tag)) for tag in ("main", "header", "footer")] == [1, 1, 1]
    assert len([text for _, parents, text in page.all("title") if "head" in parents and text]) == 1
    first = page.all("a")[0][0]
    assert first["href"] == "#main"
    assert page.all("main")[0][0]["id"] == "main"


def test_nothing_leads_outside(page):
    for _, attrs, _, _ in page.found:
        assert not {"src", "srcset", "action", "data", "poster", "xlink:href"} & attrs.keys()
        assert (attrs.get("href") or "#").startswith("#")
    style = page.all("style")[0][2] + page.all("script")[0][2]
    assert not re.search(r"https?:|//[a-z]|@import|url\(|fetch\(|XMLHttpRequest|eval\(", style)


def test_requests_of_the_reader_are_provided_for():
    sheet = (files("recae.reports") / "templates" / "style.css").read_text(encoding="utf-8")

    for asked in (
        "prefers-reduced-motion: no-preference",
        "prefers-contrast: more",
        "prefers-color-scheme: dark",
        "print",
    ):
        assert f"@media ({asked})" in sheet or f"@media {asked}" in sheet or f"and ({asked})" in sheet, asked
    moving = re.search(r"@media \(prefers-reduced-motion: no-preference\) \{(.*?)\n\}", sheet, re.S)
    assert moving is not None
    assert len(re.findall(r"transition|animation|scroll-behavior", sheet)) == len(
        re.findall(r"transition|animation|scroll-behavior", moving[1])
    )


def test_a_large_comparison_stays_small(compared, run, tmp_path):
    """20 models, 60 metrics, 12 users with their lists; the page does not grow with the number of test users."""
    metrics = tuple(
        f"{base}@{k}" for base in ("ndcg", "recall", "precision", "map", "mrr", "hit") for k in range(1, 11)
    )
    values = {metric: np.random.default_rng(0).uniform(0, 1, 500) for metric in metrics}
    runs = tuple(run(f"model-{i}", 0.0, evaluation=Evaluation(IdIndex.range(500), values)) for i in range(20))
    lists = {one.name: tuple((f"A film of an ordinary length {i}", i % 3 == 0) for i in range(10)) for one in runs}
    user = ExampleUser("u", ("A film of an ordinary length",) * 12, ("A film of an ordinary length",) * 40, lists)

    write_html(compared(runs, metrics=metrics, examples=(user,) * 12), tmp_path / "report.html")

    assert (tmp_path / "report.html").stat().st_size < 3_000_000
