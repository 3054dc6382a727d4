"""`recae config`: what the file of a whole job may hold."""

from __future__ import annotations

import json
from pathlib import Path

import click

from recae.cli.base import command
from recae.cli.console import Console
from recae.cli.help import LazyGroup
from recae.cli.options import PATH

COMMANDS = {"schema": "recae.cli.job_config:schema", "check": "recae.cli.job_config:check"}


@click.group(
    "config",
    cls=LazyGroup,
    table=COMMANDS,
    examples=("recae config schema > job.schema.json", "recae config check nightly.toml"),
)
def group() -> None:
    """Say what the file of a whole job may hold, and check one; `recae run` does it."""


@command("config schema", examples=("recae config schema", "recae config schema > job.schema.json"))
def schema(console: Console) -> None:
    """Print the JSON Schema of a job file, for editors and checks."""
    from recae.jobs.job_file import schema as schema_of

    found = schema_of()
    console.finish(json.dumps(found, indent=2, ensure_ascii=False), schema=found)


@command("config check", examples=("recae config check nightly.toml",))
@click.argument("job", metavar="JOB.toml", type=PATH)
def check(console: Console, job: Path) -> None:
    """Check a job file without doing anything.

    Its keys and values, and that its models, metrics, split and input files exist.
    """
    from recae.jobs.job_check import check_job

    checked = check_job(job)
    console.finish(f"{job} can be run.", output=job, job=checked.job.model_dump(mode="json"))
