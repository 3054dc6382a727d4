"""Delimited text as Arrow record batches of strings, with exact line numbers when something is wrong."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as pacsv

from recae.counted import counted
from recae.data.sniff import LONGEST_LINE, Dialect, encoding_error
from recae.errors import DataError, StorageError, reason
from recae.store.regular import refuse_special

_BLOCK = LONGEST_LINE
"""What Arrow takes at a time; it refuses lines that are longer."""
_EMPTY_BLOCKS = 8
"""Blocks without a row that may follow each other; some kilobytes of gzip can hold any number of them."""
_LONE_RETURN = re.compile(r"(?<=\r)(?!\n|$)")
_SEPARATOR = "\x1f"
"""Stands in for delimiters of more than one character, which Arrow cannot read."""
_MAGIC = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bz2"}
_REFUSED = {b"PK\x03\x04": "zip archive", b"\xfd7zXZ": "xz archive", b"7z\xbc\xaf": "7-Zip archive"}


@dataclass(frozen=True)
class TextPart:
    """One delimited text file."""

    path: Path
    dialect: Dialect
    ids_are_text = True

    @property
    def label(self) -> str:
        return str(self.path)

    @property
    def names(self) -> list[str]:
        return list(self.dialect.names)

    def kinds(self) -> dict[str, str]:
        """What each column holds."""
        return dict.fromkeys(self.dialect.names, "text without a type")

    def batches(self, names: list[str], dropped: Counter[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The columns `names` as strings, in blocks.

        Rows with too few or too many fields are counted in `dropped` and left out; without it they are refused.

        Raises:
            DataError: such a row, or bytes that are not UTF-8; with the line.
            StorageError: the file cannot be read.
        """
        with open_bytes(self.path) as raw:
            source = raw if self._plain() else pa.PythonFile(_Recoded(raw, self.dialect), mode="r")
            try:
                yield from self._parsed(source, names, dropped)
            except pa.ArrowInvalid as error:
                raise self._explained(error) from error

    def place(self, row: int) -> str:
        """Where data row `row` (from 0) is, for a message."""
        for number, (line, _) in enumerate(self.rows()):
            if number == row:
                return f"{self.label}, line {line}"
        return self.label

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Every data row with its line number, exactly; only for messages."""
        rows = self.dialect.rows(self._lines())
        number = 1
        try:
            if self.dialect.header:
                next(rows, None)
            for number, row in rows:
                yield number, row
        except csv.Error as error:
            raise DataError(
                f"{self.label}, after line {number}: a value in quotes is longer than {LONGEST_LINE:,} bytes; "
                "is a quote missing?"
            ) from error

    def _plain(self) -> bool:
        return self.dialect.encoding == "utf-8" and _one_byte(self.dialect.delimiter)

    def _parsed(self, source: Any, names: list[str], dropped: Counter[str] | None) -> Iterator[pa.RecordBatch]:
        dialect = self.dialect

        def ragged(_: Any) -> str:
            if dropped is None:
                return "error"
            dropped["bad rows"] += 1
            return "skip"

        arrow_names = names if dialect.header else [f"f{int(name) - 1}" for name in names]
        reader = pacsv.open_csv(
            source,
            pacsv.ReadOptions(block_size=_BLOCK, autogenerate_column_names=not dialect.header),
            pacsv.ParseOptions(
                delimiter=dialect.delimiter if _one_byte(dialect.delimiter) else _SEPARATOR,
                quote_char='"' if dialect.quoting else False,
                newlines_in_values=dialect.quoting,
                invalid_row_handler=ragged,
            ),
            pacsv.ConvertOptions(column_types=dict.fromkeys(arrow_names, pa.string()), include_columns=arrow_names),
        )
        for batch in self._with_rows(reader, dropped):
            yield batch.rename_columns(names)

    def _with_rows(self, batches: Any, dropped: Counter[str] | None) -> Iterator[pa.RecordBatch]:
        """Those of the `batches` that have rows; too many in a row that have none, not even bad ones, are refused."""
        empty = bad = 0
        for batch in batches:
            before, bad = bad, 0 if dropped is None else dropped["bad rows"]
            empty = 0 if batch.num_rows or bad > before else empty + 1
            if empty > _EMPTY_BLOCKS:
                limit = f"{_EMPTY_BLOCKS * _BLOCK:,} bytes"
                raise DataError(f"{self.label} has more than {limit} of nothing but empty lines.")
            if batch.num_rows:
                yield batch

    def _lines(self) -> Iterator[str]:
        with open_bytes(self.path) as raw:
            binary = io.BufferedReader(_Raw(raw))
            for number, line in enumerate(iter(lambda: binary.readline(LONGEST_LINE + 1), b""), start=1):
                if len(line) > LONGEST_LINE:
                    raise too_long(self.label, number)
                try:
                    text = line.decode(self.dialect.encoding)
                except UnicodeDecodeError as error:
                    raise encoding_error(line, error, self.label, number) from None
                # A carriage return alone ends a line too, as Arrow has it.
                yield from _LONE_RETURN.split(text.removeprefix("\ufeff") if number == 1 else text)

    def _explained(self, error: pa.ArrowInvalid) -> DataError:
        width = len(self.dialect.names)
        for line, row in self.rows():
            if len(row) != width:
                return DataError(
                    f"{self.label}, line {line}: {counted(len(row), 'field')} where {width} are expected. "
                    "Mend the line, or drop such rows with --on-bad drop."
                )
        return DataError(f"{self.label} cannot be read as delimited text: {error}.")


def too_long(label: str, line: int) -> DataError:
    """The sentence for a line that nobody wrote."""
    return DataError(f"{label}, line {line} is longer than {LONGEST_LINE:,} bytes; no log has such lines.")


@contextmanager
def open_bytes(path: Path) -> Iterator[Any]:
    """The content of a file as an Arrow stream, decompressed if it is gzip, zstd or bzip2 (by its first bytes).

    Raises:
        DataError: the compressed content is damaged or cut off, or an archive.
        StorageError: the file cannot be read.
    """
    refuse_special(path)
    try:
        with path.open("rb") as file:
            start = file.read(8)
        kind = next((name for magic, name in _MAGIC.items() if start.startswith(magic)), None)
        for magic, name in _REFUSED.items():
            if start.startswith(magic):
                raise DataError(f"{path} is a {name}; unpack it first (gzip, zstd and bzip2 are read as they are).")
        with pa.input_stream(str(path), compression=kind, buffer_size=_BLOCK) as stream:
            yield stream
    except OSError as error:
        raise unreadable(path, error) from error


def unreadable(path: Path, error: OSError) -> StorageError | DataError:
    """The sentence for a failed read: the disk's fault if there is an errno, else the content's."""
    if isinstance(error, FileNotFoundError):
        return StorageError(f"{path} does not exist.")
    if isinstance(error, PermissionError):
        return StorageError(f"{path} may not be read: permission denied.")
    if error.errno is not None:
        return StorageError(f"{path} could not be read: {reason(error)}.")
    return DataError(f"{path} is damaged or cut off; copy or download it again.")


def _one_byte(delimiter: str) -> bool:
    return len(delimiter.encode()) == 1


class _Recoded:
    """A file object in UTF-8 with one-character delimiters, made from one that is not."""

    def __init__(self, raw: Any, dialect: Dialect) -> None:
        self._raw = raw
        self._encoding = dialect.encoding
        self._swap = None if _one_byte(dialect.delimiter) else dialect.delimiter
        self._rest = b""
        self._ready = b""
        self.closed = False

    def read(self, size: int) -> bytes:
        while len(self._ready) < size:
            data = self._raw.read(_BLOCK)
            if len(self._rest) > LONGEST_LINE:
                raise pa.ArrowInvalid("a line is too long")
            # A character or delimiter never crosses the end of a line, so whole lines are converted.
            cut = data.rfind(b"\n") + 1 if data else 0
            lines, rest = (self._rest + data[:cut], data[cut:]) if cut else (b"", self._rest + data)
            if not data:
                lines, rest = rest, b""
            self._ready += self._converted(lines)
            self._rest = rest
            if not data:
                break
        out, self._ready = self._ready[:size], self._ready[size:]
        return out

    def close(self) -> None:
        self.closed = True

    def _converted(self, lines: bytes) -> bytes:
        if self._encoding != "utf-8":
            lines = lines.decode(self._encoding).encode()
        return lines.replace(self._swap.encode(), _SEPARATOR.encode()) if self._swap else lines


class _Raw(io.RawIOBase):
    """An Arrow stream as a Python one."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._stream.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)
