"""A comparison as a LaTeX table for a paper: best in bold, significant differences as superscripts."""

from __future__ import annotations

from itertools import groupby

from recae.counted import counted
from recae.reports.comparison import Comparison, ModelRun
from recae.reports.latex_text import NEEDED, escaped, protected
from recae.reports.pairs import CLEAR
from recae.reports.standing import best_of_each, interval_words, test_words
from recae.reports.text import name_of, one_line
from recae.reports.wording import DASH, metric_label, score

_LETTERS = "abcdefghijklmnopqrstuvwxyz"


def to_latex(comparison: Comparison, *, intervals: bool = False) -> str:
    r"""The leaderboard, best first, as a `tabular` that needs nothing but `\usepackage{booktabs}`.

    The best of each column is bold. Superscripts name, by letter, the models that are significantly worse (paired
    randomisation test over users, Holm's correction). With `intervals` the 95 % interval stands behind every mean.
    """
    board, metrics = comparison.leaderboard(), comparison.metrics
    letters = {run.name: letter_of(place) for place, run in enumerate(board)}
    tested = {test.metric for test in comparison.pairs}
    names, marks, best = _names(board), _marks(comparison, letters), best_of_each(comparison)

    def cells(run: ModelRun, metric: str) -> str:
        shown = _figure(run, metric, run.name in best.get(metric, ()), intervals)
        mark = marks.get((run.name, metric))
        return shown + (" & " + (rf"\textsuperscript{{{mark}}}" if mark else "") if metric in tested else "")

    head = ["Model", *(rf"\multicolumn{{2}}{{c}}{{{_label(m)}}}" if m in tested else _label(m) for m in metrics)]
    rows = [[protected(names[run.name]), *(cells(run, metric) for metric in metrics)] for run in board]
    columns = "l" + "".join("r@{}l" if metric in tested else "r" for metric in metrics)
    if tested:
        head, columns = ["", *head], "l" + columns
        rows = [[letters[run.name], *row] for run, row in zip(board, rows, strict=True)]
    table = [
        rf"\begin{{tabular}}{{@{{}}{columns}@{{}}}}", r"\toprule", _line(head), r"\midrule",
        *map(_line, rows), r"\bottomrule", r"\end{tabular}",
    ]  # fmt: skip
    needed = [NEEDED] if any(r"\recaeunicode" in line for line in table) else []
    return "\n".join([*_notes(comparison, bool(tested), intervals), *needed, *table]) + "\n"


def letter_of(place: int) -> str:
    """0 -> a, 25 -> z, 26 -> aa."""
    return (letter_of(place // 26 - 1) if place >= 26 else "") + _LETTERS[place % 26]


def _names(board: tuple[ModelRun, ...]) -> dict[str, str]:
    """Model -> what its row is called: its title, or its own name where two have one title."""
    titles = {run.name: run.title.partition(",")[0].strip() for run in board}
    known = list(titles.values())
    return {
        name: escaped(name_of(title if title and known.count(title) == 1 else name, 60))
        for name, title in titles.items()
    }


def _marks(comparison: Comparison, letters: dict[str, str]) -> dict[tuple[str, str], str]:
    """(Model, metric) -> the letters of the models that it beats clearly, runs of them joined."""
    places = {name: place for place, name in enumerate(letters)}
    beaten: dict[tuple[str, str], list[int]] = {}
    for test in comparison.pairs:
        if test.clear(CLEAR):
            beaten.setdefault((test.better, test.metric), []).append(places[test.worse])
    return {key: _runs(sorted(found)) for key, found in beaten.items()}


def _runs(places: list[int]) -> str:
    """[1, 2, 3, 5] -> "b--d,f"."""
    parts = []
    for _, group in groupby(enumerate(places), key=lambda pair: pair[1] - pair[0]):
        run = [letter_of(place) for _, place in group]
        parts.append(f"{run[0]}--{run[-1]}" if len(run) > 2 else ",".join(run))
    return ",".join(parts)


def _figure(run: ModelRun, metric: str, best: bool, with_interval: bool) -> str:
    value, span = _number(run.means.get(metric)), run.intervals.get(metric)
    shown = rf"\textbf{{{value}}}" if best else value
    return f"{shown} [{_number(span[0])}, {_number(span[1])}]" if with_interval and span else shown


def _number(value: float | None) -> str:
    return score(value).replace("-", "$-$").replace(DASH, "--")


def _label(metric: str) -> str:
    return protected(escaped(metric_label(metric)))


def _line(cells: list[str]) -> str:
    return " & ".join(cells) + r" \\"


def _notes(comparison: Comparison, lettered: bool, intervals: bool) -> list[str]:
    spec, seed = comparison.split.get("spec"), comparison.facts.get("seed")
    users = counted(len(comparison.runs[0].evaluation.users), "test user")
    made = ", ".join(f"{name} {value}" for name, value in (("split", spec), ("seed", seed)) if value is not None)
    notes = [
        r"\usepackage{booktabs}; bold: best of its column.",
        comparison.verdict.headline,
        comparison.verdict.caution,
        f"Means over {users}" + (f"; {made}." if made else "."),
        f"In brackets: {interval_words(comparison)}." if intervals else "",
        f"Superscripts: significantly better than these models ({test_words(comparison)}, p <= {CLEAR}, corrected for "
        f"{counted(len(comparison.pairs), 'comparison')} by Holm's method)." if lettered else "",
    ]  # fmt: skip
    return [f"% {one_line(note)}" for note in notes if note]
