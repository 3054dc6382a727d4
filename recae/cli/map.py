"""`recae map`."""

from __future__ import annotations

from pathlib import Path

import click

from recae.cli.base import command, option
from recae.cli.console import Console
from recae.cli.options import PATH
from recae.counted import counted


@command(
    "map",
    examples=(
        "recae map model --catalog items.parquet --out map.html",
        "recae map model --catalog items.parquet --colour year --top 1000 --out map.html",
        "recae map model --out positions.parquet --out map.html",
    ),
)
@click.argument("model", metavar="MODELDIR", type=PATH)
@option(
    "--out",
    multiple=True,
    required=True,
    type=PATH,
    metavar="FILE",
    help="Write a page (.html), or positions as a .parquet, .csv, .tsv or .jsonl file; may be given more than once.",
)
@option("--catalog", type=PATH, metavar="FILE", help="Items with titles, and columns to colour by.")
@option(
    "--colour",
    metavar="COLUMN",
    help="Column of the catalogue to colour by, or users.  [default: genres if there are any, else users]",
)
@option(
    "--top",
    type=click.IntRange(3, 20_000),
    default=2_000,
    show_default=True,
    metavar="N",
    help="How many items, the most popular ones.",
)
def map_(
    console: Console, model: Path, out: tuple[Path, ...], catalog: Path | None, colour: str | None, top: int
) -> None:
    """Draw a map of the items: like items lie near each other.

    Alike are items of like vectors; a model without vectors is asked what it lists beside each item."""
    from recae.jobs.item_map import map_items

    done = map_items(
        model, out=out, catalog=catalog, colour=colour, top=top, progress=console.progress, command=console.typed
    )
    found = done.map
    console.finish(
        f"{', '.join(map(str, done.files))}: {counted(len(found.ids), 'item')}",
        output=done.files[0],
        outputs=done.files,
        rows=len(found.ids),
        items=found.catalogue,
        model=found.model,
        source=found.source,
        colour=found.colour,
        groups=found.groups,
        kept=found.kept,
    )
