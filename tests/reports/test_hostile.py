"""Text from outside stays text: titles, ids, names, paths, settings, metrics, values of catalogues, in every form."""

from __future__ import annotations

import json
import re
import unicodedata
from html.parser import HTMLParser

import pytest

from recae.reports.evaluation import write_evaluation_html
from recae.reports.html import write_html
from recae.reports.latex import to_latex
from recae.reports.markdown import to_markdown
from recae.reports.structured import to_json
from recae.reports.terminal import to_terminal
from recae.reports.text import LONGEST, columns_of, name_of, one_line

JOINED = "\u062e\u0627\u0646\u0647\u200c\u0647\u0627 \N{WOMAN}\u200d\N{GIRL}"
JOINERS = "\u200c\u200d"


def unprintable(text: str) -> set[str]:
    return {letter for letter in text if not letter.isprintable() and letter not in "\n" + JOINERS}


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)


@pytest.fixture(scope="module")
def forms(hostile, tmp_path_factory) -> dict[str, str]:
    folder = tmp_path_factory.mktemp("hostile")
    write_html(hostile, folder / "report.html")
    facts = {text: text for text in hostile.facts} | {"what": "<script>", "command": "\x1b[31m</pre>"}
    write_evaluation_html(hostile.runs[0].evaluation, facts, folder / "evaluation.html")
    return {
        "html": (folder / "report.html").read_text(encoding="utf-8"),
        "evaluation": (folder / "evaluation.html").read_text(encoding="utf-8"),
        "md": to_markdown(hostile),
        "tex": to_latex(hostile, intervals=True),
        "terminal": to_terminal(hostile, 100),
    }


@pytest.mark.parametrize("form", ["html", "evaluation", "md", "tex", "terminal"])
def test_no_form_lets_a_control_character_or_a_change_of_direction_through(forms, form):
    assert unprintable(forms[form]) == set()
    assert "W" * (LONGEST + 1) not in forms[form]
    assert not re.search(r"[\u0300-\u036f]{5}", forms[form])


@pytest.mark.parametrize("form", ["html", "evaluation"])
def test_a_page_has_no_element_of_theirs(forms, form):
    page = Tags(forms[form])
    names = [tag for tag, _ in page.tags]

    assert names.count("script") == names.count("style") == names.count("h1") == 1
    assert not {"img", "iframe", "object", "embed", "link", "form", "base", "b"} & set(names)
    assert not any(name.startswith("on") for _, attrs in page.tags for name in attrs)
    assert all((attrs.get("href") or "#").startswith("#") for _, attrs in page.tags)


def test_a_page_shows_them_as_they_are(forms, hostile_texts):
    shown = " ".join(" ".join(Tags(forms["html"]).text).split())

    for text in hostile_texts:
        assert " ".join(one_line(text).split()) in shown


def test_markdown_has_no_markup_of_theirs(forms):
    outside, _, code = forms["md"].partition("```json\n")

    assert not re.search(r"(?<!\\)[<>`]", outside.replace("<br>", ""))
    assert not re.search(r"(?<!\\)\]\(", outside)
    assert not re.search(r"^\s*(?:```|~~~)", outside, re.M)
    assert len(re.findall(r"^\s*```", code, re.M)) == 1
    assert code.endswith("\n```\n")
    own = [line for line in outside.splitlines() if line.startswith("#")]
    assert all(re.match(r"#{1,4}( |$)", line) for line in own)
    assert not any(line.startswith(("# heading", "## heading")) for line in own)
    models = outside.partition("## Chosen settings")[0]
    rows = [line for line in models.splitlines() if re.match(r"\| \d+ \|", line)]
    assert len({len(re.findall(r"(?<!\\)\|", row)) for row in rows}) == 1


def test_latex_has_no_command_of_theirs(forms):
    body = forms["tex"].partition(r"\begin{tabular}")[2]

    assert not re.search(r"\\(input|write|include|def|csname)", body)
    assert body.count(r"\end{tabular}") == 1
    assert not re.search(r"(?<!\\)[%#_]", body)


def test_terminal_lines_end_where_they_should(forms):
    table = forms["terminal"].splitlines()[:14]

    assert all(columns_of(line) <= 100 for line in forms["terminal"].splitlines())
    ends = [columns_of(line[: line.rindex("]") + 1]) for line in table[1:]]
    assert len(set(ends)) == 1


def test_json_keeps_them_as_they_came(hostile, hostile_texts):
    document = json.loads(json.dumps(to_json(hostile), allow_nan=False))

    assert document["examples"][0]["history"] == list(hostile_texts)
    assert {model["name"] for model in document["models"]} == {run.name for run in hostile.runs}


def test_text_is_cut_and_cleaned():
    assert one_line("a\nb\tc\x00d\u202ee") == "a b c d e"
    assert one_line("x" * 10, 4) == "xxxx…"
    assert one_line("x" * 4, 4) == "xxxx"
    assert one_line("e" + "\u0301" * 9) == "e" + "\u0301" * 4
    assert one_line("\ud800") == " "
    assert one_line(JOINED) == JOINED
    assert name_of(" \n") == "(no name)"


def test_columns_of_a_terminal():
    assert [columns_of(text) for text in ("abc", "映画", "e\u0301", "", "\N{FULLWIDTH LATIN SMALL LETTER F}")] == [
        3,
        4,
        1,
        0,
        2,
    ]
    assert all(columns_of(unicodedata.normalize("NFD", text)) == len(text) for text in ("Amélie", "Łódź"))
