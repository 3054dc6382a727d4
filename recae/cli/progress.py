"""Progress on stderr: bars on a terminal, elsewhere one line every 30 seconds, or nothing when quiet."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from recae.progress import SILENT, Progress, Task

if TYPE_CHECKING:
    from tqdm import tqdm

SECONDS_BETWEEN_LINES = 30.0


def progress_for(verbosity: int) -> Progress:
    """What suits this process: silence when quiet, bars on a terminal, else lines."""
    if verbosity < 0:
        return SILENT
    return BarProgress() if sys.stderr.isatty() else LineProgress(tell_short_tasks=verbosity > 0)


class LineProgress:
    """Plain lines, for log files and schedulers."""

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        every: float = SECONDS_BETWEEN_LINES,
        clock: Callable[[], float] = time.monotonic,
        tell_short_tasks: bool = False,
    ) -> None:
        self.stream, self.every, self.clock = stream, every, clock
        self.tell_short_tasks = tell_short_tasks

    @contextmanager
    def task(self, label: str, total: int | None = None, unit: str = "") -> Iterator[Task]:
        """Lines while the task runs, and one at its end if it was long."""
        lines = _Lines(self, label, total, unit)
        yield lines
        lines.end()

    def say(self, message: str) -> None:
        """One line."""
        print(message, file=self.stream or sys.stderr, flush=True)


class _Lines:
    def __init__(self, parent: LineProgress, label: str, total: int | None, unit: str) -> None:
        self.parent, self.label, self.total, self.unit = parent, label, total, unit
        self.done, self.note, self.told = 0, "", False
        self.started = self.last = parent.clock()

    def advance(self, amount: int = 1, note: str = "") -> None:
        self.done += amount
        self.note = note or self.note
        now = self.parent.clock()
        if now - self.last >= self.parent.every:
            self.last, self.told = now, True
            self.parent.say(self.line(now))

    def end(self) -> None:
        if self.told or self.parent.tell_short_tasks:
            self.parent.say(self.line(self.parent.clock(), finished=True))

    def line(self, now: float, *, finished: bool = False) -> str:
        seconds = max(now - self.started, 1e-9)
        of = f"/{self.total:,}" if self.total is not None else ""
        rate = self.done / seconds
        parts = [f"{self.done:,}{of} {self.unit}".strip(), f"{rate:,.1f}/s" if rate < 100 else f"{rate:,.0f}/s"]
        if finished:
            parts.append(f"done in {seconds:,.1f} s")
        elif self.total is not None and self.done:
            parts.append(f"{(self.total - self.done) / rate:,.0f} s left")
        return f"{self.label}: " + ", ".join([*parts, self.note] if self.note else parts)


class BarProgress:
    """Bars that keep to one line each and leave nothing behind."""

    @contextmanager
    def task(self, label: str, total: int | None = None, unit: str = "") -> Iterator[Task]:
        """A bar while the task runs."""
        from tqdm import tqdm

        unit = f" {unit}" if unit else "it"
        with tqdm(desc=label, total=total, unit=unit, leave=False, dynamic_ncols=True, file=sys.stderr) as bar:
            yield _Bar(bar)

    def say(self, message: str) -> None:
        """One line above the bars."""
        from tqdm import tqdm

        tqdm.write(message, file=sys.stderr)


class _Bar:
    def __init__(self, bar: tqdm) -> None:  # type: ignore[type-arg]
        self.bar = bar

    def advance(self, amount: int = 1, note: str = "") -> None:
        if note:
            self.bar.set_postfix_str(note, refresh=False)
        self.bar.update(amount)
