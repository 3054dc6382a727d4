"""`command`: what every command shares: examples, a console, --config, --json, -q/-v, --log-format, --threads."""

from __future__ import annotations

import dataclasses
import functools
import shlex
from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import click

from recae.cli.config import defaults_from, keys_of
from recae.cli.console import Call, Console, new_run_id
from recae.cli.help import COMMON, Command, LazyGroup, Option
from recae.cli.logs import FORMATS, form_of
from recae.cli.progress import LineProgress, progress_for
from recae.cli.threads import use_threads

Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]


def option(*names: str, section: str = "Options", **attributes: Any) -> Decorator:
    """`click.option` with the heading under which the help lists it."""
    return click.option(*names, cls=Option, section=section, **attributes)


def command(path: str, *, examples: Sequence[str]) -> Callable[[Callable[..., None]], Command]:
    """Make a command of a function that takes a `Console` and its own options.

    `path` is how the command is typed after `recae`, e.g. "data split".
    """

    def make(function: Callable[..., None]) -> Command:
        @functools.wraps(function)
        def callback(
            *, json: bool, quiet: bool, verbose: int, threads: int | None, log_format: str, **values: Any
        ) -> None:
            verbosity, run_id = -1 if quiet else verbose, new_run_id()
            use_threads(threads)
            call = click.get_current_context().find_root().obj or Call((), json)
            call.as_json, call.form = json, form_of(log_format, run_id, path)
            progress = progress_for(verbosity, call.form)
            typed = shlex.join(["recae", *call.arguments])
            with progress.beating() if isinstance(progress, LineProgress) else nullcontext():
                function(Console(path, typed, json, verbosity, run_id, progress=progress), **values)

        with_options = _added(callback, _COMMON_OPTIONS)
        return click.command(path.split()[-1], cls=Command, path=path, examples=examples)(with_options)

    return make


def grouped(name: str, into: type, options: Sequence[Decorator]) -> Decorator:
    """Options that belong together and arrive as one argument `name`, an instance of the dataclass `into`."""
    keys = [entry.name for entry in dataclasses.fields(into)]

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def gather(*args: Any, **values: Any) -> Any:
            chosen = into(**{key: values.pop(key) for key in keys if key in values})
            return function(*args, **{name: chosen}, **values)

        return _added(gather, options)

    return decorate


def _added(function: Callable[..., Any], options: Sequence[Decorator]) -> Callable[..., Any]:
    for add in reversed(options):
        function = add(function)
    return function


def _read_config(ctx: click.Context, _param: click.Parameter, path: Path | None) -> None:
    if path is None:
        return
    typed = ctx.command_path.split()[1:]
    every = dict(_commands(ctx.find_root(), ctx.find_root().command))
    known = {key for command in every.values() for key in keys_of(command)}
    ctx.default_map = defaults_from(path, " ".join(typed), keys_of(ctx.command), known, every)


def _commands(root: click.Context, node: click.Command, path: str = "") -> Iterator[tuple[str, click.Command]]:
    """Every command by how it is typed after `recae`, e.g. "data split"."""
    if not isinstance(node, LazyGroup):
        yield path, node
        return
    for name in node.list_commands(root):
        child = node.get_command(root, name)
        if child is not None:
            yield from _commands(root, child, f"{path} {name}".strip())


def _flag(*names: str, **attributes: Any) -> Decorator:
    return option(*names, section=COMMON, **attributes)


_COMMON_OPTIONS = (
    _flag(
        "--config",
        type=click.Path(path_type=Path, dir_okay=False),
        is_eager=True,
        expose_value=False,
        callback=_read_config,
        metavar="FILE.toml",
        help="Defaults for options, e.g. seed = 7, or [train] model = 'ease'. Flags and RECAE_* variables win.",
    ),
    _flag("--json", is_flag=True, help="Give the result as one JSON object, the last line of stdout."),
    _flag("-q", "--quiet", is_flag=True, help="No narration and no progress on stderr."),
    _flag("-v", "--verbose", count=True, help="Tell more on stderr."),
    _flag(
        "--log-format",
        type=click.Choice(FORMATS),
        default="plain",
        show_default=True,
        help="How stderr is told: sentences; text with time, run and memory; or JSON lines.",
    ),
    _flag("--threads", type=click.IntRange(min=1), metavar="N", help="Processor threads to use.  [default: all]"),
    _flag(
        "--traceback",
        is_flag=True,
        expose_value=False,
        help="Show where an error was raised, besides the sentence about it.",
    ),
)
