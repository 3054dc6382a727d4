"""Progress of long work, reported by everything that takes time and shown by whoever wants to."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Task(Protocol):
    """One running piece of work."""

    def advance(self, amount: int = 1, note: str = "") -> None:
        """Say that `amount` more units are done; `note` is shown beside them."""


class Progress(Protocol):
    """Where running work reports to."""

    def task(self, label: str, total: int | None = None, unit: str = "") -> AbstractContextManager[Task]:
        """Open a task of `total` units (None where the end is not known)."""

    def say(self, message: str) -> None:
        """Tell the person at the screen one sentence."""


class _Silence:
    def advance(self, amount: int = 1, note: str = "") -> None:
        pass

    def task(self, label: str, total: int | None = None, unit: str = "") -> AbstractContextManager[Task]:
        return nullcontext(self)

    def say(self, message: str) -> None:
        pass


SILENT: Progress = _Silence()
