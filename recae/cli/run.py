"""`recae run`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from recae.cli import text
from recae.cli.base import command, option
from recae.cli.console import Console
from recae.cli.options import PATH


@command(
    "run",
    examples=(
        "recae run nightly.toml",
        "recae run nightly.toml --json --log-format json      for a scheduler",
        "recae config schema                                  what the file may hold",
    ),
)
@click.argument("job", metavar="JOB.toml", type=PATH)
@option("--force", is_flag=True, help="Do every step anew, whatever is up to date.")
def run(console: Console, job: Path, force: bool) -> None:
    """Do a whole job and publish its result.

    Read the log, split it, compare the models, hold the best to the gates, train it on everything, make the lists, and
    put lists, model and report in place of those published before, all at once. Steps whose inputs did not change
    are skipped; a run that was interrupted goes on where it was. Exit code 6: a gate was not met, and what was
    published before stands.
    """
    from recae.jobs.run import run as run_job
    from recae.jobs.run_judged import NotPublishedError
    from recae.reports.gates import gate_lines

    try:
        ran = run_job(job, force=force, progress=console.progress, run_id=console.run_id, command=console.typed)
    except NotPublishedError as error:
        lines = "\n".join(gate_lines(error.gates))
        console.finish(lines, status="error", exit_code=error.exit_code, message=str(error), gates=list(error.gates))
        raise
    model, facts = ran.facts["model"], ran.facts
    rows: list[tuple[str, Any]] = [
        ("published", f"{ran.folder} ({'up to date' if ran.up_to_date else f'{ran.seconds:,.1f} s'})"),
        ("model", " ".join([model["name"], *(f"{key}={value}" for key, value in model["settings"].items())])),
        ("lists", f"{facts['rows']:,} rows for {facts['users']:,} users"),
        *facts["metrics"].items(),
        *((gate["name"], "passed") for gate in facts["gates"]),
        *((f"step {step.name}", f"{step.status}, {step.seconds:.1f} s") for step in ran.steps),
    ]
    console.finish(
        text.facts(rows),
        status="up to date" if ran.up_to_date else "ok",
        output=ran.folder,
        rows=facts["rows"],
        users=facts["users"],
        model=model["name"],
        settings=model["settings"],
        metrics=facts["metrics"],
        gates=facts["gates"],
        steps=list(ran.steps),
        job_run_id=facts["run_id"],
    )
