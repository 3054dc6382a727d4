"""`recae data list` and `recae data fetch`: public data sets by name."""

from __future__ import annotations

from pathlib import Path

import click

from recae.cli import text
from recae.cli.base import command, option
from recae.cli.console import Console
from recae.cli.options import PATH


@command("data list", examples=("recae data list", "recae data list --json"))
def list_known(console: Console) -> None:
    """List the public data sets that can be fetched."""
    from recae.jobs.known import known_sets

    sets = known_sets()
    rows = [[entry["name"], entry["title"], entry["licence"]] for entry in sets]
    console.finish(text.table(["name", "title", "licence"], rows, width=console.cut), data_sets=sets)


@command("data fetch", examples=("recae data fetch ml-100k --out ml-100k", "recae data describe ml-100k"))
@click.argument("name")
@option("--out", type=PATH, help="The folder to fetch it to.  [default: its name]")
def fetch(console: Console, name: str, out: Path | None) -> None:
    """Download a public data set.

    Its checksum is checked; an interrupted download goes on where it stopped."""
    from recae.jobs.known import fetch_known

    folder = fetch_known(name, out, progress=console.progress)
    console.finish(f"{folder}\nNext: recae data describe {folder}", output=folder, name=name)
