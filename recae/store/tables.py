"""Tables on disk, Parquet, CSV, TSV or JSON lines by the suffix, written in one piece or block by block."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pa_csv
import pyarrow.parquet as pq

from recae.errors import ConfigError
from recae.store.atomic import replacing_file

Write = Callable[[pa.Table], None]


def write_table(table: pa.Table | Iterable[pa.Table], path: str | Path) -> int:
    """Write a table, or blocks of one, to `path` (atomic); return how many rows were written.

    The suffix decides the format: .parquet (zstd), .csv, .tsv or .jsonl. Blocks share one schema and there
    is at least one of them, if only with no rows, so that the columns are known.

    Raises:
        ConfigError: another suffix.
        StorageError: the file could not be written.
    """
    _writer_for(Path(path))  # before the folder is made
    with replacing_file(path) as beside:
        return write_blocks(table, beside, Path(path).suffix)


def write_blocks(table: pa.Table | Iterable[pa.Table], path: Path, suffix: str) -> int:
    """Write a table, or blocks of one, to the file `path` itself in the format of `suffix`: see `write_table`.

    Raises:
        ConfigError: another suffix.
        OSError: the file could not be written.
    """
    open_writer = _writer_for(path.with_suffix(suffix))
    blocks = iter((table,)) if isinstance(table, pa.Table) else iter(table)
    first = next(blocks)
    rows = 0
    with open_writer(path, first.schema) as write:
        for block in itertools.chain((first,), blocks):
            write(block)
            rows += block.num_rows
    return rows


def table_suffixes() -> tuple[str, ...]:
    """The suffixes that `write_table` knows."""
    return tuple(_WRITERS)


def with_facts(table: pa.Table, facts: dict[str, Any]) -> pa.Table:
    """The same table with `facts` as JSON under the metadata key "recae", which Parquet files keep."""
    kept = table.schema.metadata or {}
    return table.replace_schema_metadata({**kept, b"recae": json.dumps(facts, sort_keys=True, default=str).encode()})


@contextmanager
def _parquet(path: Path, schema: pa.Schema) -> Iterator[Write]:
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        yield writer.write_table


def _delimited(delimiter: str) -> Callable[[Path, pa.Schema], AbstractContextManager[Write]]:
    @contextmanager
    def opened(path: Path, schema: pa.Schema) -> Iterator[Write]:
        # Arrow would quote every name of the header; csv only those that need it, as it is done for the values.
        options = pa_csv.WriteOptions(include_header=False, delimiter=delimiter, quoting_style="needed")
        header = io.StringIO()
        csv.writer(header, delimiter=delimiter, lineterminator="\n").writerow(schema.names)
        with path.open("wb") as file:
            file.write(header.getvalue().encode())
            with pa_csv.CSVWriter(file, _plain(schema.empty_table()).schema, write_options=options) as writer:
                yield lambda table: writer.write_table(_plain(table))

    return opened


def _plain(table: pa.Table) -> pa.Table:
    """`table` with UUIDs and other extension types as text, which is all that a delimited file can hold."""
    for at, field in enumerate(table.schema):
        if isinstance(field.type, pa.BaseExtensionType):
            texts = [None if value is None else str(value) for value in table.column(at).to_pylist()]
            table = table.set_column(at, field.name, pa.array(texts, pa.string()))
    return table


@contextmanager
def _json_lines(path: Path, _schema: pa.Schema) -> Iterator[Write]:
    with path.open("w", encoding="utf-8", newline="\n") as file:

        def write(block: pa.Table) -> None:
            for batch in block.to_batches(max_chunksize=10_000):
                file.writelines(json.dumps(row, ensure_ascii=False, default=str) + "\n" for row in batch.to_pylist())

        yield write


_WRITERS: dict[str, Callable[[Path, pa.Schema], AbstractContextManager[Write]]] = {
    ".parquet": _parquet,
    ".csv": _delimited(","),
    ".tsv": _delimited("\t"),
    ".jsonl": _json_lines,
}


def _writer_for(path: Path) -> Callable[[Path, pa.Schema], AbstractContextManager[Write]]:
    try:
        return _WRITERS[path.suffix.lower()]
    except KeyError:
        known = ", ".join(_WRITERS)
        raise ConfigError(f"{path} cannot be written: its suffix must be one of {known}.") from None
