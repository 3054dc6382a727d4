"""`recae report`."""

from __future__ import annotations

from pathlib import Path

import click

from recae.cli import text
from recae.cli.base import command, option
from recae.cli.console import Console
from recae.cli.options import PATH


@command(
    "report",
    examples=(
        "recae report comparison                                      the table and the verdict, here",
        "recae report comparison --out report.html --out table.tex",
        "recae report comparison other-models --out both.html         two comparisons on the same test data",
        "recae report comparison --against last-week --out news.html  what changed since",
    ),
)
@click.argument("folders", metavar="FOLDER...", type=PATH, nargs=-1, required=True)
@option(
    "--out",
    "out",
    type=PATH,
    multiple=True,
    metavar="FILE",
    help="Write the report: .html, .md, .json or .tex, any number of times.",
)
@option("--against", type=PATH, metavar="FOLDER", help="Hold each model against itself in an earlier comparison.")
def report(console: Console, folders: tuple[Path, ...], out: tuple[Path, ...], against: Path | None) -> None:
    """Draw the report of a comparison again.

    Nothing is fitted or judged anew: report.json and per-user.parquet in the FOLDER that `recae compare` wrote hold all
    that a report tells. Several folders become one report if they were judged on the same test data.
    """
    from recae.jobs.report import drawing_of
    from recae.jobs.report import report as report_job
    from recae.reports.pairs import pair_sentence
    from recae.reports.terminal import to_terminal

    result = report_job(folders, out=out, against=against)
    comparison = result.comparison
    with drawing_of((*folders, *filter(None, [against]))):
        board = comparison.leaderboard()
        changes = [text.printable(pair_sentence(test)) for test in result.changes]
        parts = [to_terminal(comparison, console.width, console.colour), "\n".join(changes)]
    reached = {
        run.name: {name: run.means[name] for name in comparison.metrics if name in run.means} for run in board
    }  # fmt: skip
    console.finish(
        "\n\n".join(filter(None, [*parts, "\n".join(map(str, result.files))])),
        output=result.files[0] if result.files else None,
        files=result.files,
        rows=len(board[0].evaluation.users),
        best=board[0].name,
        metrics=reached[board[0].name],
        models=reached,
        changes=changes,
    )
