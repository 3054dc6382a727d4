"""Workers that are watched: one that hangs or dies costs its case and is replaced by a fresh copy of the process."""

from __future__ import annotations

import multiprocessing
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from typing import Any

from fuzzing.cases import Place, kind_of
from fuzzing.worker import Clock, Outcome, work

LONGEST = 10.0
"""Seconds that a case may take, see `Clock`."""
_CASES_EACH = 400
"""A worker is replaced after so many, so that what one case leaves behind disturbs few others."""


@dataclass
class _Worker:
    process: Any
    connection: Connection
    number: int
    started: Clock
    done: int = 0


def outcomes(seed: int, numbers: Iterable[int], place: Place, workers: int) -> Iterator[Outcome]:
    """Run all cases; their outcomes in the order in which they end."""
    left = iter(numbers)
    busy: list[_Worker] = []
    idle: list[_Worker] = []
    try:
        while True:
            while len(busy) < workers and (number := next(left, None)) is not None:
                busy.append(_given(idle.pop() if idle else _started(seed, place), number))
            if not busy:
                return
            ready = wait([worker.connection for worker in busy], timeout=0.5)
            for worker in list(busy):
                outcome = _looked_at(worker, worker.connection in ready)
                if outcome is None:
                    continue
                busy.remove(worker)
                if worker.process.is_alive() and worker.done < _CASES_EACH:
                    idle.append(worker)
                else:
                    _ended(worker)
                yield outcome
    finally:
        for worker in (*busy, *idle):
            _ended(worker)


def _started(seed: int, place: Place) -> _Worker:
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe()
    process = fork.Process(target=work, args=(theirs, seed, place), daemon=True)
    process.start()
    theirs.close()
    return _Worker(process, ours, -1, Clock.of(process.pid))


def _given(worker: _Worker, number: int) -> _Worker:
    worker.number, worker.started = number, _clock(worker)
    worker.connection.send(number)
    return worker


def _clock(worker: _Worker) -> Clock:
    try:
        return Clock.of(worker.process.pid)
    except OSError:  # the process ended between being looked for and its threads being listed
        return worker.started


def _looked_at(worker: _Worker, ready: bool) -> Outcome | None:
    seconds = _clock(worker).seconds_since(worker.started)
    lost = Outcome(worker.number, kind_of(worker.number), None, seconds, 0)
    if ready:
        try:
            outcome: Outcome = worker.connection.recv()
        except EOFError:
            worker.process.join()
            return Outcome(**{**vars(lost), "complaint": f"the process died ({worker.process.exitcode})"})
        worker.done += 1
        return outcome
    if seconds > LONGEST:
        worker.process.kill()
        worker.process.join()
        return Outcome(**{**vars(lost), "complaint": f"no answer in {LONGEST:g} seconds"})
    return None


def _ended(worker: _Worker) -> None:
    worker.connection.close()
    worker.process.join(timeout=2)
    if worker.process.is_alive():
        worker.process.kill()
        worker.process.join()
