"""Threads that rank blocks side by side, each of them with one thread of torch to itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TypeVar

import torch

Task = TypeVar("Task")
Found = TypeVar("Found")
Run = Callable[[Callable[[Task], Found], Iterable[Task]], Iterator[Found]]
"""Like `map`: results in the order of the tasks."""


@contextmanager
def workers(count: int) -> Iterator[ThreadPoolExecutor | None]:
    """`count` threads, or None where one is enough.

    torch and NumPy let go of the interpreter while they compute, and one block in each thread keeps all cores busy in
    the steps that have no threads of their own, too.
    """
    if count <= 1:
        yield None
        return
    before = torch.get_num_threads()
    with ThreadPoolExecutor(count, "ranking", initializer=torch.set_num_threads, initargs=(1,)) as pool:
        try:
            yield pool
        finally:
            # A thread's own setting is also what threads that start later begin with.
            torch.set_num_threads(before)


def in_order(pool: ThreadPoolExecutor | None, work: Callable[[Task], Found], tasks: Iterable[Task]) -> Iterator[Found]:
    """The results of `work` in the order of `tasks`; an error comes where its result would have come."""
    return map(work, tasks) if pool is None else pool.map(work, tasks)
