"""JSON lines as Arrow record batches: one object per line, the type of a column settled by its first values."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.json as pajson

from recae.data.columns import quoted, refuse_many
from recae.data.sniff import LONGEST_LINE, whole_lines
from recae.data.textfiles import open_bytes, too_long
from recae.errors import DataError

_BLOCK = 8 << 20
_TYPES = {str: pa.string(), int: pa.int64(), float: pa.float64(), bool: pa.bool_()}


@dataclass(frozen=True)
class JsonPart:
    """One file of JSON lines."""

    path: Path
    types: dict[str, type]
    """Column to Python type, from the first lines; columns of null, lists and objects have `object`."""
    ids_are_text = False

    @property
    def label(self) -> str:
        return str(self.path)

    @property
    def names(self) -> list[str]:
        return list(self.types)

    def kinds(self) -> dict[str, str]:
        """What each column holds."""
        return {name: _WORDS.get(kind, "") for name, kind in self.types.items()}

    def batches(self, names: list[str], dropped: Counter[str] | None = None) -> Iterator[pa.RecordBatch]:
        """The columns `names`, in blocks; lines that are no JSON object are counted in `dropped` or refused."""
        types = {name: self.types[name] for name in names}
        with open_bytes(self.path) as raw:
            for line, block in _blocks(raw, self.label):
                yield self._parsed(block, types, line, dropped)

    def place(self, row: int) -> str:
        """Where data row `row` (from 0) is, for a message."""
        with open_bytes(self.path) as raw:
            for first, block in _blocks(raw, self.label):
                for line, text in enumerate(block.splitlines(), start=first):
                    if text.strip():
                        row -= 1
                    if row < 0:
                        return f"{self.label}, line {line}"
        return self.label

    def _parsed(self, block: bytes, types: dict[str, type], line: int, dropped: Counter[str] | None) -> pa.RecordBatch:
        for name, kind in types.items():
            if kind is object:
                raise DataError(
                    f"{self.label}: column {quoted(name)} holds no plain values: numbers, text, true or false."
                )
        schema = pa.schema([(name, _TYPES[kind]) for name, kind in types.items()])
        try:
            table = pajson.read_json(
                pa.BufferReader(block),
                pajson.ReadOptions(block_size=len(block) + 1, use_threads=False),
                pajson.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore"),
            )
            return table.combine_chunks().to_batches()[0]
        except pa.ArrowInvalid:
            return self._slowly(block, types, line, dropped)

    def _slowly(self, block: bytes, types: dict[str, type], line: int, dropped: Counter[str] | None) -> pa.RecordBatch:
        """Line by line: find the line that is wrong, or widen whole numbers to fractions."""
        columns: dict[str, list[Any]] = {name: [] for name in types}
        for number, text in enumerate(block.splitlines(), start=line):
            if not text.strip():
                continue
            try:
                row = self._row(text, types, number)
            except DataError:
                if dropped is None:
                    raise
                dropped["bad rows"] += 1
                continue
            for name, value in row.items():
                columns[name].append(value)
        return pa.RecordBatch.from_pydict(
            {name: pa.array(values, type=_TYPES[types[name]]) for name, values in columns.items()}
        )

    def _row(self, text: bytes, types: dict[str, type], number: int) -> dict[str, Any]:
        record = parse_object(text, f"{self.label}, line {number}")
        row = {name: record.get(name) for name in types}
        for name, value in row.items():
            kind = types[name]
            if kind is int and type(value) is float:
                types[name] = kind = float
            if value is None or (type(value) is kind and _fits(value)) or (kind is float and type(value) is int):
                continue
            shown = quoted(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False)[:60]
            raise DataError(
                f"{self.label}, line {number}, column {quoted(name)}: {shown} is of another type than the values "
                f"before it ({_WORDS[kind]}). Mend the line, or drop such rows with --on-bad drop."
            )
        return row


_WORDS = {str: "text", int: "numbers", float: "numbers", bool: "true or false"}


def open_json(path: Path, sample: bytes, *, whole: bool) -> JsonPart:
    """Find the columns of a file of JSON lines that starts with `sample`.

    Raises:
        DataError: none of the first lines is a JSON object.
    """
    lines = whole_lines(sample.splitlines(), str(path), whole=whole)
    types: dict[str, type] = {}
    refusal: DataError | None = None
    for number, text in enumerate(lines[:1000], start=1):
        if not text.strip():
            continue
        try:
            record = parse_object(text, f"{path}, line {number}")
        except DataError as error:
            refusal = refusal or error
            continue
        for name, value in record.items():
            kind = type(value) if type(value) in _TYPES else object
            known = types.get(name, object)
            if known is object or (known is int and kind is float):
                types[name] = kind
    if refusal is not None and not types:
        raise refusal
    refuse_many(len(types), str(path))
    return JsonPart(path, types)


def parse_object(text: bytes, where: str) -> dict[str, Any]:
    """One line of JSON as a dict.

    Raises:
        DataError: it is not UTF-8, not JSON, or not an object.
    """
    try:
        record = json.loads(text.decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise DataError(f"{where}: byte 0x{text[error.start]:02X} is not UTF-8; JSON must be.") from error
    except json.JSONDecodeError as error:
        raise DataError(f"{where}: not JSON from character {error.pos + 1} on.") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{where}: JSON with a number or a nesting too long to be read.") from error
    if not isinstance(record, dict):
        raise DataError(f'{where}: one JSON object per line is expected, such as {{"user_id": 1, "item_id": 2}}.')
    return record


def _fits(value: Any) -> bool:
    return type(value) is not int or -(2**63) <= value < 2**63


def _blocks(raw: Any, label: str) -> Iterator[tuple[int, bytes]]:
    """Whole lines, some megabytes at a time, each block with the number of its first line."""
    rest, line = b"", 1
    while data := raw.read(_BLOCK):
        if len(rest) + (data.find(b"\n") if b"\n" in data else len(data)) > LONGEST_LINE:
            raise too_long(label, line)
        whole, rest = _cut(rest, data)
        if whole.strip():
            yield line, whole.removeprefix(b"\xef\xbb\xbf")
        line += whole.count(b"\n")
    if rest.strip():
        yield line, rest.removeprefix(b"\xef\xbb\xbf")


def _cut(rest: bytes, data: bytes) -> tuple[bytes, bytes]:
    """What is whole of both, and what is not."""
    end = data.rfind(b"\n") + 1
    return (rest + data[:end], data[end:]) if end else (b"", rest + data)
