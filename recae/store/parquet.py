"""Parquet files: opened, held against memory, and read whole, with everything wrong told the same way."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from recae.errors import CapacityError, DamagedFileError
from recae.resident import amount, free_memory
from recae.store.damage import told_of
from recae.store.regular import refuse_special

_OFFSET = 4
"""Bytes of a value of no fixed size, at least: where it begins."""


@contextmanager
def opened_parquet(path: Path) -> Iterator[pq.ParquetFile]:
    """The Parquet file at `path`, for reading alone: see `told_of`.

    Raises:
        StorageError: it could not be read.
        DamagedFileError: it is no Parquet file, is cut off, or holds what cannot be read.
    """
    refuse_special(path)
    with told_of(path), pq.ParquetFile(path, pre_buffer=False) as file:
        _ = file.schema_arrow.names  # decoded here, where a garbled name can be told
        yield file


def read_parquet(path: Path, columns: list[str] | None = None, *, rows: int | None = None) -> pa.Table:
    """The table in a Parquet file that recae wrote; all of its values are what their types say.

    Args:
        path: the file.
        columns: only these.
        rows: how many there should be, which is looked at before they are read.

    Raises:
        StorageError: it could not be read.
        DamagedFileError: it is no such file, is cut off, or has other columns or another number of rows.
        CapacityError: it announces more than memory can hold.
    """
    with opened_parquet(path) as file:
        if rows is not None and file.metadata.num_rows != rows:
            raise DamagedFileError(f"{path} should have {rows:,} rows and has {file.metadata.num_rows:,}.")
        names = file.schema_arrow.names
        if len({*names}) < len(names):
            raise DamagedFileError(f"{path} has several columns of one name.")
        if missing := [name for name in columns or () if name not in names]:
            raise DamagedFileError(f"{path} has no column {missing[0]!r}.")
        refuse_larger_than_memory(str(path), file.metadata.num_rows, file.schema_arrow, columns)
        table = file.read(columns)
        table.validate(full=True)
        return table


def parquet_schema(path: Path) -> pa.Schema:
    """The columns of a Parquet file, and what is kept beside them.

    Raises:
        StorageError: it could not be read.
        DamagedFileError: it is no Parquet file, or is cut off.
    """
    with opened_parquet(path) as file:
        schema: pa.Schema = file.schema_arrow
        return schema


def refuse_larger_than_memory(label: str, rows: int, schema: pa.Schema, columns: Sequence[str] | None = None) -> None:
    """Refuse rows that cannot be held before any is read: a file of few kilobytes can have billions, by run lengths.

    Raises:
        CapacityError: they would not fit.
    """
    width = sum(_width(field.type) for field in schema if columns is None or field.name in columns)
    refuse_rows_larger_than_memory(label, rows, int(rows * width))


def refuse_rows_larger_than_memory(label: str, rows: int, needed: int) -> None:
    """Refuse rows that take `needed` bytes, together with those of other files that are read with them.

    Raises:
        CapacityError: they would not fit.
    """
    free = free_memory()
    if needed > free:
        raise CapacityError(
            f"{label} has {rows:,} rows: reading would take at least {amount(needed)} of memory and "
            f"{amount(free)} may be used. Leave rows out, or take a machine with more."
        )


def _width(kind: Any) -> float:
    try:
        return float(kind.bit_width) / 8
    except ValueError:
        return _OFFSET
