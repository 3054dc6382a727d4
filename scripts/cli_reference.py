"""Write docs/cli.md from the help of every command: `python scripts/cli_reference.py [--check]`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from recae import errors
from recae.cli import main
from recae.cli.help import SETTINGS, LazyGroup

PAGE = Path(__file__).resolve().parent.parent / "docs" / "cli.md"
NAMES = {"help_option_names": SETTINGS["help_option_names"]}
HEAD = """\
# The command line

Written by `python scripts/cli_reference.py` from the help of every command; a test keeps the two alike.

The result of a command goes to stdout, what it tells while it works to stderr. With `--json` stdout has exactly one
line, a JSON object: `status`, `command`, `run_id`, `seconds`, and what the command made (`output`, `rows`,
`metrics`, ...); a failure is `{"status": "error", "exit_code": ..., "message": ...}`. On a terminal progress is a bar,
elsewhere one line every 30 seconds. Nothing is coloured where nobody sees it, or with `NO_COLOR` set.

Every output appears whole or not at all, and keeps the configuration that made it: models in `manifest.json`, splits
in `split.json`, comparisons in `report.json`, tables beside them in `NAME.manifest.json` (folders of parts:
`_manifest.json`). By these recae knows its own output again: nothing that it did not write is ever replaced, nor
anything that a result is made from.

## Where options come from

A flag wins over the environment, the environment over `--config FILE.toml`, that over the default.

- Environment: `RECAE_SEED=7` for every command, `RECAE_TRAIN_SEED=7` or `RECAE_DATA_SPLIT_SEED=7` for one.
  The name of the variable is that of the option: `--user-col` is `RECAE_USER_COL`.
- File: keys at the top hold for every command that has such an option, a table holds for one command.

  ```toml
  user-col = "member"
  seed = 7

  [train]
  model = "ease"
  set = {l2 = 500}

  [data.split]
  split = "per-user:valid=0.1,test=0.2"
  ```
"""
CODES = """\
## Exit codes

| code | meaning |
|---:|---|
"""


def exit_codes() -> list[tuple[int, str]]:
    """Every code a command can end with, and what it means."""
    kinds = (
        errors.RecaeError,
        errors.ConfigError,
        errors.DataError,
        errors.CapacityError,
        errors.StorageError,
        errors.QualityError,
        errors.ModelFormatError,
        errors.OutputLockedError,
    )
    said = [(kind.exit_code, " ".join((kind.__doc__ or "").split())) for kind in kinds]
    said[-2] = (7, f"{said[-2][1]} {' '.join((errors.UnsoundModelError.__doc__ or '').split())}")
    said[0] = (1, "An internal error: a mistake in recae itself; `--traceback` shows where.")
    return [
        (0, "Done, or already up to date."),
        *said,
        (
            main.EXIT_INTERRUPTED,
            "Interrupted (Ctrl-C, SIGINT); an output that can be resumed keeps its finished parts.",
        ),
        (main.EXIT_PIPE, "Whoever read stdout has gone."),
        (main.EXIT_TERMINATED, "Terminated (SIGTERM), as with an interruption."),
    ]


def commands(group: LazyGroup, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Every command with the words by which it is called, in the order of the help."""
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        if isinstance(found, LazyGroup):
            yield from commands(found, (*path, name))
        elif found is not None:
            yield (*path, name), found


def page() -> str:
    """The whole page."""
    root = main.cli
    if not isinstance(root, LazyGroup):
        raise TypeError("the root command is a group")
    parts = [HEAD, CODES + "".join(f"| {code} | {meaning} |\n" for code, meaning in exit_codes()), "## Commands\n"]
    for path, found in [(("recae",), root), *commands(root, ("recae",))]:
        context = click.Context(found, info_name=" ".join(path), terminal_width=100, max_content_width=100, **NAMES)
        title = "`" + " ".join(path) + "`"
        parts.append(f"### {title}\n\n```text\n{found.get_help(context).rstrip()}\n```\n")
    return "\n".join(parts)


def run(arguments: list[str]) -> int:
    """Write the page, or with --check say whether it is as it should be."""
    wanted = page()
    if arguments == ["--check"]:
        return 0 if PAGE.is_file() and PAGE.read_text(encoding="utf-8") == wanted else 1
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(wanted, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
