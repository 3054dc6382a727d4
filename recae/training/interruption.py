"""SIGINT and SIGTERM held back until the work is at a point from which it can go on."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

SAME_SECONDS = 1.0
"""What comes so soon after a signal is the same wish told twice, as by a shell that hands it on."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


Handler = Callable[[int, FrameType | None], Any] | int | None


class Interruption:
    """Whether somebody asked the process to end."""

    def __init__(self) -> None:
        self.number: int | None = None
        self.came = 0.0
        self.handlers: dict[int, Handler] = {}

    def take(self, number: int, frame: FrameType | None) -> None:
        """The handler: remember the first signal, and obey a later one at once."""
        now = time.monotonic()
        if self.number is None:
            self.number, self.came = number, now
        elif now - self.came > SAME_SECONDS:
            self._pass_on(number, frame)

    def obey(self) -> None:
        """Do now what the signal would have done when it came."""
        if self.number is not None:
            number, self.number = self.number, None
            self._pass_on(number, None)

    def _pass_on(self, number: int, frame: FrameType | None) -> None:
        before = self.handlers[number]
        if callable(before):
            before(number, frame)
            return
        # The system's own: end the process as if nobody had held the signal back.
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)


@contextmanager
def held_back() -> Iterator[Interruption]:
    """Hold both signals back while the body runs; whoever runs it looks at `number` and calls `obey`.

    Outside of the main thread, which alone is told of signals, nothing is held back. A signal that was ignored before
    still is.
    """
    held = Interruption()
    if threading.current_thread() is not threading.main_thread():
        yield held
        return
    for number in _SIGNALS:
        before = signal.getsignal(number)
        if before not in (None, signal.SIG_IGN):
            held.handlers[number] = before
            signal.signal(number, held.take)
    try:
        yield held
    finally:
        for which, handler in held.handlers.items():
            signal.signal(which, handler)
    held.obey()
