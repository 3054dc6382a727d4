"""`recae similar`."""

from __future__ import annotations

from pathlib import Path

import click

from recae.cli import text
from recae.cli.base import command, option
from recae.cli.console import Console
from recae.cli.options import PATH
from recae.counted import counted


@command(
    "similar",
    examples=(
        "recae similar model --item 260 --top 10",
        "recae similar model --item 260 --item 1196 --catalog items.parquet",
        "recae similar model --items all-items.csv --top 20 --out similar.parquet",
    ),
)
@click.argument("model", metavar="MODELDIR", type=PATH)
@option("--item", "items", multiple=True, metavar="ID", help="An item, any number of times.")
@option("--items", "items_file", type=PATH, metavar="FILE", help="A file of items.")
@option("--top", type=click.IntRange(min=1), default=10, show_default=True, metavar="N", help="Neighbours of each.")
@option("--out", type=PATH, metavar="FILE", help="Write them to a .parquet, .csv, .tsv or .jsonl file.")
@option("--catalog", type=PATH, metavar="FILE", help="Items with titles, to show beside the ids.")
def similar(
    console: Console,
    model: Path,
    items: tuple[str, ...],
    items_file: Path | None,
    top: int,
    out: Path | None,
    catalog: Path | None,
) -> None:
    """Find the items that go with an item.

    By the cosine of item vectors, or by the model's item-item weights."""
    from recae.jobs.similar import similar as similar_job

    result = similar_job(
        model, items, items_file=items_file, top=top, out=out, catalog=catalog, progress=console.progress
    )
    # Ids are names, whatever their type: no separators between thousands.
    rows = [
        [str(cell) if place < 2 else cell for place, cell in enumerate(row)]
        for row in zip(*result.table.to_pydict().values(), strict=True)
    ]
    shown = text.table(result.table.column_names, rows, width=console.cut)
    console.finish(
        shown if out is None else f"{out}: {counted(len(rows), 'row')}",
        output=out,
        rows=len(rows),
        **({"similar": result.table.to_pylist()} if out is None else {}),
    )
