"""Inputs that are small to send and large to open, or larger than anything that somebody wrote."""

from __future__ import annotations

import bz2
import gzip
import io
import random
import zipfile
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

_HEAD = b"user_id,item_id,rating\n1,2,3\n"
_MB = 1 << 20


def make_giants(folder: Path) -> None:
    """Write all of them below `folder`, once."""
    folder.mkdir()
    for name, make in _GIANTS.items():
        (folder / name).write_bytes(make())


def giant(rng: random.Random, folder: Path) -> Path:
    """One of those in `folder`."""
    return rng.choice(sorted(folder.iterdir()))


def _gzip_bomb(piece: bytes, times: int, head: bytes = b"") -> bytes:
    # A gzip file may be several, one after the other: what takes long to compress is compressed once.
    return gzip.compress(head) * bool(head) + gzip.compress(piece, mtime=0) * times


def _parquet(rows: int) -> bytes:
    """Few bytes that stand for many rows: one value, repeated by its run length."""
    memory = io.BytesIO()
    block = pa.array([1] * 1_000_000)
    table = pa.table({"user_id": block, "item_id": block})
    with pq.ParquetWriter(memory, table.schema, compression="zstd") as writer:
        for _ in range(rows // len(block)):
            writer.write_table(table, row_group_size=len(block))
    return memory.getvalue()


def _wide_parquet() -> bytes:
    memory = io.BytesIO()
    names = ["user_id", "item_id", *(f"c{n}" for n in range(20_000))]
    pq.write_table(pa.table({name: [1] for name in names}), memory)
    return memory.getvalue()


def _zip_bomb() -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("log.csv", b"\0" * (50 * _MB))
    return memory.getvalue()


_GIANTS: dict[str, Callable[[], bytes]] = {
    "columns.csv": lambda: b",".join(b"c%d" % n for n in range(1_000_000)) + b"\n" + b"1," * 999_999 + b"1\n",
    "named-columns.csv": lambda: b"user_id,item_id," + b",".join(b"c%d" % n for n in range(300_000)) + b"\n1,2\n",
    "field.csv": lambda: _HEAD + b"2," + b"a" * (64 * _MB) + b",3\n",
    "quoted-field.csv": lambda: _HEAD + b'2,"' + b"a\n" * (32 * _MB) + b'",3\n',
    "open-quote.csv": lambda: _HEAD + b'2,"' + b"4,5,6\n" * (4 * _MB),
    "first-field.csv": lambda: b"a" * (64 * _MB),
    "id.csv": lambda: _HEAD + b"i" * (10 * _MB) + b",2,3\n" * 2,
    "id.jsonl": lambda: b'{"user_id": "' + b"i" * (10 * _MB) + b'", "item_id": 2}\n',
    "bad-id.jsonl": lambda: b'{"user_id": 1, "item_id": 2}\n{"user_id": "' + b"i" * (10 * _MB) + b'", "item_id": 2}\n',
    "bad-rating.csv": lambda: _HEAD + b"1,3," + b"x" * (5 * _MB) + b"\n",
    "keys.jsonl": lambda: b"{" + b",".join(b'"k%d": 1' % n for n in range(300_000)) + b"}\n",
    "deep.jsonl": lambda: b'{"user_id": ' + b"[" * _MB + b"\n",
    "zeros.csv.gz": lambda: _gzip_bomb(b"\0" * (16 * _MB), 64),
    "line.csv.gz": lambda: _gzip_bomb(b"a" * (16 * _MB), 64, _HEAD),
    "empty-lines.csv.gz": lambda: _gzip_bomb(b"\n" * (16 * _MB), 64, _HEAD),
    "empty-members.csv.gz": lambda: gzip.compress(b"", mtime=0) * 500_000,
    "line.csv.bz2": lambda: bz2.compress(_HEAD) + bz2.compress(b"a" * (16 * _MB)) * 16,
    "line.csv.zst": lambda: bytes(pa.Codec("zstd").compress(_HEAD + b"a" * (400 * _MB), asbytes=True)),
    "log.zip": _zip_bomb,
    "rows.parquet": lambda: _parquet(100_000_000),
    "columns.parquet": _wide_parquet,
}
