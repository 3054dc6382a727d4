"""A prepared log as a source of rows, so that it can be read wherever a file can: as histories, joined with others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from recae.data.columns import ColumnChoice, Roles
from recae.data.interactions import Interactions

MARKER = "prepared.json"
"""The file by which a prepared folder is known."""
_BATCH_ROWS = 1 << 20


@dataclass(frozen=True, eq=False)
class PreparedPart:
    """One prepared log, under the column names that it was read with."""

    path: Path
    log: Interactions
    ids_are_text = False

    @property
    def label(self) -> str:
        return str(self.path)

    @property
    def names(self) -> list[str]:
        return self.roles().names()

    def kinds(self) -> dict[str, str]:
        """Nothing: a prepared folder is never one of several files of a folder."""
        return dict.fromkeys(self.names, "")

    def roles(self) -> Roles:
        """Which column is what; a prepared log need not be asked by the names of its columns."""
        columns, timed = self.log.columns, self.log.timestamps is not None
        return Roles(columns.user, columns.item, columns.value, columns.value_kind, columns.time if timed else None)

    def fits(self, choice: ColumnChoice) -> bool:
        """Whether `choice` asks for the columns that the log was prepared with."""
        roles = self.roles()
        have = {"rating": None, "weight": None, str(roles.value_kind): roles.value}
        have |= {"user": roles.user, "item": roles.item, "time": roles.time}
        return all(asked in (None, have[role]) for role, asked in vars(choice).items())

    def batches(self, names: list[str], dropped: Counter[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The columns `names`, in blocks."""
        for start in range(0, self.log.nnz, _BATCH_ROWS):
            rows = self.log.to_arrow(start, start + _BATCH_ROWS).select(names)
            yield from rows.combine_chunks().to_batches()

    def place(self, row: int) -> str:
        """Where entry `row` (from 0) is, for a message."""
        return f"{self.label}, interaction {row + 1}"


def is_prepared(path: str | Path) -> bool:
    """Whether this is a folder of prepared data."""
    return (Path(path) / MARKER).is_file()


def open_prepared(path: Path) -> PreparedPart:
    """Open the prepared log at `path`.

    Raises:
        StorageError: a file is missing or cannot be read.
        DamagedFileError: a file is not what it should be.
        DataError: the folder holds a split.
    """
    from recae.data.prepared import open_log  # with pydantic, which no other source needs

    return PreparedPart(path, open_log(path))
