"""The pages in a real browser: quiet, alone, whole on every width, sortable, readable in both themes and on paper."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from recae.evaluation.result import Evaluation
from recae.evaluation.slices import Estimate, Slice, SliceGroup
from recae.reports.evaluation import write_evaluation_html
from recae.reports.html import write_html

TOO_WIDE = """
(() => {
  const scrolls = (e) => e && (getComputedStyle(e).overflowX !== "visible" || scrolls(e.parentElement));
  return [...document.querySelectorAll("body *")]
    .filter((e) => e.getBoundingClientRect().right > innerWidth + 1)
    .filter((e) => !scrolls(e.parentElement) && !e.matches(".skip, .hidden"))
    .map((e) => `${e.tagName}.${e.getAttribute("class")}: ${e.textContent.slice(0, 40)}`);
})()
"""
CUT_TABLES = """
[...document.querySelectorAll("table, .lists, figure")]
  .filter((e) => e.getBoundingClientRect().right > innerWidth + 1 || e.getBoundingClientRect().left < -1)
  .map((e) => e.getAttribute("class"))
"""
BOARD = "document.querySelector('table.board')"
NAMES = f"[...{BOARD}.tBodies[0].rows].map((row) => row.querySelector('code').textContent)"
SORTED = f"[...{BOARD}.tHead.querySelectorAll('th')].map((head) => head.getAttribute('aria-sort'))"
PRESS = f"[...{BOARD}.tHead.querySelectorAll('button')].find((one) => one.textContent.includes('WHICH')).click()"
PAPER = 689
"""Width of A4 without its margins, in pixels of 1/96 inch."""


@pytest.fixture(scope="module")
def folder(comparison, hostile, compared, run, tmp_path_factory) -> Path:
    """report.html, hostile.html, many.html (20 models, 60 metrics) and evaluation.html."""
    folder = tmp_path_factory.mktemp("pages")
    write_html(comparison, folder / "report.html")
    write_html(hostile, folder / "hostile.html")
    write_html(many(compared, run), folder / "many.html")
    write_evaluation_html(comparison.runs[1].evaluation, {"what": "model"}, folder / "evaluation.html")
    return folder


def many(compared, run):
    """20 models by 60 metrics."""
    bases = (
        "ndcg", "recall", "precision", "map", "mrr", "hit", "trecall", "rprecision", "psp", "coverage", "novelty",
        "gini", "entropy", "personalisation", "ild", "serendipity", "popularity", "auc", "rbp80", "ndcg-gap",
    )  # fmt: skip
    metrics = tuple(f"{base}@{k}" for k in (10, 20, 100) for base in bases)
    runs = []
    for place in range(20):
        one = run(f"model-{place:02d}-with-a-name", place / 50, title=f"Model {place}, which is a long story")
        one.evaluation.per_user["ndcg@10"] = one.evaluation.per_user["ndcg@10"] / 2
        one.evaluation.overall.update(dict.fromkeys(metrics[1:], place / 50 + 0.1))
        runs.append(one)
    return compared(tuple(runs), metrics=metrics)


@pytest.mark.parametrize("page", ["report", "hostile", "many", "evaluation"])
@pytest.mark.parametrize("width", [320, 390, 820, 1200])
def test_nothing_lies_beyond_the_edge(browser, folder, page, width):
    browser.open(folder / f"{page}.html", width=width, height=844)

    assert browser.value(TOO_WIDE) == []
    assert browser.value("document.scrollingElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("page", ["report", "hostile", "many", "evaluation"])
def test_the_console_is_quiet_and_the_network_unused(browser, folder, page):
    browser.complaints.clear(), browser.requests.clear()
    for width, dark in ((1200, False), (1200, True), (390, False)):
        browser.open(folder / f"{page}.html", width=width, dark=dark)
        browser.value("document.querySelectorAll('details').forEach((one) => (one.open = true))")
        browser.value("new Promise((done) => { scrollTo(0, 1e6); setTimeout(done, 50); })")

    assert browser.complaints == []
    assert {url.partition(":")[0] for url in browser.requests} == {"file"}
    assert set(browser.requests) == {(folder / f"{page}.html").as_uri()}


def test_the_console_is_listened_to(browser, tmp_path):
    (tmp_path / "loud.html").write_text("<script>console.log('hello'); fetch('http://127.0.0.1:9/'); oops()</script>")
    browser.complaints.clear(), browser.requests.clear()

    browser.open(tmp_path / "loud.html")
    browser.value("new Promise((done) => setTimeout(done, 50))")

    assert "hello" in browser.complaints[0]
    assert any("oops" in one for one in browser.complaints)
    assert "http://127.0.0.1:9/" in browser.requests


def test_hostile_text_runs_nothing_and_loads_nothing(browser, folder):
    browser.open(folder / "hostile.html")

    assert browser.value("document.title").startswith("<script>document.title='owned'</script> ranks best")
    assert browser.value("document.scripts.length") == 1
    assert browser.value("document.querySelectorAll('img, iframe, object, link, style').length") == 1
    assert browser.value("[...document.querySelectorAll('h1')].length") == 1


def test_a_click_sorts_the_table_and_another_turns_it_round(browser, folder):
    browser.open(folder / "report.html")
    best_first = ["ease", "ials", "mult-vae", "popularity"]
    assert browser.value(NAMES) == best_first
    assert browser.value(SORTED) == [None, None, "descending", None, None, None]

    browser.value(PRESS.replace("WHICH", "Fit"))
    assert browser.value(NAMES) == best_first[::-1]
    assert browser.value(SORTED) == [None, None, None, None, None, "ascending"]
    browser.value(PRESS.replace("WHICH", "Fit"))
    assert browser.value(NAMES) == best_first
    browser.value(PRESS.replace("WHICH", "Model"))
    assert browser.value(NAMES) == ["ease", "ials", "popularity", "mult-vae"]


def test_grouped_columns_sort_by_themselves_and_what_is_missing_comes_last(browser, compared, run, tmp_path):
    runs = (run("a", 0.2), run("b", 0.1), run("c", 0.0))
    runs[0].evaluation.overall["rmse"], runs[2].evaluation.overall["rmse"] = 0.9, 0.8
    write_html(compared(runs, metrics=("ndcg@10", "recall@5", "recall@20", "rmse")), tmp_path / "report.html")
    browser.open(tmp_path / "report.html")

    for column, orders in (("RMSE", ("cab", "acb")), ("@20", ("abc", "cba"))):
        for order in orders:
            browser.value(PRESS.replace("WHICH", column))
            assert "".join(browser.value(NAMES)) == order, column


def test_groups_and_metrics_are_sorted_and_come_back_to_their_order(browser, folder, compared, run, tmp_path):
    values = {"ease": (0.2, 0.3, 0.1), "ials": (0.1, 0.15, None)}
    runs = tuple(run(name, own[0], evaluation=sliced(run(name, own[0]), own)) for name, own in values.items())
    write_html(compared(runs), tmp_path / "report.html")
    browser.open(tmp_path / "report.html")

    def after(column, table="document.querySelector('#slices ~ details table')"):
        browser.value(PRESS.replace(BOARD, table).replace("WHICH", column))
        return browser.value(f"[...{table}.tBodies[0].rows].map((row) => row.cells[0].textContent)")

    assert after("ease") == ["9-12 items", "all", "13-80 items"]
    assert after("ials") == ["9-12 items", "all", "13-80 items"]
    assert after("Group") == ["all", "9-12 items", "13-80 items"]

    browser.open(folder / "evaluation.html")
    metrics = "document.querySelector('table[data-sortable]')"
    assert after("Value", metrics)[0] == "NDCG@10"
    assert after("Metric", metrics)[0] == "Coverage@10"


def sliced(run, values):
    groups = tuple(
        SliceGroup(label, 50, 90, {} if value is None else {"ndcg@10": Estimate(value, value - 0.01, value + 0.01)})
        for label, value in zip(("all", "9-12 items", "13-80 items"), values, strict=True)
    )
    found = run.evaluation
    slices = (Slice("history", "users", "by length", groups),)
    return Evaluation(found.users, found.per_user, found.overall, slices=slices)


def test_keys_alone_reach_the_results_and_sort(browser, folder):
    browser.open(folder / "report.html")
    browser.press("Tab")
    assert browser.value("document.activeElement.textContent") == "Skip to the results"
    assert browser.value("document.activeElement.getBoundingClientRect().top >= 0")
    browser.press("Enter")
    assert browser.value("document.activeElement.id") == "main"
    for _ in range(3):
        browser.press("Tab")
    assert browser.value("document.activeElement.textContent").startswith("NDCG")
    assert browser.value("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    browser.press("Enter")
    assert browser.value("document.activeElement.closest('th').getAttribute('aria-sort')") == "ascending"


def test_the_bar_of_sections_stays_and_marks_what_is_read(browser, folder):
    browser.open(folder / "report.html", height=700)
    where = "document.querySelector('nav a[aria-current]')?.textContent"
    assert browser.value(where) is None

    browser.value(
        "new Promise((done) => { document.getElementById('settings').scrollIntoView(); setTimeout(done, 900); })"
    )

    assert browser.value(where) == "Settings"
    assert browser.value("document.querySelector('nav').getBoundingClientRect().top") == 0
    assert browser.value("[...document.querySelectorAll('main h2')].every((h) => h.id)")


def test_both_themes_are_drawn(browser, folder, tmp_path):
    shades = {}
    for dark in (False, True):
        browser.open(folder / "report.html", dark=dark)
        shades[dark] = browser.value("getComputedStyle(document.body).backgroundColor")
        browser.picture(tmp_path / f"{dark}.png")

    assert shades == {False: "rgb(255, 255, 255)", True: "rgb(19, 23, 27)"}
    assert (tmp_path / "True.png").read_bytes()[:4] == b"\x89PNG"
    assert (tmp_path / "True.png").read_bytes() != (tmp_path / "False.png").read_bytes()


def test_a_wide_table_shows_that_there_is_more(browser, folder):
    browser.open(folder / "many.html")
    state = "document.querySelector('.scroll').className"
    left = "Math.round(document.querySelector('WHICH').getBoundingClientRect().left)"
    assert "more" in browser.value(state)

    browser.value(
        "new Promise((done) => { document.querySelector('.scroll').scrollLeft = 1e6; setTimeout(done, 100); })"
    )

    assert "more" not in browser.value(state).split()
    first, box = (browser.value(left.replace("WHICH", which)) for which in ("tbody th.model", ".scroll"))
    assert 0 <= first - box <= 6


@pytest.mark.parametrize("page", ["report", "hostile", "many", "evaluation"])
@pytest.mark.parametrize("dark", [False, True])
def test_paper_cuts_no_table_and_is_light(browser, folder, page, dark):
    browser.open(folder / f"{page}.html", width=PAPER, dark=dark, paper=True)
    browser.value("document.querySelectorAll('details').forEach((one) => (one.open = true))")

    assert browser.value(CUT_TABLES) == []
    assert browser.value(TOO_WIDE) == []
    assert browser.value("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert browser.value("getComputedStyle(document.querySelector('.skip')).display") == "none"


def test_everything_is_unfolded_on_paper_and_folded_again(browser, folder):
    browser.open(folder / "report.html")
    closed = "document.querySelectorAll('details:not([open])').length"
    before = browser.value(closed)
    assert before > 0

    browser.value("dispatchEvent(new Event('beforeprint'))")
    assert browser.value(closed) == 0
    browser.value("dispatchEvent(new Event('afterprint'))")
    assert browser.value(closed) == before


def test_it_prints_to_pages(browser, folder):
    browser.open(folder / "report.html")

    printed = browser.printed()

    assert printed[:5] == b"%PDF-"
    assert 2 <= len(re.findall(rb"/Type\s*/Page\b", printed)) <= 12
