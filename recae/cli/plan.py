"""`recae plan`."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recae.cli import text
from recae.cli.base import command, option
from recae.cli.console import Console
from recae.cli.options import (
    PATH,
    ModelName,
    ModelNames,
    input_options,
    parse_settings,
    run_options,
    settings_option,
)
from recae.errors import ConfigError
from recae.jobs.reading import Reading
from recae.options import RunOptions

if TYPE_CHECKING:
    from recae.jobs.plan import ModelPlan, Plan, Sizes

WHICH, SIZES = "Which models", "A log that is not there yet"
MANY = 5
"""With more models than this the table itself shows what to take instead."""


@command(
    "plan",
    examples=(
        "recae plan ratings.csv                                  what every model would take on this machine",
        "recae plan ratings.csv --models ease,elsa --max-memory 8G",
        "recae plan ratings.csv --model mult-vae --set hidden=200 --top 100",
        "recae plan --users 1000000 --items 200000 --interactions 50000000",
    ),
)
@click.argument("source", metavar="[INPUT]", type=PATH, required=False)
@option("--model", type=ModelName(), multiple=True, metavar="NAME", section=WHICH, help="A model, any number of times.")
@option("--models", type=ModelNames(), metavar="NAMES", section=WHICH, help="Several.  [default: all that can learn]")
@settings_option
@option("--top", type=click.IntRange(min=1), default=20, show_default=True, metavar="N", help="Length of the lists.")
@option("--users", type=click.IntRange(min=1), metavar="N", section=SIZES, help="How many users it has.")
@option("--items", type=click.IntRange(min=1), metavar="N", section=SIZES, help="How many items.")
@option("--interactions", type=click.IntRange(min=1), metavar="N", section=SIZES, help="How many interactions.")
@run_options
@input_options
def plan(
    console: Console,
    source: Path | None,
    model: tuple[str, ...],
    models: list[str] | None,
    settings: tuple[str, ...],
    top: int,
    users: int | None,
    items: int | None,
    interactions: int | None,
    run: RunOptions,
    reading: Reading,
) -> None:
    """Foretell memory and time of every model on a log.

    Nothing is fitted: the table follows from the sizes of the log and from how fast this machine is, which is measured
    for less than a second. Memory is an upper bound, beside the log itself; time is a range. Models that fit come
    first, the quickest first among them.
    """
    chosen, sizes = parse_settings(settings), (users, items, interactions)
    if (source is None) == (sizes == (None, None, None)):
        raise ConfigError("Give either an INPUT, or --users, --items and --interactions of a log that is to come.")
    from recae.jobs.plan import plan as plan_job

    result = plan_job(
        source if source is not None else _sizes(users, items, interactions),
        models=[*model, *(models or ())],
        settings=chosen,
        top=top,
        reading=reading,
        options=replace(run, progress=console.progress),
    )
    console.finish(_shown(result, console.cut), **asdict(result))


def _sizes(users: int | None, items: int | None, interactions: int | None) -> Sizes:
    from recae.jobs.plan import Sizes

    if users is None or items is None or interactions is None:
        raise ConfigError("A log that is not there yet needs all of --users, --items and --interactions.")
    return Sizes(users, items, interactions)


def _shown(result: Plan, width: int) -> str:
    from recae.jobs.rates import in_words
    from recae.models.capacity import amount

    head = (
        f"{result.users:,} users, {result.items:,} items, {result.interactions:,} interactions: "
        f"{amount(result.log_bytes)} in memory, beside which {amount(result.may_use)} may be used."
    )
    rows = [
        [
            _name(one),
            "yes" if one.fits else "no",
            amount(one.fit_bytes),
            in_words(*one.fit_seconds),
            amount(one.model_bytes),
            amount(one.lists_bytes),
            in_words(*one.lists_seconds),
        ]
        for one in result.models
    ]
    columns = ["model", "fits", "to fit", "time", "model", f"top {result.top} for all", "time"]
    lines = [head, "", text.table(columns, rows, width=width)]
    if len(result.models) <= MANY:
        lines += [f"\n{one.model} does not fit. {one.instead}" for one in result.models if not one.fits]
    return "\n".join(lines)


def _name(one: ModelPlan) -> str:
    return ", ".join([one.model, *(f"{key}={value}" for key, value in one.settings.items())])
