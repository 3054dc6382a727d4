"""Progress on stderr: bars on a terminal, elsewhere one line every 30 seconds, or nothing when quiet."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from recae.cli.logs import Event, Form, plain
from recae.progress import SILENT, Progress, Task

if TYPE_CHECKING:
    from tqdm import tqdm

SECONDS_BETWEEN_LINES = 30.0


def progress_for(verbosity: int, form: Form = plain) -> Progress:
    """What suits this process: silence when quiet, bars on a terminal that nobody wants a log on, else lines."""
    if verbosity < 0:
        return SILENT
    if form is plain and sys.stderr.isatty():
        return BarProgress()
    return LineProgress(tell_short_tasks=verbosity > 0, form=form)


class LineProgress:
    """Lines, for log files and schedulers."""

    def __init__(
        self,
        stream: TextIO | None = None,
        *,
        every: float = SECONDS_BETWEEN_LINES,
        clock: Callable[[], float] = time.monotonic,
        tell_short_tasks: bool = False,
        form: Form = plain,
    ) -> None:
        self.stream, self.every, self.clock, self.form = stream, every, clock, form
        self.tell_short_tasks = tell_short_tasks
        self.told_at = self.began_at = clock()
        self.open: list[_Lines] = []

    @contextmanager
    def task(self, label: str, total: int | None = None, unit: str = "") -> Iterator[Task]:
        """Lines while the task runs, and one at its end if it was long."""
        lines = _Lines(self, label, total, unit)
        self.open.append(lines)
        try:
            yield lines
            lines.end()
        finally:
            self.open.remove(lines)

    def say(self, message: str) -> None:
        """One line."""
        self.began_at = self.clock()
        self.tell(Event("message", self.open[-1].label if self.open else "", message))

    def tell(self, event: Event) -> None:
        """Write an event down."""
        self.told_at = self.clock()
        stream = self.stream or sys.stderr
        stream.write(f"{self.form(event)}\n")  # at once: the heartbeat's thread writes lines, too
        stream.flush()

    @contextmanager
    def beating(self) -> Iterator[None]:
        """While the body runs, a line whenever nothing was told for so long: a silent job looks like a dead one."""
        over = threading.Event()
        thread = threading.Thread(target=self._beat, args=(over,), name="heartbeat", daemon=True)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def _beat(self, over: threading.Event) -> None:
        while not over.wait(max(self.told_at + self.every - self.clock(), 0.01)):
            if self.clock() - self.told_at >= self.every:
                now, innermost = self.clock(), self.open[-1:]  # a copy: the work goes on meanwhile
                stage, since = (innermost[0].label, innermost[0].started) if innermost else ("", self.began_at)
                self.tell(Event("waiting", stage, seconds=now - since))


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
            self.parent.tell(self.event(now))

    def end(self) -> None:
        if self.told or self.parent.tell_short_tasks:
            self.parent.tell(self.event(self.parent.clock(), finished=True))

    def event(self, now: float, *, finished: bool = False) -> Event:
        return Event(
            "done" if finished else "progress",
            self.label,
            done=self.done,
            total=self.total,
            unit=self.unit,
            seconds=now - self.started,
            note=self.note,
        )


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
