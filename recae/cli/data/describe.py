"""`recae data describe`."""

from __future__ import annotations

from pathlib import Path

import click

from recae.cli.base import command
from recae.cli.console import Console
from recae.cli.options import PATH, input_options
from recae.jobs.reading import Reading


@command(
    "data describe",
    examples=(
        "recae data describe ratings.csv",
        "recae data describe logs/ --user-col uid --item-col sku --json",
    ),
)
@click.argument("source", metavar="INPUT", type=PATH)
@input_options
def describe(console: Console, source: Path, reading: Reading) -> None:
    """Tell what is in a log.

    Sizes, density, histories, popularity, ratings, duplicates and time span. INPUT is a file or a folder of files:
    CSV, TSV, MovieLens .dat, JSON lines or Parquet, also compressed. Of a folder with interactions.* only that is
    read; of a folder that holds a split, train.*, valid.* and test.* one by one.
    """
    from recae.jobs import prepare

    result = prepare.describe(source, reading=reading, progress=console.progress)
    console.finish(result.text, **result.summary)
