"""The slices as a section of a page and of a Markdown report."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from recae.reports.page import drawn
from recae.reports.slice_plots import slice_plot
from recae.reports.slices import SliceRow, SliceTable, leaders, note, span
from recae.reports.text import one_line
from recae.reports.wording import lower_is_better, metric_label, score, whole


def slices_context(tables: Sequence[SliceTable], colours: Mapping[str, str]) -> dict[str, Any]:
    """What the template slices.html.j2 shows; `colours` are style classes by model."""
    plots = [slice_plot(table, colours) for table in tables]
    return {
        "slice_plots": [drawn(plot) for plot in plots if plot is not None],
        "slice_tables": [_shown(table) for table in tables],
    }


def _shown(table: SliceTable) -> dict[str, Any]:
    return {
        "title": one_line(table.title),
        "note": one_line(f"{note(table)} {table.definition}"),
        "models": [_heading(table, model) for model in table.models],
        "first": "ascending" if lower_is_better(table.metric) else "descending",
        "rows": [
            {
                "label": one_line(row.label),
                "few": not row.certain,
                "users": row.users,
                "targets": row.targets,
                "cells": [_cell(table, row, model) for model in table.models],
            }
            for row in table.rows
        ],
    }


def _heading(table: SliceTable, model: str) -> str:
    """The model, or what the figure is where one model without a name is shown."""
    return one_line(model) or metric_label(table.metric)


def _cell(table: SliceTable, row: SliceRow, model: str) -> dict[str, Any]:
    estimate = row.values.get(model)
    return {
        "text": score(None if estimate is None else estimate.value),
        "raw": estimate.value if estimate is not None and math.isfinite(estimate.value) else "",
        "span": "" if estimate is None else span(estimate),
        "best": table.leader(row) == model,
    }


def slices_markdown(tables: Sequence[SliceTable], escape: Callable[[str], str]) -> list[str]:
    """Every slice as a heading, a sentence and a table; `escape` makes any text safe on one line of a table."""
    parts = ["## Where it works"] if tables else []
    for table in tables:
        told = " ".join(part for part in (note(table), leaders(table), table.definition) if part)
        parts += [f"### {escape(table.title)}", escape(told), _grid(table, escape)]
    return parts


def _grid(table: SliceTable, escape: Callable[[str], str]) -> str:
    lines = [["group", "users", "hidden items", *(escape(_heading(table, model)) for model in table.models)]]
    lines.append([":--", *("--:" for _ in lines[0][1:])])
    for row in table.rows:
        cells = [_cell(table, row, model) for model in table.models]
        figures = [f"**{cell['text']}**" if cell["best"] else cell["text"] for cell in cells]
        told = [
            f"{figure} ({cell['span']})" if cell["span"] else figure
            for figure, cell in zip(figures, cells, strict=True)
        ]
        label = escape(row.label) + ("" if row.certain else " (few users, uncertain)")
        lines.append([label, whole(row.users), whole(row.targets), *told])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
