"""A comparison as Markdown, for a wiki page, a pull request or a mail."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

from recae.reports.comparison import Comparison, ModelRun
from recae.reports.costs import costs_markdown
from recae.reports.datafacts import data_rows, split_rows, split_table
from recae.reports.error_section import errors_markdown
from recae.reports.examples import examples_markdown
from recae.reports.gates import gates_markdown
from recae.reports.item_map import map_markdown
from recae.reports.model_plots import curves_markdown
from recae.reports.models_table import ON_PAPER, grouped
from recae.reports.page import making
from recae.reports.pairs import pair_sentence
from recae.reports.similar_items import similar_markdown
from recae.reports.slice_section import slices_markdown
from recae.reports.slices import tables_of
from recae.reports.split_by_split import OF_THE_FIRST, splits_table
from recae.reports.standing import best_of_each, interval_words
from recae.reports.text import one_line
from recae.reports.trials import settings_markdown
from recae.reports.wording import DASH, duration, metric_label, metric_meaning, score

_SPECIAL = re.compile(r"([\\`*_{}\[\]<>#|~&$]|(?<=[A-Za-z]):(?=//)|(?<=[Ww]{3})\.)")
"""What could be markup anywhere in a line; of addresses what makes a link of them."""
_OPENING = re.compile(r"^(\s*\d*)([-+.)])(?=\s|$)")
"""What could begin a list."""


def to_markdown(comparison: Comparison) -> str:
    """The verdict, the table, what was chosen, the data and how it was made."""
    judged, made = comparison.verdict, making(comparison.facts)
    parts = [
        f"# {escaped(judged.headline)}",
        *([f"**{escaped(judged.caution)}**"] if judged.caution else []),
        "\n".join(f"- {escaped(sentence)}" for sentence in judged.details),
        *gates_markdown(comparison.gates, escaped),
        "## Models",
        _table(comparison),
        f"Best of each column in bold; in brackets the {interval_words(comparison)}.",
        f"Settings chosen on: {escaped(comparison.selected_on)}.",
        *_by_metric(comparison),
        *(["## Split by split", _splits(comparison)] if comparison.n_splits > 1 else []),
        *(["## Every pair", _pairs(comparison)] if comparison.pairs else []),
        *slices_markdown(tables_of(comparison), escaped),
        *costs_markdown(comparison, escaped),
        *errors_markdown(
            comparison.errors, [run.name for run in comparison.leaderboard()], comparison.metrics[0], escaped
        ),
        *examples_markdown(comparison, escaped),
        *similar_markdown(comparison, escaped),
        *map_markdown(comparison.item_map, escaped),
        *curves_markdown(comparison.leaderboard(), escaped),
        *settings_markdown(comparison, escaped),
        *_meanings(comparison.metrics),
        "## Data",
        _rows([("Source", str(comparison.data.get("source") or "")), *data_rows(comparison.data)]),
        "## Split",
        _rows(split_rows(comparison.split)),
        _parts(comparison.split),
        "## How it was made",
        _rows([("Command", made["command"]), *made["facts"]]),
        _code(made["configuration"]),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def escaped(text: str) -> str:
    """Text from outside as Markdown that shows it as it is, on one line."""
    return _OPENING.sub(r"\1\\\2", _SPECIAL.sub(r"\\\1", one_line(text)))


def _table(comparison: Comparison) -> str:
    metrics, best = comparison.metrics[:ON_PAPER], best_of_each(comparison)
    header = ["", "model", *(escaped(metric_label(metric)) for metric in metrics), "fit"]
    lines = [header, ["--:", ":--", *("--:" for _ in metrics), "--:"]]
    for rank, run in enumerate(comparison.leaderboard(), start=1):
        cells = [_cell(run, metric, run.name in best.get(metric, ()), metric == metrics[0]) for metric in metrics]
        lines.append([str(rank), escaped(run.name), *cells, duration(run.fit_seconds)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _by_metric(comparison: Comparison) -> list[str]:
    """A row for every metric, where there are too many of them to stand side by side."""
    if len(comparison.metrics) <= ON_PAPER:
        return []
    board, best = comparison.leaderboard(), best_of_each(comparison)
    lines = [["metric", *(escaped(run.name) for run in board)], [":--", *("--:" for _ in board)]]
    for metric in (one for members in grouped(comparison.metrics).values() for one in members):
        cells = [_cell(run, metric, run.name in best.get(metric, ()), False) for run in board]
        lines.append([escaped(metric_label(metric)), *cells])
    return ["## Every metric", "\n".join(f"| {' | '.join(line)} |" for line in lines)]


def _cell(run: ModelRun, metric: str, best: bool, with_interval: bool) -> str:
    value = score(run.means.get(metric))
    shown = f"**{value}**" if best else value
    span = run.intervals.get(metric) if with_interval else None
    return f"{shown} ({score(span[0])}{DASH}{score(span[1])})" if span else shown


def _splits(comparison: Comparison) -> str:
    """The first metric on each of several splits."""
    table = splits_table(comparison) or {"columns": [], "rows": []}
    lines = [["model", *(f"split {name}" for name in table["columns"]), "mean"]]
    lines += [[":--", *("--:" for _ in table["columns"]), "--:"]]
    lines += [[escaped(row["name"]), *row["values"], f"**{row['mean']}**"] for row in table["rows"]]
    return "\n".join([*(f"| {' | '.join(line)} |" for line in lines), "", OF_THE_FIRST])


def _pairs(comparison: Comparison) -> str:
    return "\n".join(f"- {escaped(pair_sentence(test))}" for test in comparison.pairs)


def _meanings(metrics: Sequence[str]) -> list[str]:
    told = [(metric_label(metric), metric_meaning(metric)) for metric in metrics]
    return ["## What the metrics mean", _rows(told)] if any(meaning for _, meaning in told) else []


def _rows(rows: Iterable[tuple[str, str]]) -> str:
    return "\n".join(f"- {escaped(name)}: {escaped(value)}" for name, value in rows if value)


def _parts(split: dict[str, Any]) -> str:
    """The sizes of the parts of the split as a table."""
    table = split_table(split)
    if table is None:
        return ""
    lines = [["part", *map(escaped, table["names"])], [":--", *("--:" for _ in table["names"])]]
    lines += [[escaped(row["name"]), *row["values"]] for row in table["rows"]]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _code(text: str) -> str:
    """JSON as it is: its texts have no line breaks, so that none of them can end the block."""
    return f"```json\n{text}\n```" if text else ""
