"""`recae data filter`."""

from __future__ import annotations

from pathlib import Path

import click

from recae.cli.base import command, option
from recae.cli.console import Console
from recae.cli.options import FILTERS, PATH, force_option, input_options, out_option
from recae.jobs.reading import Reading

BINARIZE = option(
    "--binarize", is_flag=True, section=FILTERS, help="Forget the ratings or weights: every interaction counts 1."
)
START = option("--start", section=FILTERS, metavar="TIME", help="Keep interactions from this time on, e.g. 2025-01-31.")
END = option("--end", section=FILTERS, metavar="TIME", help="Keep interactions before this time.")


@command(
    "data filter",
    examples=(
        "recae data filter ratings.csv --min-rating 4 --min-user-items 5 --out filtered",
        "recae data filter logs/ --start 2025-01-01 --end 2026-01-01 --out year-2025",
    ),
)
@click.argument("source", metavar="INPUT", type=PATH)
@out_option
@force_option
@BINARIZE
@START
@END
@input_options
def filter_command(
    console: Console,
    source: Path,
    out: Path,
    force: bool,
    binarize: bool,
    start: str | None,
    end: str | None,
    reading: Reading,
) -> None:
    """Write the interactions that pass the filters.

    OUT is a folder; the Parquet file in it has the user, item, rating or weight, and time column under the names
    that they have in the input. Other columns are not kept."""
    from recae.jobs import prepare

    result = prepare.filter_input(
        source, out, reading=reading, binarize=binarize, start=start, end=end, force=force, progress=console.progress
    )
    console.finish(
        result.text, status=result.status, output=result.folder, rows=result.rows, files=result.files, **result.facts
    )
