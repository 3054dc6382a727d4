"""What a text file looks like: encoding, delimiter, header; found in its first megabyte."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from recae.data.columns import ColumnChoice, is_usual, refuse_many, refuse_names
from recae.errors import DataError

SAMPLE_BYTES = 1 << 20
_SAMPLE_LINES = 100
_CANDIDATES = ("\t", ",", ";", "|", " ")
LONGEST_LINE = 8 << 20
"""Bytes of a line, and of a value in quotes that goes over several."""
_LATIN_SUFFIXES = (".dat", ".item", ".user")
"""MovieLens files, some of which are not UTF-8."""
_NUMBER = re.compile(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*")
_TIME = re.compile(r"\s*(\d{9,19}(\.\d+)?|\d{4}-\d{2}-\d{2}([T ].*)?)\s*")


@dataclass(frozen=True)
class Dialect:
    """How to cut a text file into rows and columns."""

    delimiter: str
    header: bool
    names: tuple[str, ...]
    """As the header writes them, or "1", "2", ... without a header."""
    encoding: str = "utf-8"
    times_third: bool = False
    """Without a header: the third of three columns holds times and not ratings."""

    @property
    def quoting(self) -> bool:
        """Whether values may stand in double quotes (never with a delimiter such as `::`)."""
        return len(self.delimiter) == 1

    def rows(self, lines: Iterable[str]) -> Iterator[tuple[int, list[str]]]:
        """Every row that is not empty with the number of its first line, from 1; slow but exact."""
        if not self.quoting:
            for number, line in enumerate(lines, start=1):
                if line.strip("\r\n"):
                    yield number, line.rstrip("\r\n").split(self.delimiter)
            return
        reader = csv.reader(lines, delimiter=self.delimiter)
        before = 0
        while (row := _next_row(reader)) is not None:
            if row:
                yield before + 1, row
            before = reader.line_num


def sniff(
    sample: bytes, *, where: str, suffix: str, whole: bool, header: bool | None, delimiter: str | None,
    choice: ColumnChoice,
) -> Dialect:  # fmt: skip
    """Find out how the file that starts with `sample` is written; what the caller says is not doubted.

    `whole` tells that the sample is the whole file.

    Raises:
        DataError: nothing in it, not text, in another encoding, or two columns of the same name.
    """
    text, encoding = _decoded(sample, where, suffix, whole)
    lines = whole_lines(io.StringIO(text, newline="").readlines(), where, whole=whole)
    lines = [line for line in lines if line.strip("\r\n")][:_SAMPLE_LINES]
    if not lines:
        raise DataError(f"{where} is empty.")
    delimiter = _spelled(delimiter) if delimiter else _guess_delimiter(lines, suffix)
    rows = [row for _, row in Dialect(delimiter, False, ()).rows(lines)]
    if header is None:
        header = _has_header(rows, choice)
    refuse_many(len(rows[0]), where)
    if not header:
        names = tuple(str(number) for number in range(1, len(rows[0]) + 1))
        times_third = all(len(row) == 3 and _TIME.fullmatch(row[2]) is not None for row in rows)
        return Dialect(delimiter, False, names, encoding, times_third)
    refuse_names(rows[0], where)
    return Dialect(delimiter, True, tuple(rows[0]), encoding)


def whole_lines(lines: list[Any], where: str, *, whole: bool) -> list[Any]:
    """The lines of a sample without the last one, which may have been cut, unless the sample is the `whole` file.

    Raises:
        DataError: there is no other.
    """
    if whole:
        return lines
    if len(lines) < 2:
        raise DataError(f"{where}, line 1 is longer than {SAMPLE_BYTES:,} bytes; no log has such lines.")
    return lines[:-1]


def _next_row(reader: Any) -> list[str] | None:
    # csv refuses fields of more than 128 KiB unless the limit of the whole process is raised: here for one row only.
    limit = csv.field_size_limit(LONGEST_LINE)
    try:
        return next(reader, None)
    finally:
        csv.field_size_limit(limit)


def encoding_error(data: bytes, error: UnicodeDecodeError, where: str, line: int) -> DataError:
    """The sentence for text that is not UTF-8."""
    return DataError(
        f"{where}, line {line}: byte 0x{data[error.start]:02X} is not UTF-8. If the file is in Latin-1, convert it: "
        "iconv -f latin1 -t utf-8 FILE > NEW."
    )


def _decoded(sample: bytes, where: str, suffix: str, whole: bool) -> tuple[str, str]:
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DataError(f"{where} is in UTF-16; convert it: iconv -f utf-16 -t utf-8 FILE > NEW.")
    if b"\0" in sample:
        raise DataError(
            f"{where} holds binary data (a zero byte at position {sample.index(0)}): neither text nor Parquet."
        )
    try:
        return sample.decode("utf-8-sig"), "utf-8"
    except UnicodeDecodeError as error:
        if not whole and error.start >= len(sample) - 3 and error.reason == "unexpected end of data":
            return sample[: error.start].decode("utf-8-sig"), "utf-8"
        if suffix in _LATIN_SUFFIXES:
            return sample.decode("latin-1"), "latin-1"
        raise encoding_error(sample, error, where, sample.count(b"\n", 0, error.start) + 1) from None


def _spelled(delimiter: str) -> str:
    return {"\\t": "\t", "tab": "\t"}.get(delimiter, delimiter)


def _guess_delimiter(lines: list[str], suffix: str) -> str:
    if all("::" in line for line in lines):
        return "::"
    candidates = [*(("\t",) if suffix == ".tsv" else (",",) if suffix == ".csv" else ()), *_CANDIDATES]
    best, best_key = ",", (0.0, 0)
    for candidate in candidates:
        widths = Counter(len(row) for _, row in Dialect(candidate, False, ()).rows(lines))
        width, agreeing = widths.most_common(1)[0]
        # All lines of one width first, then the most columns; earlier candidates win ties.
        key = (agreeing / widths.total(), width)
        if width > 1 and key > best_key:
            best, best_key = candidate, key
    return best


def _has_header(rows: list[list[str]], choice: ColumnChoice) -> bool:
    first = [cell.strip() for cell in rows[0]]
    chosen = {choice.user, choice.item, choice.rating, choice.weight, choice.time} - {None}
    if chosen & set(first) or any(is_usual(cell) for cell in first):
        return not any(_NUMBER.fullmatch(cell) for cell in first)
    if any(character.isdigit() for cell in first for character in cell):
        return False
    # Words without a digit are taken for names of columns, in a single column only "id".
    return len(first) > 1 or first[0].lower() in ("id", "ids")
