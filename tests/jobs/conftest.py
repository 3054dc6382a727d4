"""A small rated log of two crowds, as a file."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from recae.progress import SILENT, Task
from recae.store.tables import write_table


class Told:
    """A progress that remembers what was said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def task(self, label: str, total: int | None = None, unit: str = "") -> AbstractContextManager[Task]:
        return SILENT.task(label, total, unit)

    def say(self, message: str) -> None:
        self.lines.append(message)


@pytest.fixture
def told() -> Told:
    """A progress whose `lines` are what was said."""
    return Told()


@pytest.fixture(scope="session")
def crowds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """80 users with 12 of 30 items each; odd and even users like different halves."""
    random = np.random.default_rng(5)
    users, items, ratings = [], [], []
    for user in range(80):
        likes = np.where((np.arange(30) < 15) == (user % 2 == 0), 12.0, 1.0)
        chosen = random.choice(30, size=12, replace=False, p=likes / likes.sum())
        users += [user] * 12
        items += chosen.tolist()
        ratings += (3.0 + (likes[chosen] > 1) + random.integers(0, 2, 12)).tolist()
    path = tmp_path_factory.mktemp("crowds") / "ratings.parquet"
    write_table(pa.table({"user_id": users, "item_id": items, "rating": ratings}), path)
    return path
