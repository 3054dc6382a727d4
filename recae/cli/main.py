"""The root command, and the one boundary where exceptions become sentences and exit codes."""

from __future__ import annotations

import os
import signal
import sys
import threading
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import TextIO

import click
from click.core import ParameterSource

from recae.cli.console import Call, json_line
from recae.cli.help import LazyGroup
from recae.cli.logs import Event, plain
from recae.cli.text import sentence as one_line
from recae.errors import CapacityError, RecaeError, StorageError, is_out_of_memory, reason

COMMANDS = {
    "data": "recae.cli.data:group",
    "models": "recae.cli.models:models",
    "plan": "recae.cli.plan:plan",
    "train": "recae.cli.train:train",
    "evaluate": "recae.cli.evaluate:evaluate",
    "compare": "recae.cli.compare:compare",
    "report": "recae.cli.report:report",
    "leaderboard": "recae.cli.leaderboard:leaderboard",
    "recommend": "recae.cli.recommend:recommend",
    "similar": "recae.cli.similar:similar",
    "map": "recae.cli.map:map_",
    "inspect": "recae.cli.inspect:inspect",
    "run": "recae.cli.run:run",
    "config": "recae.cli.job_config:group",
    "doctor": "recae.cli.doctor:doctor",
    "demo": "recae.cli.demo:demo",
    "completion": "recae.cli.completion:completion",
}
EXIT_INTERNAL, EXIT_USAGE = 1, 2
EXIT_INTERRUPTED, EXIT_PIPE, EXIT_TERMINATED = 130, 141, 143


@click.group(
    cls=LazyGroup,
    table=COMMANDS,
    examples=(
        "recae demo                                               the whole job on a generated sample",
        "recae data describe ratings.csv                          look at an interactions log",
        "recae compare ratings.csv --models ease,mult-vae,ials --out comparison",
        "recae train ratings.csv --model ease --out model",
        "recae recommend model --history ratings.csv --top 20 --out lists.parquet",
    ),
    epilog="Every option can also be given as RECAE_NAME (RECAE_SEED=7) or in --config FILE.toml. "
    "`recae COMMAND --help` starts with examples.",
)
@click.version_option(package_name="recae", prog_name="recae")
def cli() -> None:
    """Recommend with autoencoders: an interactions log in; compared models, a report and top-N lists out."""


class Terminated(KeyboardInterrupt):
    """The process was asked to end (SIGTERM); work in progress is put away as it is for Ctrl-C."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code; nothing raised by it gets past here."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    if instruction := os.environ.get("_RECAE_COMPLETE"):
        from click.shell_completion import shell_complete

        return shell_complete(cli, {}, "recae", "_RECAE_COMPLETE", instruction)
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a title that the terminal cannot show ends no job
    # What a command makes of its options and its configuration file replaces this first guess.
    call = Call(tuple(arguments), "--json" in arguments or _is_set("RECAE_JSON"))
    with _sigterm_raises(), _short_warnings(call):
        return _guarded(arguments, call)


def _guarded(arguments: list[str], call: Call) -> int:
    try:
        with cli.make_context("recae", arguments.copy(), obj=call) as context:
            cli.invoke(context)
        sys.stdout.flush()
        return 0
    except click.exceptions.Exit as request:
        return request.exit_code
    except BrokenPipeError:
        # Whoever read our output has gone; the interpreter must not complain about it when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_PIPE
    except KeyboardInterrupt as interrupt:
        terminated = isinstance(interrupt, Terminated)
        code = EXIT_TERMINATED if terminated else EXIT_INTERRUPTED
        said = " ".join(["Terminated." if terminated else "Interrupted.", *map(str, interrupt.args)])
        return _fail(call, interrupt, said, code)
    except click.ClickException as error:
        return _usage(call, error)
    except RecaeError as error:
        return _fail(call, error, str(error), error.exit_code)
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        return _fail(call, error, f"{where}{reason(error)}.", StorageError.exit_code)
    except Exception as error:  # noqa: BLE001 - the boundary: a mistake of ours still ends in one sentence
        if is_out_of_memory(error):
            advice = "Not enough memory: use a smaller model, stricter filters or a machine with more."
            return _fail(call, error, f"{advice} ({_first_line(error)})", CapacityError.exit_code)
        sentence = f"Internal error, {type(error).__name__}: {_first_line(error)}. Add --traceback to see where."
        return _fail(call, error, sentence, EXIT_INTERNAL)


def _fail(call: Call, error: BaseException, sentence: str, code: int) -> int:
    if "--traceback" in call.arguments or _is_set("RECAE_TRACEBACK"):
        traceback.print_exception(error)
    sentence = one_line(sentence)
    click.echo(f"recae: {sentence}" if call.form is plain else call.form(Event("error", message=sentence)), err=True)
    if call.as_json and not call.answered:
        click.echo(json_line({"status": "error", "exit_code": code, "message": sentence}))
    return code


def _is_set(variable: str) -> bool:
    """Whether an environment variable says yes, in any of the words that click takes for it."""
    return os.environ.get(variable, "").strip().lower() in ("1", "true", "t", "yes", "y", "on")


def _usage(call: Call, error: click.ClickException) -> int:
    context = getattr(error, "ctx", None)
    if type(error).__name__ == "NoArgsIsHelpError" and context is not None:
        click.echo(context.get_help(), err=True)
        return EXIT_USAGE
    where = f" Try '{context.command_path} --help'." if context is not None else ""
    sentence = error.format_message().rstrip(".").replace("\n", " ").replace("a valid integer range", "a whole number")
    ended = sentence if sentence.endswith(("?", "!")) else f"{sentence}."
    return _fail(call, error, ended + _from_environment(error) + where, EXIT_USAGE)


def _from_environment(error: click.ClickException) -> str:
    """Where a bad value came from, if nobody typed it."""
    if not isinstance(error, click.BadParameter) or error.ctx is None or error.param is None:
        return ""
    if error.ctx.get_parameter_source(str(error.param.name)) is not ParameterSource.ENVIRONMENT:
        return ""
    names = [error.param.envvar] if isinstance(error.param.envvar, str) else error.param.envvar or []
    return "".join(f" It comes from the environment variable {name}." for name in names if os.environ.get(name))


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")


@contextmanager
def _sigterm_raises() -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def terminate(_number: int, _frame: FrameType | None) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, terminate)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _short_warnings(call: Call) -> Iterator[None]:
    """Warnings of libraries as one line on stderr, without the place in somebody else's code."""

    def show(
        message: Warning | str,
        category: type[Warning],
        filename: str,
        lineno: int,
        file: TextIO | None = None,
        line: str | None = None,
    ) -> None:
        told = Event("warning", message=one_line(str(message)))
        click.echo(f"recae: warning: {told.message}" if call.form is plain else call.form(told), err=True)

    with warnings.catch_warnings():
        warnings.showwarning = show
        yield
