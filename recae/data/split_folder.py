"""A split on disk: one Parquet file per part, and `split.json` that says how it was made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from scipy import sparse

from recae.data.csr_checks import all_finite
from recae.data.ids import UNKNOWN, IdIndex, as_arrow, as_texts
from recae.data.interactions import Columns, Interactions
from recae.data.parts import place
from recae.data.split import NO_TIME, HeldOut, Split, held_out_table
from recae.errors import DamagedFileError
from recae.store.atomic import replacing_folder
from recae.store.damage import told_as_damage
from recae.store.formats import newer_format
from recae.store.manifest import library_versions, read_json, write_manifest
from recae.store.parquet import read_parquet
from recae.store.tables import write_table

MARKER = "split.json"
VOCABULARY = "vocabulary.parquet"
FORMAT = 1
_LAST_SEEN = "last_seen"
_TICKS = {"s": 1_000_000, "ms": 1_000, "us": 1, "number": 1, "datetime": 1, "date": 86_400_000_000}


def write_split(split: Split, folder: str | Path, more: Mapping[str, Any] | None = None) -> Path:
    """Write the split as a folder, whole or not at all, and return its path; `more` is added to split.json.

    train.parquet has ids, values and times as they were read; valid.parquet and test.parquet the targets,
    unknown items included; valid_history.parquet and test_history.parquet what a model may see;
    vocabulary.parquet the training items in their order; valid_last_seen.parquet and test_last_seen.parquet, where the
    log has times, when the last interaction of each user's history was; split.json the specification, seed and sizes.

    Raises:
        StorageError: the folder exists and was not written by recae, or it could not be written.
    """
    columns = _lossless(split.train)
    parts = {"valid": split.valid, "test": split.test}
    facts: dict[str, Any] = {
        "format": FORMAT,
        "spec": split.spec,
        "seed": split.seed,
        "notes": split.notes,
        "counts": split.train.counts,
        "columns": asdict(columns),
        "fingerprint": split.train.fingerprint(),
        "train": {"users": split.train.n_users, "items": split.train.n_items, "interactions": split.train.nnz},
    }
    with replacing_folder(folder, marker=MARKER) as beside:
        write_table(replace(split.train, columns=columns).to_arrow(), beside / "train.parquet")
        write_table(pa.table({columns.item: split.train.items.values}), beside / VOCABULARY)
        for name, part in parts.items():
            if part is not None:
                facts[name] = _write_held_out(part, split.train.items, columns, beside, name)
        write_manifest(beside, MARKER, {**(more or {}), **facts, "versions": library_versions()})
    return Path(folder)


def read_split(folder: str | Path) -> Split:
    """Read what `write_split` wrote; the same ids, values, times and order come back.

    Raises:
        StorageError: a file is missing or cannot be read.
        DamagedFileError: a file is not what it should be, or of another format version.
    """
    folder = Path(folder)
    facts = read_json(folder / MARKER)
    found = facts.get("format")
    if newer := newer_format(folder / MARKER, found, FORMAT, facts.get("versions"), "make the split again"):
        raise DamagedFileError(newer)
    if found != FORMAT:
        raise DamagedFileError(f"{folder / MARKER} is of format {found!r}; this version reads {FORMAT}.")
    with told_as_damage(folder, "Make the split again."):
        columns = Columns(**facts["columns"])
        table = read_parquet(folder / "train.parquet")
        users, items = _distinct(table[columns.user]), IdIndex.of(read_parquet(folder / VOCABULARY)[columns.item])
        train = _interactions(table, users, items, columns, dict(facts["counts"]))
        valid, test = (
            _read_held_out(folder, name, items, columns) if name in facts else None for name in ("valid", "test")
        )
        split = Split(train, valid, test, facts["spec"], facts["seed"], dict(facts["notes"]))
    if train.fingerprint() != facts.get("fingerprint"):
        raise DamagedFileError(f"{folder / 'train.parquet'} was changed after the split was made. Make it again.")
    return split


def is_split_folder(path: str | Path) -> bool:
    """Whether `write_split` wrote this folder."""
    return (Path(path) / MARKER).is_file()


def targets_table(part: HeldOut, items: IdIndex) -> pa.Table:
    """All targets of held-out data user by user, with the caller's ids and column names, unknown items included.

    `items` are those of the training data.

    Raises:
        ValueError: the unknown targets are only counted.
    """
    if part.outside is None and part.unknown_targets.any():
        raise ValueError("Held-out data whose unknown targets are only counted cannot be written.")
    tables = [held_out_table(part.target, part.users, items, part.columns)]
    if part.outside is not None:
        beyond = held_out_table(part.outside.matrix, part.users, part.outside.items, part.columns)
        tables.append(beyond)
        if beyond.schema != tables[0].schema:
            tables = _ids_as_text(tables, part.columns)
    rows = np.concatenate([_row_numbers(part.target), *([_row_numbers(part.outside.matrix)] if part.outside else [])])
    return pa.concat_tables(tables).take(pa.array(np.argsort(rows, kind="stable")))


def _write_held_out(part: HeldOut, items: IdIndex, columns: Columns, folder: Path, name: str) -> dict[str, int]:
    targets = targets_table(part, items)
    write_table(targets, folder / f"{name}.parquet")
    history = held_out_table(part.history, part.users, items, columns)
    write_table(history, folder / f"{name}_history.parquet")
    if part.last_seen is not None:
        seen = pa.table({columns.user: part.users.values, _LAST_SEEN: pa.array(part.last_seen)})
        write_table(seen, folder / f"{name}_{_LAST_SEEN}.parquet")
    unknown = int(part.unknown_targets.sum())
    return {
        "users": part.n_users,
        "history": history.num_rows,
        "targets": targets.num_rows,
        "unknown_targets": unknown,
    }


def _read_held_out(folder: Path, name: str, items: IdIndex, columns: Columns) -> HeldOut:
    targets, history = read_parquet(folder / f"{name}.parquet"), read_parquet(folder / f"{name}_history.parquet")
    given = columns if columns.value in targets.column_names else replace(columns, value=None, value_kind=None)
    users = _distinct(pa.concat_tables([targets.select([columns.user]), history.select([columns.user])])[columns.user])
    column = items.positions(targets[columns.item])
    unknown = column == UNKNOWN
    beyond = targets.filter(pa.array(unknown))
    outside = _interactions(beyond, users, _distinct(beyond[columns.item]), given, {})
    return HeldOut(
        history=_matrix(history, users, items, columns),
        target=_matrix(targets.filter(pa.array(~unknown)), users, items, given),
        users=users,
        unknown_targets=outside.user_counts(),
        columns=given,
        outside=outside,
        last_seen=_read_last_seen(folder / f"{name}_{_LAST_SEEN}.parquet", users, columns),
    )


def _read_last_seen(path: Path, users: IdIndex, columns: Columns) -> np.ndarray | None:
    if not path.is_file():
        return None
    table = read_parquet(path)
    if table.schema.field(_LAST_SEEN).type != pa.int64() or table[_LAST_SEEN].null_count:
        raise DamagedFileError(f"{path} is damaged: {_LAST_SEEN} should hold whole numbers. Make the split again.")
    seen = table[_LAST_SEEN].to_numpy()
    found: np.ndarray = np.append(seen, NO_TIME)[_distinct(table[columns.user]).positions(users.values)]
    return found


def _interactions(
    table: pa.Table, users: IdIndex, items: IdIndex, columns: Columns, counts: dict[str, int]
) -> Interactions:
    # The rows were written user by user in the order of the items, so times stay beside their entries.
    matrix = _matrix(table, users, items, columns)
    times = None
    if columns.time is not None and columns.time in table.column_names:
        times = _read_times(table[columns.time], columns)
    return Interactions(matrix, users, items, times, columns, counts)


def _matrix(table: pa.Table, users: IdIndex, items: IdIndex, columns: Columns) -> sparse.csr_array:
    n = table.num_rows
    values = np.ones(n, dtype=np.float32) if columns.value is None else table[columns.value].to_numpy()
    rows, cols = users.positions(table[columns.user]), items.positions(table[columns.item])
    if UNKNOWN in rows or UNKNOWN in cols:
        raise ValueError("an interaction is of a user or item that is not listed")
    matrix = place(rows, cols, values, np.ones(n, dtype=bool), (len(users), len(items)))
    if matrix.nnz != n or not all_finite(matrix.data):
        raise ValueError("an interaction is there twice, or has a value that is no number")
    return matrix


def _lossless(train: Interactions) -> Columns:
    """The columns with the written time unit made finer where it would round the times."""
    names = train.columns
    if train.timestamps is None or names.time is None:
        return replace(names, time=None)
    if names.time_unit != "ns" and (train.timestamps % _TICKS[names.time_unit]).any():
        return replace(names, time_unit="datetime" if names.time_unit == "date" else "us")
    return names


def _read_times(written: pa.ChunkedArray, columns: Columns) -> np.ndarray:
    calendar = columns.time_unit in ("datetime", "date")
    if written.null_count or not (pa.types.is_temporal if calendar else pa.types.is_integer)(written.type):
        raise ValueError(f"times should be whole numbers or dates, and are of type {written.type} or missing")
    if calendar:
        return written.cast(pa.timestamp("us")).cast(pa.int64()).to_numpy()
    numbers = written.to_numpy()
    return numbers // 1_000 if columns.time_unit == "ns" else numbers * _TICKS[columns.time_unit]


def _row_numbers(matrix: sparse.csr_array) -> np.ndarray:
    return np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))


def _distinct(ids: pa.ChunkedArray) -> IdIndex:
    """The ids in the order in which they first appear."""
    whole = ids.combine_chunks()
    if not isinstance(whole, pa.ExtensionArray):
        return IdIndex(as_arrow(whole.unique()))
    return IdIndex(pa.ExtensionArray.from_storage(whole.type, whole.storage.unique()))


def _ids_as_text(tables: list[pa.Table], columns: Columns) -> list[pa.Table]:
    """Item ids as they are written, where the known and the unknown ones are of different types."""
    at = tables[0].column_names.index(columns.item)
    return [table.set_column(at, columns.item, as_texts(table[columns.item].combine_chunks())) for table in tables]
