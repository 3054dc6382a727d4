"""The files of a comparison: the report in every form, and every user's values."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from recae.reports.comparison import Comparison
from recae.store.atomic import replacing_file
from recae.store.manifest import write_json
from recae.store.tables import write_table

MARKER = "report.json"
PER_USER = "per-user.parquet"
FORMS = ("report.html", "report.md", "report.tex", MARKER, PER_USER)
FILES = (*FORMS, "split", "models")


def write_reports(comparison: Comparison, folder: Path, values: Iterable[Path]) -> None:
    """Write the report into `folder`, and from the files `values`, of one model and split each, the values per user."""
    write_table(_joined(list(values)), folder / PER_USER)
    write_forms(comparison, folder)


def write_forms(comparison: Comparison, folder: Path) -> None:
    """Write the report in every form into `folder`.

    Every file is replaced and none written over: a publication may share them.
    """
    from recae.reports.html import write_html
    from recae.reports.latex import to_latex
    from recae.reports.markdown import to_markdown
    from recae.reports.structured import to_json

    write_html(comparison, folder / "report.html")
    for name, to_text in (("report.md", to_markdown), ("report.tex", to_latex)):
        with replacing_file(folder / name) as beside:
            beside.write_text(to_text(comparison), encoding="utf-8")
    write_json(folder, MARKER, to_json(comparison))


def _joined(files: list[Path]) -> Iterator[pa.Table]:
    """The tables one after the other, with nulls in the columns that one of them does not have."""
    schema = pa.unify_schemas([pq.read_schema(file) for file in files], promote_options="default")
    for file in files:
        table = pq.read_table(file)
        columns = [
            table[field.name] if field.name in table.column_names else pa.nulls(len(table), field.type)
            for field in schema
        ]
        yield pa.table(columns, schema=schema)
