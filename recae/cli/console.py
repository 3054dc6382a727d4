"""Where a command speaks: results on stdout, narration and progress on stderr, one JSON line if asked for."""

from __future__ import annotations

import dataclasses
import json
import math
import os
import secrets
import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click

from recae.cli.logs import Form, plain
from recae.cli.progress import LineProgress
from recae.progress import Progress


@dataclass
class Call:
    """One call of the program: what was typed, and whether it is answered in JSON, also where it ends in an error."""

    arguments: tuple[str, ...]
    as_json: bool
    form: Form = plain
    """How its errors and warnings are told."""
    answered: bool = False
    """Whether the one JSON object has been given: a result can be whole and the call still end in an error."""


def new_run_id() -> str:
    """A name for one run that sorts by time and is unlike any other."""
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime()) + "-" + secrets.token_hex(3)


@dataclass(frozen=True)
class Console:
    """How one command answers."""

    command: str
    """Its name, e.g. "data split"."""
    typed: str = ""
    """The whole command as it was typed."""
    as_json: bool = False
    verbosity: int = 0
    """-1 quiet, 0 usual, 1 and more: tell more."""
    run_id: str = field(default_factory=new_run_id)
    started: float = field(default_factory=time.perf_counter)
    progress: Progress = field(default_factory=LineProgress)

    @property
    def colour(self) -> bool:
        """Whether stdout may be coloured: a terminal, and nobody asked for plain text (NO_COLOR)."""
        return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"

    @property
    def width(self) -> int:
        """Columns of the terminal; 100 where there is none."""
        return shutil.get_terminal_size((100, 24)).columns if sys.stdout.isatty() else 100

    @property
    def cut(self) -> int:
        """Where lines of a table end: at the edge of the terminal; nowhere in a file or pipe."""
        return self.width if sys.stdout.isatty() else sys.maxsize

    def say(self, message: str) -> None:
        """Narrate on stderr, unless asked to be quiet."""
        self.progress.say(message)

    def finish(self, text: str = "", **fields: Any) -> None:
        """Give the result: `text`, or with --json one object with `fields` on one line."""
        if not self.as_json:
            if text:
                click.echo(text, color=self.colour)
            return
        seconds = round(time.perf_counter() - self.started, 3)
        outcome = {"status": "ok", "command": self.command, "run_id": self.run_id, "seconds": seconds} | fields
        click.echo(json_line(outcome))
        context = click.get_current_context(silent=True)
        if context is not None and isinstance(call := context.find_root().obj, Call):
            call.answered = True


def program() -> str:
    """How recae is called here: by its name if that finds it, else by the path it was started with."""
    started = sys.argv[0]
    return "recae" if shutil.which("recae") or Path(started).name != "recae" else started


def json_line(outcome: dict[str, Any]) -> str:
    """`outcome` on one ASCII line of strict JSON; what is not a number there becomes null."""
    return json.dumps(_plain(outcome), allow_nan=False)


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return _plain(dataclasses.asdict(value))
    if isinstance(value, Path):
        return str(value)
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)
