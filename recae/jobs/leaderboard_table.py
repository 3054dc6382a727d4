"""A leaderboard on disk: its columns, and how it is read."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv

from recae.errors import DamagedFileError, StorageError
from recae.store.damage import told_as_damage, told_of
from recae.store.parquet import read_parquet
from recae.store.regular import refuse_special

_TEXT, _NUMBER, _WHOLE = pa.string(), pa.float64(), pa.int64()
COLUMNS: dict[str, pa.DataType] = {
    "entry": _TEXT,
    "date": _TEXT,
    "run_id": _TEXT,
    "data": _TEXT,
    "data_fingerprint": _TEXT,
    "split": _TEXT,
    "targets_fingerprint": _TEXT,
    "splits": _WHOLE,
    "test_users": _WHOLE,
    "seed": _WHOLE,
    "model": _TEXT,
    "settings": _TEXT,
    "selected_on": _TEXT,
    "valid_value": _NUMBER,
    "metric": _TEXT,
    "low": _NUMBER,
    "high": _NUMBER,
    "fit_seconds": _NUMBER,
    "users_per_second": _NUMBER,
    "size_bytes": _WHOLE,
    "fit_peak_bytes": _WHOLE,
    "recae": _TEXT,
    "versions": _TEXT,
    "machine": _TEXT,
    "command": _TEXT,
}
"""Columns of every leaderboard; behind them stands one for each metric. `low` and `high` are the 95 % interval of the
first metric, `metric`."""


def as_table(rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Entries as a table; what is not in `COLUMNS` is a metric."""
    metrics = dict.fromkeys(name for row in rows for name in row if name not in COLUMNS)
    schema = pa.schema([*COLUMNS.items(), *((name, _NUMBER) for name in metrics)])
    return pa.Table.from_pylist(list(rows), schema=schema)


def read_leaderboard(path: Path) -> pa.Table:
    """The table, its columns in the types of `COLUMNS`, every other one a metric.

    Raises:
        StorageError: it is no leaderboard, or cannot be read.
    """
    table = read_parquet(path) if path.suffix.lower() == ".parquet" else _delimited(path)
    missing = [name for name in COLUMNS if name not in table.column_names]
    if missing:
        raise StorageError(f"{path} is not a leaderboard of recae's: it has no column {missing[0]}.")
    metrics = [name for name in table.column_names if name not in COLUMNS]
    with told_as_damage(path, "It is no leaderboard any more."):
        found = table.select([*COLUMNS, *metrics])
        return found.cast(pa.schema([*COLUMNS.items(), *((name, _NUMBER) for name in metrics)]))


def _delimited(path: Path) -> pa.Table:
    refuse_special(path)
    with told_of(path, "CSV"):
        try:
            with path.open(encoding="utf-8", newline="") as file:
                head = next(csv.reader(file), [])
        except csv.Error as error:
            raise DamagedFileError(f"{path} is not a CSV file that can be read: {error}.") from error
        types = dict.fromkeys(head, _NUMBER) | COLUMNS
        return pa_csv.read_csv(
            path,
            convert_options=pa_csv.ConvertOptions(column_types=types, strings_can_be_null=True),
            parse_options=pa_csv.ParseOptions(newlines_in_values=True),
        )
