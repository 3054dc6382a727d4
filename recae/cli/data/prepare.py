"""`recae data prepare`."""

from __future__ import annotations

from pathlib import Path

import click

from recae.cli.base import command
from recae.cli.console import Console
from recae.cli.data.filter import BINARIZE, END, START
from recae.cli.options import PATH, force_option, input_options, out_option
from recae.jobs.reading import Reading


@command(
    "data prepare",
    examples=(
        "recae data prepare ratings.csv --min-rating 4 --out prepared",
        "recae data prepare split --out prepared-split",
        "recae train prepared-split --model elsa --out model",
    ),
)
@click.argument("source", metavar="INPUT", type=PATH)
@out_option
@force_option
@BINARIZE
@START
@END
@input_options
def prepare_command(
    console: Console,
    source: Path,
    out: Path,
    force: bool,
    binarize: bool,
    start: str | None,
    end: str | None,
    reading: Reading,
) -> None:
    """Write a log or a split so that it opens at once.

    Reading a log of many millions of rows takes minutes and memory each time; the folder OUT is mapped into memory
    instead and read as it is used. It is an INPUT wherever a log or a split is. A log is filtered first, as by
    `recae data filter`; of a split every part is prepared as it is.
    """
    from recae.jobs import prepare

    result = prepare.prepare_input(
        source, out, reading=reading, binarize=binarize, start=start, end=end, force=force, progress=console.progress
    )
    console.finish(result.text, status=result.status, output=result.folder, rows=result.rows, **result.facts)
