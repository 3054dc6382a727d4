"""Options that several commands share, each group arriving as one argument."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
from click.shell_completion import CompletionItem

from recae.cli.base import Decorator, grouped, option
from recae.errors import ConfigError
from recae.jobs.amounts import bytes_of
from recae.jobs.reading import Reading
from recae.models.registry import model_names
from recae.options import RunOptions

COLUMNS = "Input columns"
FILTERS = "Input rows"
MACHINE = "Seed and machine"

PATH = click.Path(path_type=Path)


class NameList(click.ParamType):  # type: ignore[type-arg]
    """Names separated by commas; a list in a configuration file."""

    name = "names"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> list[str]:
        """Split, trim, and refuse an empty list."""
        parts = value if isinstance(value, (list, tuple)) else str(value).split(",")
        names = [str(part).strip() for part in parts if str(part).strip()]
        return names or self.fail("name at least one", param, ctx)


def _completed(names: Sequence[str], incomplete: str, before: str = "") -> list[CompletionItem]:
    return [CompletionItem(before + name) for name in names if name.startswith(incomplete)]


class ModelName(click.ParamType):  # type: ignore[type-arg]
    """The name of a model; a shell completes it. Whether there is such a model is checked where it is made."""

    name = "model"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """As it is."""
        return str(value)

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The models whose names begin so."""
        return _completed(model_names(), incomplete)


class ModelNames(NameList):
    """Names of models separated by commas, of which a shell completes the last one."""

    def shell_complete(self, ctx: click.Context, param: click.Parameter, incomplete: str) -> list[CompletionItem]:
        """The models, not yet named, whose names begin as what comes after the last comma."""
        before, comma, last = incomplete.rpartition(",")
        left = [name for name in model_names() if name not in before.split(",")]
        return _completed(left, last, before + comma)


class Bytes(click.ParamType):  # type: ignore[type-arg]
    """An amount of memory such as 500M, 8G or 1.5T; without a letter it is bytes."""

    name = "bytes"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read the number and its letter."""
        try:
            return bytes_of(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


COLUMN_OPTIONS: Sequence[Decorator] = (
    option("--user-col", section=COLUMNS, metavar="NAME", help="Column of user ids.  [default: by its usual names]"),
    option("--item-col", section=COLUMNS, metavar="NAME", help="Column of item ids."),
    option("--rating-col", section=COLUMNS, metavar="NAME", help="Column of explicit ratings."),
    option("--weight-col", section=COLUMNS, metavar="NAME", help="Column of implicit weights, e.g. play counts."),
    option("--time-col", section=COLUMNS, metavar="NAME", help="Column of times: epoch seconds or dates."),
    option(
        "--header/--no-header",
        default=None,
        section=COLUMNS,
        help="Whether the first line of text files has column names.  [default: found out]",
    ),
    option(
        "--delimiter",
        section=COLUMNS,
        metavar="TEXT",
        help="What separates the columns of text files.  [default: found out]",
    ),
)
BAD_ROWS = option(
    "--on-bad",
    type=click.Choice(["error", "drop"]),
    default="error",
    show_default=True,
    section=FILTERS,
    help="Refuse missing and unreadable values, or drop and count those rows.",
)
MIN_RATING = option(
    "--min-rating", type=float, section=FILTERS, metavar="X", help="Keep ratings (or weights) of at least X."
)
MIN_HISTORY_RATING = option(
    "--min-rating",
    type=float,
    section=FILTERS,
    metavar="X",
    help="Keep ratings (or weights) of at least X; what is below counts as never seen.",
)
DEDUPE = option(
    "--dedupe",
    type=click.Choice(["last", "first", "max", "sum", "error"]),
    section=FILTERS,
    help="What becomes of a user-item pair that occurs more than once.  [default: last by time, sum of weights]",
)
MIN_COUNTS: Sequence[Decorator] = (
    option(
        "--min-user-items",
        type=click.IntRange(min=0),
        default=0,
        section=FILTERS,
        metavar="N",
        help="Keep users with at least N items, again and again until all have them.",
    ),
    option(
        "--min-item-users",
        type=click.IntRange(min=0),
        default=0,
        section=FILTERS,
        metavar="N",
        help="Keep items with at least N users, likewise.",
    ),
)

input_options = grouped("reading", Reading, (*COLUMN_OPTIONS, MIN_RATING, *MIN_COUNTS, DEDUPE, BAD_ROWS))
"""How a raw log is read: columns, filters, bad rows -> `reading`."""

history_options = grouped("reading", Reading, (*COLUMN_OPTIONS, MIN_HISTORY_RATING, DEDUPE, BAD_ROWS))
"""How histories and targets are read; minimum counts have no meaning there -> `reading`."""

run_options = grouped(
    "run",
    RunOptions,
    (
        option(
            "--seed",
            type=click.IntRange(min=0),
            default=42,
            show_default=True,
            section=MACHINE,
            help="The same seed gives the same result on the same machine.",
        ),
        option(
            "--device",
            default="auto",
            show_default=True,
            section=MACHINE,
            help="auto (a GPU if there is one), cpu, cuda or cuda:1.",
        ),
        option(
            "--precision",
            type=click.Choice(["auto", "fp32", "bf16"]),
            default="auto",
            show_default=True,
            section=MACHINE,
            help="auto takes bf16 where the processor is faster with it.",
        ),
        option(
            "--max-memory",
            type=Bytes(),
            section=MACHINE,
            metavar="SIZE",
            help="Refuse a model that would take more, e.g. 8G.  [default: what the machine has free]",
        ),
    ),
)
"""Seed, device, precision and memory -> `run`."""

memory_option = option(
    "--max-memory",
    type=Bytes(),
    section=MACHINE,
    metavar="SIZE",
    help="Refuse what would take more, e.g. 8G; blocks of scores follow it.  [default: what the machine has free]",
)
"""For jobs that fit nothing -> `max_memory`."""

out_option = option("--out", type=PATH, required=True, help="Where the result goes. It appears whole or not at all.")

force_option = option(
    "--force", is_flag=True, help="Make it anew, and replace what recae made there from other data or settings."
)
"""Without it the same is left as it is, and other things are refused -> `force`."""

settings_option = option(
    "--set",
    "settings",
    multiple=True,
    metavar="KEY=VALUE",
    help="A hyper-parameter of the model, any number of times; `recae models NAME` lists them.",
)


def parse_settings(pairs: Sequence[str]) -> dict[str, Any]:
    """`KEY=VALUE` texts as a mapping; values are read as JSON where they are JSON, else taken as text.

    Raises:
        ConfigError: a text without "=", or the same key twice.
    """
    settings: dict[str, Any] = {}
    for pair in pairs:
        key, equals, text = pair.partition("=")
        key = key.strip()
        if not equals or not key:
            raise ConfigError(f"--set {pair!r} must be written KEY=VALUE, e.g. --set l2=500.")
        if key in settings:
            raise ConfigError(f"--set gives {key!r} twice.")
        try:
            settings[key] = json.loads(text)
        except ValueError:
            settings[key] = text.strip()
    return settings
