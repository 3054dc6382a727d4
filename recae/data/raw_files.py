"""The files of public data sets, in their many layouts, as tables."""

from __future__ import annotations

import csv
import io
import shutil
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from recae.data.archives import open_member, text_lines
from recae.data.public import Content
from recae.data.read import read
from recae.errors import DamagedFileError
from recae.progress import SILENT, Progress

_SEPARATOR = "\x1f"
_FILMS_PER_BLOCK = 500


def interactions_of(
    file: Path, content: Content, workplace: Path, progress: Progress = SILENT
) -> pa.Table | Iterator[pa.Table]:
    """The interactions in a downloaded file, one row each, as a table or in blocks.

    `workplace` is a folder for one temporary file.

    Raises:
        StorageError: the file cannot be read, or lacks what it should hold.
        DataError: its content is malformed.
    """
    match content.layout:
        case "table":
            return _table(file, content, workplace, progress)
        case "netflix":
            return _netflix_blocks(file, content.member)
        case _:
            with open_member(file, content.member) as stream:
                return _lists(text_lines(stream, content.encoding), file, counted=content.layout == "counted lists")


def items_of(file: Path, content: Content) -> pa.Table:
    """The item table in a downloaded file: ids as whole numbers where all are, everything else as text.

    0/1 columns named after genres become one column "genres" with the names between "|".

    Raises:
        StorageError: the file cannot be read, or lacks what it should hold.
        DamagedFileError: a row has too few fields.
    """
    with open_member(file, content.member) as stream:
        rows = _fields(text_lines(stream, content.encoding), content)
        names = content.header.split(content.delimiter) if content.header else next(rows)
        table = _text_table(rows, names, file)
    if content.columns:
        table = table.select([name for name in content.columns if name in table.column_names])
    return _whole_ids(_genres_joined(table))


def _table(file: Path, content: Content, workplace: Path, progress: Progress) -> pa.Table:
    """Rows of fields, through the ordinary reader: a header is put on top and the text is brought to UTF-8."""
    copy = workplace / Path(content.member).name
    try:
        with open_member(file, content.member) as stream, copy.open("wb") as out:
            if content.header is not None:
                out.write(f"{content.header}\n".encode())
            if content.encoding == "utf-8":
                shutil.copyfileobj(stream, out, 1 << 20)
            else:
                out.writelines(f"{line}\n".encode() for line in text_lines(stream, content.encoding))
        return read(copy, header=True, delimiter=content.delimiter, progress=progress).to_arrow()
    finally:
        copy.unlink(missing_ok=True)


def _lists(lines: Iterable[str], file: Path, *, counted: bool) -> pa.Table:
    """A user's items on one line, after the user's id or (`counted`) after their number."""
    users: list[np.ndarray] = []
    items: list[np.ndarray] = []
    for number, line in enumerate(lines):
        try:
            first, *rest = (int(field) for field in line.split())
        except ValueError as error:
            raise DamagedFileError(f"{file}, line {number + 1} is not a list of whole numbers.") from error
        if counted and first != len(rest):
            raise DamagedFileError(f"{file}, line {number + 1} announces {first} items and has {len(rest)}.")
        users.append(np.full(len(rest), number if counted else first, dtype=np.int64))
        items.append(np.array(rest, dtype=np.int64))
    if not users:
        raise DamagedFileError(f"{file} is empty.")
    return pa.table({"user_id": np.concatenate(users), "item_id": np.concatenate(items)})


def _netflix_blocks(file: Path, member: str) -> Iterator[pa.Table]:
    """The Netflix Prize training set: a tar file in the tar file, with one text per film, its id on the first line."""
    with open_member(file, member) as stream, tarfile.open(fileobj=stream, mode="r|*") as films:
        block: list[pa.Table] = []
        for info in films:
            text = films.extractfile(info) if info.isfile() and info.name.endswith(".txt") else None
            if text is not None:
                block.append(_netflix_film(text))
            if len(block) == _FILMS_PER_BLOCK:
                yield pa.concat_tables(block)
                block = []
        if block:
            yield pa.concat_tables(block)


def _netflix_film(text: IO[bytes]) -> pa.Table:
    first, _, rest = text.read().partition(b"\n")
    types = {"user_id": pa.int64(), "rating": pa.float32(), "date": pa.date32()}
    try:
        ratings = pa_csv.read_csv(
            io.BytesIO(rest),
            read_options=pa_csv.ReadOptions(column_names=list(types), use_threads=False),
            convert_options=pa_csv.ConvertOptions(column_types=types),
        )
        film = pa.array(np.full(ratings.num_rows, int(first.strip().rstrip(b":")), dtype=np.int64))
    except ValueError as error:
        raise DamagedFileError(f"A film of the training set is not a list of user,rating,date: {error}.") from error
    return ratings.add_column(1, "item_id", film)


def _fields(lines: Iterable[str], content: Content) -> Iterator[list[str]]:
    if content.header is not None and not content.quoted:
        # A title may hold the delimiter: what is left over belongs to the last column.
        width = content.header.count(content.delimiter)
        yield from (line.split(content.delimiter, width) for line in lines if line)
    elif content.quoted:
        yield from csv.reader(lines, delimiter=content.delimiter, escapechar="\\")
    else:
        yield from (line.split(content.delimiter) for line in lines if line)


def _text_table(rows: Iterable[list[str]], names: list[str], file: Path) -> pa.Table:
    columns: list[list[str]] = [[] for _ in names]
    for number, row in enumerate(rows, start=1):
        if len(row) < len(names):
            raise DamagedFileError(f"{file}: item {number} has {len(row)} fields instead of {len(names)}.")
        for column, value in zip(columns, row, strict=False):
            column.append(value)
    return pa.table({name: pa.array(column, pa.string()) for name, column in zip(names, columns, strict=True)})


def _whole_ids(table: pa.Table) -> pa.Table:
    first = table.column_names[0]
    try:
        ids = table[first].cast(pa.int64())
    except pa.ArrowInvalid:
        return table
    return table.set_column(0, first, ids) if ids.cast(pa.string()).equals(table[first]) else table


def _genres_joined(table: pa.Table) -> pa.Table:
    if "Film-Noir" not in table.column_names:
        return table
    names = table.column_names[table.column_names.index("unknown") :]
    flags = [table[name].to_pylist() for name in names]
    joined = [
        "|".join(n for n, flag in zip(names, row, strict=True) if flag == "1") for row in zip(*flags, strict=True)
    ]
    return table.drop_columns(names).append_column("genres", pa.array(joined, pa.string()))
