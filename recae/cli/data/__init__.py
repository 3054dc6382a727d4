"""`recae data`: look at data, prepare it, and get some."""

from __future__ import annotations

import click

from recae.cli.help import LazyGroup

COMMANDS = {
    "describe": "recae.cli.data.describe:describe",
    "filter": "recae.cli.data.filter:filter_command",
    "split": "recae.cli.data.split:split",
    "prepare": "recae.cli.data.prepare:prepare_command",
    "list": "recae.cli.data.known:list_known",
    "fetch": "recae.cli.data.known:fetch",
    "sample": "recae.cli.data.sample:sample",
}


@click.group(
    "data",
    cls=LazyGroup,
    table=COMMANDS,
    examples=(
        "recae data describe ratings.csv",
        "recae data split ratings.csv --split user-holdout:valid=0.1,test=0.1,observed=0.8 --out split",
        "recae data fetch ml-100k --out ml-100k",
    ),
)
def group() -> None:
    """Look at data, filter it, split it, prepare it, and get some."""
