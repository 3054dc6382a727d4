"""Commands and groups whose help starts with examples, lists options by subject, and loads what it needs late."""

from __future__ import annotations

import difflib
import importlib
from collections.abc import Mapping, Sequence
from typing import Any

import click

from recae.cli.config import long_name

COMMON = "Common options"
SETTINGS: dict[str, Any] = {"help_option_names": ["-h", "--help"], "max_content_width": 110}


class Option(click.Option):
    """An option that is listed under a heading of its own subject, and also read from the environment.

    `--user-col` of `recae train` is taken from RECAE_TRAIN_USER_COL or RECAE_USER_COL where it is not given.
    """

    def __init__(self, *args: Any, section: str = "Options", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.section = section

    def read_environment(self, command: str) -> None:
        """Take values from RECAE_<COMMAND>_<NAME>, else RECAE_<NAME>."""
        name = long_name(self).upper().replace("-", "_")
        self.envvar = [f"RECAE_{command.upper().replace(' ', '_')}_{name}", f"RECAE_{name}"]


class Command(click.Command):
    """A command whose help starts with examples; `path` is how it is typed, e.g. "data split"."""

    def __init__(self, name: str | None, *, path: str, examples: Sequence[str] = (), **kwargs: Any) -> None:
        super().__init__(name, context_settings=SETTINGS, **kwargs)
        self.examples = examples
        for param in self.params:
            if isinstance(param, Option):
                param.read_environment(path)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Examples first, then usage, text and options."""
        write_examples(self.examples, formatter)
        super().format_help(ctx, formatter)

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """One list of options for each subject, in the order in which the subjects first occur."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None and isinstance(param, click.Option):
                sections.setdefault(getattr(param, "section", COMMON), []).append(record)
        sections[COMMON] = sections.pop(COMMON)  # these come last
        for heading, records in sections.items():
            with formatter.section(heading):
                formatter.write_dl(records, col_max=34)


class LazyGroup(click.Group):
    """A group that imports a command's module only when that command is asked for or listed."""

    def __init__(
        self, name: str | None, *, table: Mapping[str, str], examples: Sequence[str] = (), **kwargs: Any
    ) -> None:
        super().__init__(name, context_settings=SETTINGS, **kwargs)
        self.table = table
        self.examples = examples

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names as they stand in the table."""
        return list(self.table)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import `module:attribute` of the table."""
        if cmd_name not in self.table:
            return None
        module, _, attribute = self.table[cmd_name].partition(":")
        found: click.Command = getattr(importlib.import_module(module), attribute)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the nearest name where there is no such command."""
        if args and not args[0].startswith("-") and args[0] not in self.table:
            near = difflib.get_close_matches(args[0], self.table, n=1)
            hint = f"Did you mean '{near[0]}'?" if near else f"There are: {', '.join(self.table)}."
            raise click.UsageError(f"There is no command '{args[0]}'. {hint}", ctx)
        return super().resolve_command(ctx, args)

    def format_help(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Examples first, then usage, text, options and commands."""
        write_examples(self.examples, formatter)
        super().format_help(ctx, formatter)


def write_examples(examples: Sequence[str], formatter: click.HelpFormatter) -> None:
    """Write the block that every help starts with; examples are never re-wrapped."""
    if examples:
        with formatter.section("Examples"):
            for example in examples:
                for number, line in enumerate(example.splitlines()):
                    formatter.write(" " * (formatter.current_indent + 4 * (number > 0)) + line.strip() + "\n")
        formatter.write_paragraph()
