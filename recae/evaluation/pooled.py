"""Several splits' evaluations of one model as one, over all users that were judged in any of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa

from recae.data.ids import UNKNOWN, IdIndex
from recae.evaluation.rating_metrics import RatingErrors
from recae.evaluation.result import Evaluation


class PooledUsers:
    """Takes one split after the other; a user's value is the mean over the splits that judged it.

    Users come in the order in which they were first seen. Overall metrics become their mean over the splits; what
    else an evaluation knows is that of the first split.
    """

    def __init__(self) -> None:
        self._first: Evaluation | None = None
        self._users: IdIndex | None = None
        self._counts = np.empty(0)
        self._sums: dict[str, np.ndarray] = {}
        self._errors: dict[str, np.ndarray] = {}
        self._overall: dict[str, list[float]] = {}
        self._seconds = 0.0

    def add(self, evaluation: Evaluation) -> None:
        """Take the next split."""
        self._first = self._first or evaluation
        rows = self._rows(evaluation.users)
        self._counts = _added(self._counts, rows, np.ones(len(rows)))
        for name, values in evaluation.per_user.items():
            self._sums[name] = _added(self._sums.get(name), rows, values)
        if evaluation.rating_errors is not None:
            for name, values in vars(evaluation.rating_errors).items():
                self._errors[name] = _added(self._errors.get(name), rows, values)
        for name, value in evaluation.overall.items():
            self._overall.setdefault(name, []).append(value)
        self._seconds += evaluation.seconds

    def result(self) -> Evaluation:
        """All splits together.

        Raises:
            ValueError: there was none.
        """
        if self._first is None or self._users is None:
            raise ValueError("there is no split to pool")
        n = len(self._users)
        return replace(
            self._first,
            users=self._users,
            per_user={name: _long(sums, n) / self._counts for name, sums in self._sums.items()},
            overall={name: float(np.mean(values)) for name, values in self._overall.items()},
            seconds=self._seconds,
            rating_errors=RatingErrors(**{k: _long(v, n) for k, v in self._errors.items()}) if self._errors else None,
        )

    def _rows(self, users: IdIndex) -> np.ndarray:
        if self._users is None:
            self._users = users
        new = np.flatnonzero(self._users.positions(users.values) == UNKNOWN)
        if len(new):
            self._users = IdIndex(pa.concat_arrays([self._users.values, users.take(new)]))
        return self._users.positions(users.values)


def _added(sums: np.ndarray | None, rows: np.ndarray, values: np.ndarray) -> np.ndarray:
    wide = _long(np.empty(0) if sums is None else sums, int(rows.max()) + 1)
    wide[rows] += values
    return wide


def _long(values: np.ndarray, n: int) -> np.ndarray:
    """`values` with zeros behind them, up to `n` of them."""
    return np.concatenate([values, np.zeros(max(0, n - len(values)))])
