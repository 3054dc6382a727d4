"""Threads that work on blocks side by side, each of them with one thread of torch to itself."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

from recae.allocator import keep_freed_memory

Task = TypeVar("Task")
Found = TypeVar("Found")


class Workers:
    """So many threads, or the caller's own where one is enough."""

    def __init__(self, count: int, pool: ThreadPoolExecutor | None) -> None:
        self.count, self._pool = count, pool

    def in_order(self, work: Callable[[Task], Found], tasks: Iterable[Task]) -> Iterator[Found]:
        """The results of `work` in the order of `tasks`; an error comes where its result would have come.

        Tasks are begun while earlier results are looked at, at most `ahead` of them, so that as few results wait.
        """
        if self._pool is None:
            yield from map(work, tasks)
            return
        waiting: deque[Future[Found]] = deque()
        try:
            for task in tasks:
                waiting.append(self._pool.submit(work, task))
                if len(waiting) > self.ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for each in waiting:
                each.cancel()

    @property
    def ahead(self) -> int:
        """How many tasks there are in work or waiting at a time, beside the one whose result is looked at."""
        return 0 if self._pool is None else 2 * self.count


ALONE = Workers(1, None)
"""The caller's own thread."""


@contextmanager
def workers(count: int) -> Iterator[Workers]:
    """`count` threads, that keep what they free.

    torch and NumPy let go of the interpreter while they compute, and one block in each thread keeps all cores busy in
    the steps that have no threads of their own, too.
    """
    keep_freed_memory()
    if count <= 1:
        yield ALONE
        return
    before = torch.get_num_threads()
    with ThreadPoolExecutor(count, "workers", initializer=torch.set_num_threads, initargs=(1,)) as pool:
        try:
            yield Workers(count, pool)
        finally:
            # A thread's own setting is also what threads that start later begin with.
            torch.set_num_threads(before)
