"""`recae leaderboard`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from recae.cli import text
from recae.cli.base import command, option
from recae.cli.console import Console
from recae.cli.options import PATH
from recae.counted import counted

if TYPE_CHECKING:
    from recae.jobs.leaderboard import Board


@command(
    "leaderboard",
    examples=(
        "recae compare ratings.csv --out monday --leaderboard board.parquet",
        "recae leaderboard board.parquet",
        "recae leaderboard board.parquet --metric recall@20 --all",
    ),
)
@click.argument("table", metavar="FILE", type=PATH)
@option("--metric", metavar="NAME", help="Rank by it.  [default: the metric that chose the settings]")
@option("--all", "everything", is_flag=True, help="Every entry, not only the best one of each model.")
def leaderboard(console: Console, table: Path, metric: str | None, everything: bool) -> None:
    """Show which models lead on which data.

    FILE is what `recae compare --leaderboard FILE` adds to. Figures stand together only if they were reached on the
    same data and the same test targets.
    """
    from recae.jobs.leaderboard import boards

    found = boards(table, metric, everything=everything)
    console.finish(
        "\n\n".join(_shown(board, console.cut) for board in found),
        output=table,
        rows=sum(len(board.standings) for board in found),
        boards=found,
    )


def _shown(board: Board, width: int) -> str:
    head = f"{board.data}, {board.split}: {counted(board.test_users, 'test user')}, by {board.metric}"
    rows = [
        [
            one.rank,
            one.model,
            f"{one.value:.4f}",
            "" if one.interval is None else f"[{one.interval[0]:.4f}, {one.interval[1]:.4f}]",
            f"{one.fit_seconds:.1f} s",
            one.date[:10],
            one.entries,
            ", ".join(f"{key} = {value}" for key, value in one.settings.items()),
        ]
        for one in board.standings
    ]
    names = ["", "model", board.metric, "95 % interval", "fit", "date", "entries", "settings"]
    left = "" if not board.without else f"\n{counted(board.without, 'entry', 'entries')} without {board.metric}"
    return f"{text.printable(head)}\n{text.table(names, rows, width=width)}{left}"
