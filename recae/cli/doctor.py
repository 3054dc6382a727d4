"""`recae doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from recae.cli import text
from recae.cli.base import command, option
from recae.cli.console import Console
from recae.cli.options import PATH


@command("doctor", examples=("recae doctor", "recae doctor --json > installation.json"))
@option(
    "--folder", type=PATH, default=Path(), show_default="here", metavar="DIR", help="Where outputs would be written."
)
def doctor(console: Console, folder: Path) -> None:
    """Tell what a bug report needs.

    Versions, machine, variables that change how recae runs, and whether a small job works from a log to lists. Ends
    with exit code 1 if something does not.
    """
    from recae.jobs.doctor import doctor as doctor_job

    found = doctor_job(folder=folder, progress=console.progress)
    checks = [(check.what, f"{'ok' if check.passed else 'FAILED'}: {check.detail}") for check in found.checks]
    failed = [check.what for check in found.checks if not check.passed]
    last = f"Not working: {', '.join(failed)}." if failed else "Everything that was tried works."
    console.finish(
        "\n".join([text.facts(_flat(found.facts)), "", text.facts(checks), "", last]),
        status="error" if failed else "ok",
        healthy=found.healthy,
        facts=found.facts,
        checks=list(found.checks),
    )
    if failed:
        click.get_current_context().exit(1)


def _flat(facts: dict[str, Any]) -> list[tuple[str, str]]:
    rows = []
    for name, value in facts.items():
        shown = ", ".join(f"{key} {inner}" for key, inner in value.items()) if isinstance(value, dict) else str(value)
        rows.append((name, shown))
    return rows
