"""A comparison as a table for the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from recae.reports.comparison import Comparison, ModelRun
from recae.reports.standing import best_of_each, interval_words
from recae.reports.text import columns_of, name_of, one_line
from recae.reports.wording import duration, score

_BOLD, _DIM, _GREEN, _RESET = "\x1b[1m", "\x1b[2m", "\x1b[32m", "\x1b[0m"
_GAP = "  "


@dataclass(frozen=True)
class _Cell:
    text: str
    style: str = ""


def to_terminal(comparison: Comparison, width: int = 100, colour: bool = False) -> str:
    """The leaderboard, best first, and the verdict below it.

    The best of each column is marked with * (and in colour). Metrics that do not fit into `width` columns are
    left out from the right and named below; the model, the first metric with its interval and the time to fit
    always stay.
    """
    shown = len(comparison.metrics)
    while shown > 1 and _width_of(_rows(comparison, shown)) > width:
        shown -= 1
    rows = _rows(comparison, shown)
    lines = [_line(row, _sizes(rows), colour) for row in rows]
    judged = comparison.verdict
    notes = [f"* best of its column; in brackets the {interval_words(comparison)}"]
    if shown < len(comparison.metrics):
        notes.append(f"not shown here: {', '.join(map(name_of, comparison.metrics[shown:]))}")
    lead = [
        _painted(part, _BOLD, colour)
        for told in (judged.headline, judged.caution)
        if told
        for part in _wrapped(one_line(told), width)
    ]
    wrapped = [*lead, *(part for sentence in judged.details for part in _wrapped(one_line(sentence), width))]
    dimmed = [_painted(part, _DIM, colour) for note in notes for part in _wrapped(note, width)]
    return "\n".join([*lines, *dimmed, "", *wrapped])


def _rows(comparison: Comparison, shown: int) -> list[list[_Cell]]:
    metrics, best = comparison.metrics[:shown], best_of_each(comparison)
    span_title = _Cell("95% interval", _DIM)
    rows = [
        [
            _Cell(""),
            _Cell("model"),
            _Cell(name_of(metrics[0]) + " "),
            span_title,
            *(_Cell(name_of(m) + " ") for m in metrics[1:]),
            _Cell("fit"),
        ]
    ]
    for rank, run in enumerate(comparison.leaderboard(), start=1):
        figures = [_figure(run, metric, run.name in best.get(metric, ())) for metric in metrics]
        span = run.intervals.get(metrics[0])
        between = _Cell(f"[{score(span[0])}, {score(span[1])}]" if span else "", _DIM)
        name = _Cell(name_of(run.name), _BOLD if rank == 1 else "")
        rows.append([_Cell(str(rank), _DIM), name, figures[0], between, *figures[1:], _Cell(duration(run.fit_seconds))])
    return rows


def _figure(run: ModelRun, metric: str, best: bool) -> _Cell:
    return _Cell(score(run.means.get(metric)) + ("*" if best else " "), _GREEN if best else "")


def _sizes(rows: Sequence[Sequence[_Cell]]) -> list[int]:
    return [max(columns_of(row[i].text) for row in rows) for i in range(len(rows[0]))]


def _width_of(rows: Sequence[Sequence[_Cell]]) -> int:
    return sum(_sizes(rows)) + len(_GAP) * (len(rows[0]) - 1)


def _line(row: Sequence[_Cell], sizes: Sequence[int], colour: bool) -> str:
    aligned = []
    for i, (cell, size) in enumerate(zip(row, sizes, strict=True)):
        padding = " " * (size - columns_of(cell.text))
        text = _painted(cell.text, cell.style, colour)
        aligned.append(text + padding if i == 1 else padding + text)
    return _GAP.join(aligned).rstrip()


def _wrapped(text: str, width: int) -> list[str]:
    lines = [""]
    for word in (part for long in text.split(" ") for part in _parts(long, width)):
        if lines[-1] and columns_of(lines[-1]) + 1 + columns_of(word) > width:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    return lines


def _parts(word: str, width: int) -> list[str]:
    """A word, or where it is longer than a line its pieces of half a line: letters may be two columns wide."""
    step = width if columns_of(word) <= width else max(1, width // 2)
    return [word[start : start + step] for start in range(0, len(word), step)] or [""]


def _painted(text: str, style: str, colour: bool) -> str:
    return f"{style}{text}{_RESET}" if colour and style and text else text
