"""How the malformed inputs of `bad_input_cases.py` are made and tried."""

from __future__ import annotations

import contextlib
import io
import json
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from recae.data.read import read
from recae.errors import RecaeError

Build = Callable[[], Any]
"""Writes files into the working folder and gives the source to read."""


@dataclass(frozen=True)
class Case:
    """One malformed input."""

    what: str
    build: Build
    exit_code: int
    says: tuple[str, ...]
    """Words that the sentence must contain: the file, the line, the column, what to do."""
    options: dict[str, Any] = field(default_factory=dict)
    reader: Callable[..., Any] = read


def sentence_for(case: Case) -> tuple[str, int]:
    """What recae says about `case` and the exit code, in an empty working folder of its own."""
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        source = case.build()
        try:
            case.reader(source, **case.options)
        except RecaeError as error:
            return str(error), error.exit_code
    raise AssertionError(f"{case.what}: not refused")


def text(content: str | bytes, name: str = "log.csv") -> Build:
    """A file with this content."""

    def build() -> str:
        Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
        return name

    return build


def files(**contents: str | bytes) -> Build:
    """A folder `logs`; in names, `__` stands for the dot."""

    def build() -> str:
        Path("logs").mkdir()
        for name, content in contents.items():
            text(content, f"logs/{name.replace('__', '.')}")()
        return "logs"

    return build


def parquet(table: dict[str, Any], name: str = "log.parquet", keep: float = 1.0) -> Build:
    """A Parquet file of which only the share `keep` is there."""

    def build() -> str:
        pq.write_table(pa.table(table), name)
        data = Path(name).read_bytes()
        Path(name).write_bytes(data[: int(len(data) * keep)])
        return name

    return build


def lines(*records: Any) -> Build:
    """A file of JSON lines."""
    return text("".join((one if isinstance(one, str) else json.dumps(one)) + "\n" for one in records), "log.jsonl")


def given(source: Any) -> Build:
    """Something in memory."""
    return lambda: source


def both(first: str, second: str) -> Build:
    """Two files that are to be joined."""
    return lambda: [text(first, "a.csv")(), text(second, "b.csv")()]


def flipped(content: bytes) -> bytes:
    """The same bytes with one in the middle changed."""
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 0xFF]) + content[middle + 1 :]


def zipped(content: str) -> bytes:
    """A zip archive with one file."""
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w") as archive:
        archive.writestr("log.csv", content)
    return memory.getvalue()
