"""The files of a comparison: the report in every form, and every user's values."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa

from recae.reports.comparison import Comparison
from recae.store.manifest import write_json
from recae.store.tables import write_table

MARKER = "report.json"
PER_USER = "per-user.parquet"
FILES = ("report.html", "report.md", "report.tex", MARKER, PER_USER, "split", "models")


def write_reports(comparison: Comparison, folder: Path, user_column: str) -> None:
    """Write the report and the values per user into `folder`."""
    from recae.reports.html import write_html
    from recae.reports.latex import to_latex
    from recae.reports.markdown import to_markdown
    from recae.reports.structured import to_json

    write_html(comparison, folder / "report.html")
    (folder / "report.md").write_text(to_markdown(comparison), encoding="utf-8")
    (folder / "report.tex").write_text(to_latex(comparison), encoding="utf-8")
    write_table(_per_user(comparison, user_column), folder / PER_USER)
    write_json(folder, MARKER, to_json(comparison))


def _per_user(comparison: Comparison, column: str) -> pa.Table:
    tables = []
    for run in comparison.runs:
        table = run.evaluation.to_arrow(column)
        tables.append(table.add_column(0, "model", pa.array([run.name] * len(table), pa.string())))
    return pa.concat_tables(tables, promote_options="default")
