"""Whatever a log comes as - files, folders, tables in memory - as parts that yield Arrow record batches."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from recae.data.columns import USUAL_NAMES, ColumnChoice, quoted, refuse_many, refuse_names
from recae.data.jsonlines import open_json
from recae.data.prepared_part import is_prepared, open_prepared
from recae.data.sniff import SAMPLE_BYTES, sniff
from recae.data.textfiles import TextPart, open_bytes, unreadable
from recae.data.uuids import as_uuids, is_missing
from recae.data.values import is_text
from recae.errors import ConfigError, DataError, StorageError, reason

_BATCH_ROWS = 1 << 18
_COMPRESSED = (".gz", ".zst", ".zstd", ".bz2")
_PARQUET = (".parquet", ".pq")
_JSON = (".jsonl", ".ndjson", ".json")
_NOT_DATA = (".json", ".md", ".crc", ".toml", ".html")
"""Files that may lie in a data folder without being data (manifests, notes)."""


class Part(Protocol):
    """One file or table of rows."""

    @property
    def label(self) -> str:
        """How messages call it."""

    @property
    def names(self) -> list[str]:
        """Its columns."""

    @property
    def ids_are_text(self) -> bool:
        """Whether ids are text only because the file has no types, so that "7" may stand for 7."""

    def kinds(self) -> dict[str, str]:
        """What each column holds, in which the files of one folder must agree; "" where that is not known."""

    def batches(self, names: list[str], dropped: Counter[str] | None = None) -> Iterator[pa.RecordBatch]:
        """Only the columns `names`, in blocks; malformed rows are counted in `dropped` or refused."""

    def place(self, row: int) -> str:
        """Where data row `row` (from 0) is, for a message."""


@dataclass(frozen=True)
class ParquetPart:
    """One Parquet file."""

    path: Path
    schema: pa.Schema
    rows: int
    """As the file announces them: few bytes can stand for any number, compressed by their run lengths."""
    ids_are_text = False

    @property
    def label(self) -> str:
        return str(self.path)

    @property
    def names(self) -> list[str]:
        return list(self.schema.names)

    def kinds(self) -> dict[str, str]:
        return {field.name: _kind(field.type) for field in self.schema}

    def batches(self, names: list[str], dropped: Counter[str] | None = None) -> Iterator[pa.RecordBatch]:
        try:
            with pq.ParquetFile(self.path, pre_buffer=False) as file:
                for batch in file.iter_batches(batch_size=_BATCH_ROWS, columns=names):
                    batch.validate(full=True)  # text that is none would be found out far from here
                    yield batch
        except MemoryError:  # Arrow's is one of its exceptions, too
            raise
        except (pa.ArrowException, UnicodeDecodeError) as error:
            raise DataError(f"{self.label} is damaged; copy or write it again.") from error
        except OSError as error:
            raise unreadable(self.path, error) from error

    def place(self, row: int) -> str:
        return f"{self.label}, row {row + 1}"


@dataclass(frozen=True)
class TablePart:
    """A table in memory: the columns of a DataFrame, a dict of lists or an Arrow table."""

    columns: dict[str, Any]
    label = "The table"
    ids_are_text = False

    @property
    def names(self) -> list[str]:
        return list(self.columns)

    def kinds(self) -> dict[str, str]:
        return dict.fromkeys(self.columns, "")

    def batches(self, names: list[str], dropped: Counter[str] | None = None) -> Iterator[pa.RecordBatch]:
        arrays = {name: _as_column(name, self.columns[name]) for name in names}
        lengths = {name: len(array) for name, array in arrays.items()}
        if len(set(lengths.values())) > 1:
            sizes = ", ".join(f'"{name}" has {length}' for name, length in lengths.items())
            raise DataError(f"The columns of the table are of different lengths: {sizes} values.")
        yield from pa.table(arrays).to_batches(max_chunksize=_BATCH_ROWS)

    def place(self, row: int) -> str:
        return f"{self.label}, row {row + 1}"


def open_parts(
    source: Any, *, header: bool | None = None, delimiter: str | None = None, choice: ColumnChoice = USUAL_NAMES
) -> list[Part]:
    """Every part of `source`: a path, a folder, a list of them, a DataFrame, a dict of lists, an Arrow table.

    Raises:
        StorageError: a file does not exist or cannot be read.
        DataError: a file is not what its name says, is empty, or files of one folder differ in their columns.
        ConfigError: `source` is none of these.
    """
    if isinstance(source, (str, Path)):
        if not str(source):
            raise ConfigError("An empty path was given where a file or folder is needed.")
        path = Path(source)
        if is_prepared(path):
            return [open_prepared(path)]
        if path.is_dir():
            return _same_columns([open_file(file, header, delimiter, choice) for file in data_files(path)], path)
        return [open_file(path, header, delimiter, choice)]
    if isinstance(source, (list, tuple)):
        if not source:
            raise ConfigError("An empty list of files cannot be read.")
        return [part for one in source for part in open_parts(one, header=header, delimiter=delimiter, choice=choice)]
    return [TablePart(_table_columns(source))]


def open_file(
    path: Path, header: bool | None = None, delimiter: str | None = None, choice: ColumnChoice = USUAL_NAMES
) -> Part:
    """Find out by content, then by name, what a file is, and open it."""
    suffixes = [suffix.lower() for suffix in path.suffixes if suffix.lower() not in _COMPRESSED]
    suffix = suffixes[-1] if suffixes else ""
    with open_bytes(path) as stream:
        sample = stream.read(SAMPLE_BYTES)
    whole = len(sample) < SAMPLE_BYTES
    if not sample.strip():
        raise DataError(f"{path} is empty.")
    if suffix in _PARQUET or sample.startswith(b"PAR1"):
        return _open_parquet(path)
    start = sample.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if suffix in _JSON or start == b"{":
        return open_json(path, sample, whole=whole)
    dialect = sniff(
        sample, where=str(path), suffix=suffix, whole=whole, header=header, delimiter=delimiter, choice=choice
    )
    return TextPart(path, dialect)


def data_files(folder: Path) -> list[Path]:
    """The data files of a folder and its sub-folders by name; hidden files, manifests and notes are no data.

    Raises:
        DataError: there are none.
    """
    try:
        inside = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()]
    except OSError as error:
        raise StorageError(f"{folder} could not be listed: {reason(error)}.") from error
    files = [
        folder / path
        for path in inside
        if not any(name.startswith((".", "_")) for name in path.parts) and path.suffix.lower() not in _NOT_DATA
    ]
    if not files:
        raise DataError(f"{folder} holds no data files (CSV, TSV, .dat, JSON lines or Parquet).")
    return files


def _open_parquet(path: Path) -> ParquetPart:
    try:
        facts = pq.read_metadata(path)
        refuse_many(facts.num_columns, str(path))
        schema = facts.schema.to_arrow_schema()
        names = schema.names
    except MemoryError:  # Arrow's is one of its exceptions, too
        raise
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise DataError(f"{path} is not a Parquet file, or is cut off or damaged.") from error
    except OSError as error:
        raise unreadable(path, error) from error
    refuse_names(names, str(path))
    return ParquetPart(path, schema, facts.num_rows)


def _same_columns(parts: list[Part], folder: Path) -> list[Part]:
    first, kinds = parts[0], parts[0].kinds()
    train = next((part.label for part in parts if Path(part.label).name.split(".")[0] == "train"), None)
    advice = "Name one file, or put each kind in a folder of its own."
    if train is not None:
        advice = f"It seems to hold a split: give one of its files, e.g. {train}."
    for part in parts[1:]:
        others = part.kinds()
        if others.keys() != kinds.keys():
            raise DataError(
                f"{folder} mixes files of different columns: {first.label} has {', '.join(first.names)} and "
                f"{part.label} has {', '.join(part.names)}. {advice}"
            )
        odd = [name for name, kind in kinds.items() if kind and others[name] and kind != others[name]]
        if odd:
            raise DataError(
                f"{folder} mixes files of different types: column {quoted(odd[0])} holds {kinds[odd[0]]} in "
                f"{first.label} and {others[odd[0]]} in {part.label}. {advice}"
            )
    return parts


def _kind(kind: pa.DataType) -> str:
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind):
        return "numbers"
    if pa.types.is_temporal(kind):
        return "times"
    if pa.types.is_null(kind):
        return ""
    return "text" if is_text(kind) or pa.types.is_string_view(kind) else f"values of type {kind}"


def _table_columns(source: Any) -> dict[str, Any]:
    if not isinstance(source, (pa.Table, pd.DataFrame, Mapping)):
        if not hasattr(source, "__arrow_c_stream__") and not isinstance(source, pa.RecordBatch):
            raise ConfigError(
                f"A log cannot be read from a value of type {type(source).__name__}: give a path, a folder, a list of "
                "paths, a pandas DataFrame, a dict of lists, an Arrow table or a SciPy sparse matrix."
            )
        source = pa.Table.from_batches([source]) if isinstance(source, pa.RecordBatch) else pa.table(source)
    if isinstance(source, pa.Table):
        refuse_names(source.column_names, "The table")
        return {name: source.column(name) for name in source.column_names}
    names = list(source) if isinstance(source, Mapping) else list(source.columns)
    refuse_names([str(name) for name in names], "The table")
    return {str(name): source[name] for name in names}


def _as_column(name: str, values: Any) -> pa.Array | pa.ChunkedArray:
    if isinstance(values, (pa.Array, pa.ChunkedArray)):
        return values
    if isinstance(values, str) or not hasattr(values, "__len__"):
        raise DataError(f'The table, column "{name}": a list of values is needed, not {values!r}.')
    try:
        return pa.Array.from_pandas(values) if isinstance(values, pd.Series) else pa.array(values, from_pandas=True)
    except (pa.ArrowInvalid, pa.ArrowTypeError, ValueError, OverflowError) as error:
        if (uuids := as_uuids(values)) is not None:
            return uuids
        raise DataError(f'The table, column "{name}": {_odd_one(values)}.') from error


def _odd_one(values: Any) -> str:
    """What keeps `values` from being one Arrow column."""
    first: Any = None
    for row, value in enumerate(values, start=1):
        if is_missing(value):
            continue
        if first is not None and type(value) is not type(first):
            return f"{value!r} in row {row} is of another type than {first!r} before it; write them in one type"
        if isinstance(value, int) and not -(2**63) <= value < 2**64:
            return f"{value} in row {row} does not fit in 64 bits; write such ids as text"
        first = value
    return "its values are of no type that can be read"
