"""`recae data split`."""

from __future__ import annotations

from pathlib import Path

import click

from recae.cli.base import command, option
from recae.cli.console import Console
from recae.cli.options import PATH, force_option, input_options, out_option
from recae.jobs.reading import Reading


@command(
    "data split",
    examples=(
        "recae data split ratings.csv --out split",
        "recae data split ratings.csv --split per-user:test=0.2 --seed 7 --out split",
        "recae data split ratings.csv --split time:at=2025-06-01 --out split",
        "recae train split --model ease --out model",
    ),
)
@click.argument("source", metavar="INPUT", type=PATH)
@out_option
@force_option
@option(
    "--split",
    "spec",
    default="user-holdout:valid=0.1,test=0.1,observed=0.8",
    show_default=True,
    metavar="SPEC",
    help="How to split: user-holdout, per-user, leave-last-out, time, kfold:K, or a published protocol (liang2018, "
    "lightgcn, inf-ae, autorec), with its parameters.",
)
@option("--seed", type=click.IntRange(min=0), default=42, show_default=True, help="Who and what is held out.")
@input_options
def split(console: Console, source: Path, out: Path, force: bool, spec: str, seed: int, reading: Reading) -> None:
    """Write training data and held-out targets.

    As train.parquet, valid.parquet and test.parquet in the folder OUT, which is an INPUT for
    `recae train` and `recae compare`.
    """
    from recae.jobs import prepare

    result = prepare.split_input(
        source, out, spec=spec, seed=seed, reading=reading, force=force, progress=console.progress
    )
    console.finish(
        result.text, status=result.status, output=result.folder, rows=result.rows, files=result.files, **result.facts
    )
