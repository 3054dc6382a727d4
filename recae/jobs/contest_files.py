"""The files of a comparison: the report in every form, every user's values, and what closes the folder."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from recae.errors import DamagedFileError, StorageError
from recae.jobs.up_to_date import MADE_FROM
from recae.reports.comparison import Comparison
from recae.reports.reread import MARKER as REPORT
from recae.store.atomic import replacing_file
from recae.store.checksums import SUCCESS, of_file
from recae.store.manifest import library_versions, read_json, write_json, write_manifest
from recae.store.parquet import parquet_schema, read_parquet
from recae.store.tables import write_table

MARKER = "comparison.json"
"""Says what the comparison was made from, and lists its files: what else lies in the folder is somebody else's."""
PER_USER = "per-user.parquet"
FORMS = ("report.html", "report.md", "report.tex", REPORT, PER_USER)
FILES = (*FORMS, "split", "models", MARKER, SUCCESS)


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
    write_json(folder, REPORT, to_json(comparison))


def close(folder: Path, origin: Mapping[str, Any], besides: str) -> None:
    """Write the manifest of a folder in which everything lies; what lies in its folder `besides` is going to go.

    Raises:
        StorageError: it could not be written.
    """
    write_manifest(folder, MARKER, {MADE_FROM: origin, "versions": library_versions()}, besides=[besides])


def redraw(comparison: Comparison, folder: Path) -> None:
    """Write the report in every form into the folder of a finished comparison, and what its manifest says of them.

    Raises:
        StorageError: one could not be written.
    """
    write_forms(comparison, folder)
    try:
        told = read_json(folder / MARKER)
        listed = dict(told.get("files") or {}) | {name: of_file(folder / name) for name in FORMS}
        write_json(folder, MARKER, told | {"files": listed})
    except (OSError, DamagedFileError) as error:
        raise StorageError(f"What {folder / MARKER} says of the report could not be written: {error}.") from error


def _joined(files: list[Path]) -> Iterator[pa.Table]:
    """The tables one after the other, with nulls in the columns that one of them does not have."""
    schema = pa.unify_schemas([parquet_schema(file) for file in files], promote_options="default")
    for file in files:
        table = read_parquet(file)
        columns = [
            table[field.name] if field.name in table.column_names else pa.nulls(len(table), field.type)
            for field in schema
        ]
        yield pa.table(columns, schema=schema)
