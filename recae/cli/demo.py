"""`recae demo`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from recae.cli.base import command, option
from recae.cli.console import Console, program
from recae.cli.options import PATH, run_options
from recae.cli.text import printable
from recae.options import RunOptions


@command("demo", examples=("recae demo", "recae demo --out demo-output"))
@option(
    "--out",
    type=PATH,
    default=Path("demo-output"),
    show_default=True,
    metavar="DIR",
    help="The folder that it writes to.",
)
@run_options
def demo(console: Console, out: Path, run: RunOptions) -> None:
    """Do the whole job on a generated sample.

    Describe, split, compare, train, evaluate, recommend. Takes less than 2 minutes and shows the
    commands as they would be typed.
    """
    from recae.jobs.demo import demo as demo_job

    result = demo_job(out, options=replace(run, progress=console.progress), run_id=console.run_id, show=console.say)
    lists = [f"  user {user}: {printable('; '.join(titles))} ..." for user, titles in result.examples]
    files = [f"  {path}" for path in result.files()]
    recae = program()
    text = "\n".join(
        [
            "",
            f"Best by {result.compared.comparison.metrics[0]}: {result.compared.best}. What it recommends:",
            *lists,
            "",
            f"Written in {result.seconds:,.0f} s:",
            *files,
            "",
            f"Open {result.files()[0]} in a browser. Next:",
            f"  {recae} similar {out / 'model'} --item 1 --catalog {out / 'sample' / 'items.csv'}",
            f"  {recae} compare YOUR-LOG.csv --out comparison",
        ]
    )
    console.finish(
        text,
        output=out,
        files=result.files(),
        rows=result.rows,
        best=result.compared.best,
        metrics=result.judged.means,
    )
