r"""LaTeX tables: what a paper needs, and no name can break them."""

from __future__ import annotations

import dataclasses
import re
import shutil
import subprocess
import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pylatexenc.latex2text import LatexNodes2Text
from pylatexenc.latexwalker import LatexWalker

from recae.reports.latex import letter_of, to_latex
from recae.reports.latex_text import NEEDED, escaped, protected
from recae.reports.text import one_line

HOSTILE = (
    r"\input{/etc/passwd} \write18{rm} \end{tabular}",
    "50% off & more $x_1^2$ {#1} ~",
    "[2pt] * (x)",
    "``quotes'' ?` !` -- --- ,, <<>>",
    "nul\x00 bell\x07 line\nbreak \r\n \u2028 ^^M",
    "\u202eאבג\u2066 عربى 中文 हिन्दी 👩\u200d👩\u200d👧",
    "Amélie, Æon Flux, Ősz, Łódź, Çelik, naïve, Straße",
    "RP\N{GREEK SMALL LETTER BETA}\N{SUPERSCRIPT THREE} \N{MULTIPLICATION SIGN} 2",
    "e" + "\u0301" * 50,
    "W" * 5_000,
    "",
)
SAME = str.maketrans({'"': "\N{RIGHT DOUBLE QUOTATION MARK}", "\N{MODIFIER LETTER CIRCUMFLEX ACCENT}": "^"})
"""What LaTeX sets alike."""
UNKNOWN = {r"\textless{}": "<", r"\textgreater{}": ">", r"\textsuperscript{3}": "\N{SUPERSCRIPT THREE}"}
"""Commands of LaTeX that the reader below does not know."""
READER = LatexNodes2Text(math_mode="text")


def shown(latex: str) -> str:
    """What pylatexenc, which knows LaTeX's commands, would show; it stops at anything unbalanced."""
    read = re.sub(r"\\recaeunicode\{([^}]*)\}\{[^}]*\}", r"\1", latex)
    for command, letter in UNKNOWN.items():
        read = read.replace(command, letter)
    LatexWalker(read, tolerant_parsing=False).get_latex_nodes()
    return READER.latex_to_text(read)


def cells(table: str) -> list[list[str]]:
    rows = [line.removesuffix(r" \\") for line in table.splitlines() if line.endswith(r" \\")]
    return [re.split(r"(?<!\\)&", row) for row in rows]


def test_the_best_is_bold_and_superscripts_name_who_is_beaten(comparison):
    table = to_latex(comparison)
    ease, ials, _, last = cells(table)[1:]

    assert [part.strip() for part in ease[:4]] == ["a", "EASE", r"\textbf{0.5159}", r"\textsuperscript{b--d}"]
    assert ials[3].strip() == r"\textsuperscript{c,d}"
    assert last[3].strip() == ""
    assert table.count(r"\textbf{") == len(comparison.metrics)
    assert r"\usepackage{booktabs}" in table
    assert [table.count(rule) for rule in (r"\toprule", r"\midrule", r"\bottomrule")] == [1, 1, 1]
    assert "6 comparisons" in table


def test_what_cannot_be_told_apart_has_no_mark(compared, run):
    one = run("ease", 0.2)
    twins = compared((one, run("ials", 0.2, evaluation=one.evaluation)))

    assert r"\textsuperscript" not in to_latex(twins)
    assert to_latex(twins).count(r"\textbf{") == 2 * len(twins.metrics)


def test_intervals_on_request(comparison):
    low, high = comparison.leaderboard()[0].intervals["ndcg@10"]

    assert f"\\textbf{{0.5159}} [{low:.4f}, {high:.4f}]" in to_latex(comparison, intervals=True)
    assert "[" not in to_latex(comparison).partition(r"\toprule")[2]


def test_a_metric_without_values_per_user_has_no_letters(compared):
    table = to_latex(compared(metrics=("coverage@10",)))

    assert r"\begin{tabular}{@{}lr@{}}" in table
    assert "uperscript" not in table


def test_what_was_not_measured_is_a_dash(compared, run):
    table = to_latex(compared(metrics=("ndcg@10", "rmse")))

    assert all(row[-1].strip() == "--" for row in cells(table)[1:])


def test_models_of_one_title_keep_their_names(compared, run):
    table = to_latex(compared((run("a-1", 0.2, title="EASE"), run("a-2", 0.1, title="EASE"))))

    assert [row[1].strip() for row in cells(table)[1:]] == ["a-1", "a-2"]


def test_every_row_has_every_column(compared, run):
    runs = tuple(run(f"model-{i} {name}", i / 50, title=name) for i, name in enumerate(HOSTILE))
    facts = {"seed": HOSTILE[0]}
    table = to_latex(compared(runs, facts=facts, split={"spec": HOSTILE[4]}))

    columns = re.search(r"\\begin\{tabular\}\{@\{\}(.*?)@\{\}\}$", table, re.M)
    assert columns is not None
    assert {len(row) for row in cells(table)[1:]} == {len(columns[1].replace("@{}", ""))}
    assert len(cells(table)) == 1 + len(runs)
    for line in table.splitlines():
        known = r"%|\\(providecommand|begin|toprule|midrule|bottomrule|end)|.* \\\\$"
        assert re.match(known, line), line
    assert NEEDED in table.splitlines()
    assert not re.search(r"\\(input|write|def|end\{(?!tabular))", table.partition(r"\begin{tabular}")[2])


@pytest.mark.parametrize("text", HOSTILE)
def test_names_are_set_as_they_are(text):
    latex = escaped(text)

    assert latex.isprintable() or "\u200d" in latex
    assert shown(latex).translate(SAME) == unicodedata.normalize("NFC", one_line(text)).translate(SAME)


@given(st.text(max_size=60))
@settings(max_examples=100, deadline=None)
def test_any_name_is_set_as_it_is(text):
    latex = escaped(text)

    assert latex.count("{") - latex.count(r"\{") == latex.count("}") - latex.count(r"\}")
    assert not re.search(r"(?<!\\)[%&#_]", latex)
    assert all(letter.isascii() for letter in re.sub(r"\\recaeunicode\{[^}]*\}", "", latex))


def test_the_first_letter_of_a_row_is_no_argument():
    assert [protected(escaped(text)) for text in ("[2pt] x", "* x", "x [y]")] == ["{[}2pt] x", "{*} x", "x [y]"]


def test_letters_go_on_after_z():
    assert [letter_of(place) for place in (0, 25, 26, 51, 52, 701, 702)] == ["a", "z", "aa", "az", "ba", "zz", "aaa"]


@pytest.mark.parametrize("engine", ["pdflatex", "xelatex", "lualatex", "tectonic"])
def test_it_compiles(engine, compared, run, tmp_path):
    if shutil.which(engine) is None:
        pytest.skip(f"{engine} is not installed, so that the table is only checked by its structure")
    runs = tuple(run(f"model-{i}", i / 50, title=name) for i, name in enumerate(HOSTILE))
    comparison = dataclasses.replace(compared(runs), facts={"seed": HOSTILE[0]})
    (tmp_path / "report.tex").write_text(to_latex(comparison, intervals=True), encoding="utf-8")
    paper = r"\documentclass{article}\usepackage{booktabs}\begin{document}\input{report.tex}\end{document}"
    (tmp_path / "paper.tex").write_text(paper, encoding="utf-8")
    stop = [] if engine == "tectonic" else ["-interaction=nonstopmode", "-halt-on-error"]

    done = subprocess.run([engine, *stop, "paper.tex"], cwd=tmp_path, capture_output=True, timeout=120, check=False)

    assert done.returncode == 0, done.stdout[-2000:]
    assert (tmp_path / "paper.pdf").stat().st_size > 1000
