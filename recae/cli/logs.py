"""What a log line says, and the three forms of it: plain, stamped with time and run, or JSON."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Literal

from recae.cli.text import printable
from recae.resident import resident_bytes

FORMATS = ("plain", "text", "json")
What = Literal["message", "progress", "done", "waiting", "warning", "error"]


@dataclass(frozen=True)
class Event:
    """Something that a log tells."""

    what: What
    stage: str = ""
    """The work that is going on, e.g. "Ranking"; empty between two of them."""
    message: str = ""
    done: int | None = None
    total: int | None = None
    unit: str = ""
    seconds: float | None = None
    """Since the stage began."""
    note: str = ""


Form = Callable[[Event], str]
"""How an event becomes one line."""


def plain(event: Event) -> str:
    """The sentence alone."""
    if event.what == "waiting":
        return f"{event.stage or 'Working'}: {event.seconds or 0:,.0f} s so far, {_gigabytes():.1f} GB of memory."
    if event.done is None:
        return event.message
    return f"{event.stage}: {_counts(event)}"


@dataclass(frozen=True)
class Stamped:
    """Lines of text that begin with the time and the run: several runs may write to one log."""

    run_id: str
    command: str

    def __call__(self, event: Event) -> str:
        """TIME RUN COMMAND [MEMORY]: sentence."""
        sentence = printable(plain(event).replace("\n", " "))
        level = f"{event.what}: " if event.what in ("warning", "error") else ""
        return f"{_now()} {self.run_id} {self.command} [{_gigabytes():.2f} GB] {level}{sentence}"


@dataclass(frozen=True)
class JsonLines:
    """One JSON object on each line, for machines that collect logs; keys without a value are left out."""

    run_id: str
    command: str

    def __call__(self, event: Event) -> str:
        """time, run_id, command, event, memory_bytes and what the event has."""
        told: dict[str, Any] = {"time": _now(), "run_id": self.run_id, "command": self.command, "event": event.what}
        values = {entry.name: getattr(event, entry.name) for entry in fields(event) if entry.name != "what"}
        told |= {name: value for name, value in values.items() if value not in (None, "")}
        if event.seconds is not None:
            told["seconds"] = round(event.seconds, 3)
        return json.dumps(told | {"memory_bytes": resident_bytes()})


def form_of(name: str, run_id: str, command: str) -> Form:
    """One of FORMATS for a run of a command."""
    forms: dict[str, Form] = {"plain": plain, "text": Stamped(run_id, command), "json": JsonLines(run_id, command)}
    return forms[name]


def _counts(event: Event) -> str:
    done, seconds = event.done or 0, max(event.seconds or 0.0, 1e-9)
    of = f"/{event.total:,}" if event.total is not None else ""
    rate = done / seconds
    parts = [f"{done:,}{of} {event.unit}".strip(), f"{rate:,.1f}/s" if rate < 100 else f"{rate:,.0f}/s"]
    if event.what == "done":
        parts.append(f"done in {seconds:,.1f} s")
    elif event.total is not None and done:
        parts.append(f"{(event.total - done) / rate:,.0f} s left")
    return ", ".join([*parts, event.note] if event.note else parts)


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def _gigabytes() -> float:
    return resident_bytes() / 1e9
