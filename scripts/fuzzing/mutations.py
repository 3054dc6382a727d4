"""What happens to bytes, documents and files: every function takes its randomness from the generator it is given."""

from __future__ import annotations

import io
import json
import os
import random
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

HOSTILE = (
    "", "0", "-1", "1e999", "nan", "9" * 400, "=1+1", "@SUM(A1)", "\t=cmd|' /C calc'!A0", "\x1b[2J\x1b]0;owned\x07",
    "\u202eexe", "\x00", "../../secret.txt", "/etc/hostname", "a" * 5000, "<script>alert(1)</script>", "::", '"', "'",
    "\r", "\ufeff", "\ud7ff\U0010ffff", "%n%s", "${HOME}", "{{7*7}}", "user_id", "item_id",
)  # fmt: skip
"""Texts that are something else somewhere: formulas, terminal codes, paths, markup, numbers that are none."""
WRONG: tuple[Any, ...] = (
    None, True, -1, 0, 1, 2**31, 2**63, 2**64, 10**400, 0.5, -0.0, 1e308, [], {}, [[]], [None], {"": {}}, *HOSTILE,
)  # fmt: skip
TOKENS = (b"\n", b'"', b",", b",,", b"\x00", b"\xff", b"{", b"[", b"\r", b"\t", b"::", b"-", b"1e999", b"nan", b"\x1b[")


def mutated_bytes(rng: random.Random, content: bytes) -> bytes:
    """One to four small damages."""
    changed = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        rng.choice(_DAMAGES)(rng, changed)
    return bytes(changed)


def _flip(rng: random.Random, content: bytearray) -> None:
    if content:
        content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)


def _cut(rng: random.Random, content: bytearray) -> None:
    del content[rng.randint(0, len(content)) :]


def _delete(rng: random.Random, content: bytearray) -> None:
    at = rng.randint(0, len(content))
    del content[at : at + rng.randint(1, 64)]


def _insert(rng: random.Random, content: bytearray) -> None:
    at = rng.randint(0, len(content))
    content[at:at] = rng.choice((*TOKENS, rng.choice(HOSTILE).encode(), rng.randbytes(rng.randint(1, 16))))


def _repeat(rng: random.Random, content: bytearray) -> None:
    start = rng.randint(0, len(content))
    piece = content[start : start + rng.randint(1, 200)]
    at = rng.randint(0, len(content))
    content[at:at] = piece * rng.choice((1, 1, 2, 50))


def _swap(rng: random.Random, content: bytearray) -> None:
    one, two = sorted((rng.randint(0, len(content)), rng.randint(0, len(content))))
    length = rng.randint(1, 40)
    content[:] = content[:one] + content[two : two + length] + content[one:two] + content[two + length :]


def _overwrite_number(rng: random.Random, content: bytearray) -> None:
    """A length or an offset that is wrong."""
    at = rng.randint(0, max(0, len(content) - 8))
    content[at : at + 8] = struct.pack("<Q", rng.choice((0, 1, 2**16, 2**31 - 1, 2**32, 2**40, 2**63, 2**64 - 1)))


_DAMAGES: tuple[Callable[[random.Random, bytearray], None], ...] = (
    _flip, _flip, _cut, _delete, _insert, _insert, _repeat, _swap, _overwrite_number,
)  # fmt: skip


def mutated_json(rng: random.Random, content: bytes) -> bytes:
    """A JSON object of which one to three values are of another type, gone, nested or hostile; at times not JSON."""
    if rng.random() < 0.15:
        return mutated_bytes(rng, content)
    if rng.random() < 0.04:
        return rng.choice((b"[" * 100_000, b'{"a":' * 50_000, b"[]", b"null", b"7", b'"x"', b"{}", b"9" * 10_000))
    whole = [json.loads(content)]
    for _ in range(rng.randint(1, 3)):
        _change(rng, whole)
    return json.dumps(whole[0]).encode()


def _change(rng: random.Random, whole: list[Any]) -> None:
    places = list(_places(whole))
    # Deep places are many and alike (a figure per model and metric): every depth has the same chance.
    depth = rng.choice(sorted({depth for _, _, depth in places}))
    holder, key, _ = rng.choice([place for place in places if place[2] == depth])
    action = rng.random()
    if action < 0.15 and holder is not whole:
        del holder[key]
    elif action < 0.25:
        holder[key] = [holder[key]]
    elif action < 0.32 and isinstance(holder[key], list):
        holder[key] = holder[key] * rng.choice((2, 3))
    elif action < 0.45 and isinstance(holder[key], (int, float)):
        holder[key] = rng.choice((-holder[key], holder[key] + 1, holder[key] * 1e9, 0, -1, 2**40, float("nan")))
    elif action < 0.55 and isinstance(holder[key], dict):
        holder[key][rng.choice(HOSTILE)] = rng.choice(WRONG)
    else:
        holder[key] = rng.choice(WRONG)


def _places(value: Any, depth: int = 0) -> Any:
    entries = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, inner in entries:
        yield value, key, depth
        yield from _places(inner, depth + 1)


def mutated_safetensors(rng: random.Random, content: bytes) -> bytes:
    """Weights of other shapes, types or values, or a header that promises what is not there."""
    if rng.random() < 0.3:
        return mutated_bytes(rng, content)
    length = struct.unpack("<Q", content[:8])[0]
    header, data = json.loads(content[8 : 8 + length]), bytearray(content[8 + length :])
    action = rng.random()
    if action < 0.15:
        return struct.pack("<Q", rng.choice((0, 1, length - 1, length + 8, 2**31, 2**40, 2**64 - 1))) + content[8:]
    if action < 0.4 and len(data) >= 4:
        start = rng.randrange(0, len(data) - 3, 4)
        data[start : start + 4] = struct.pack("<f", rng.choice((float("nan"), float("inf"), -float("inf"), 1e38, -1.0)))
    elif action < 0.55 and len(data) >= 8:
        start = rng.randrange(0, len(data) - 7, 4)
        data[start : start + 8] = struct.pack("<q", rng.choice((-1, 2**31, 2**40, -(2**63))))
    elif action < 0.7 and header:
        header[rng.choice(HOSTILE) or "more"] = header[rng.choice(list(header))]
    else:
        return _with_header(mutated_json(rng, json.dumps(header).encode()), bytes(data))
    return _with_header(json.dumps(header).encode(), bytes(data))


def _with_header(header: bytes, data: bytes) -> bytes:
    padded = header + b" " * (-len(header) % 8)
    return struct.pack("<Q", len(padded)) + padded + data


def mutated_parquet(rng: random.Random, content: bytes) -> bytes:
    """Bytes changed, or the table within: columns gone, twice, of other types, with holes, NaN or other lengths."""
    if rng.random() < 0.35:
        return mutated_bytes(rng, content)
    table = pq.read_table(io.BytesIO(content))
    at = rng.randrange(table.num_columns)
    name, column = table.column_names[at], table.column(at)
    action = rng.randrange(8)
    if action == 0:
        table = table.remove_column(at)
    elif action == 1:
        table = table.append_column(rng.choice(table.column_names), column)
    elif action == 2:
        table = table.rename_columns([rng.choice(HOSTILE) if n == name else n for n in table.column_names])
    elif action == 3:
        table = pa.concat_tables([table, table.slice(0, rng.randint(0, len(table)))])
    elif action == 4:
        table = table.slice(0, rng.randint(0, len(table)))
    else:
        table = table.set_column(at, name, _other_values(rng, column))
    memory = io.BytesIO()
    pq.write_table(table, memory)
    return memory.getvalue()


def _other_values(rng: random.Random, column: pa.ChunkedArray) -> pa.Array:
    rows = len(column)
    values = column.to_pylist()
    hit = rng.randrange(rows) if rows else 0
    kind = rng.randrange(7)
    if kind == 0:
        return pa.array([str(value) for value in values], pa.string())
    if kind == 1:
        return pa.array([rng.choice(HOSTILE) for _ in values], pa.string())
    if kind == 2:
        return pa.array(
            [rng.choice((float("nan"), float("inf"), 1e39, -1.0, 0.5)) if at == hit else 1.0 for at in range(rows)]
        )
    if kind == 3:
        return pa.array([None if at == hit else value for at, value in enumerate(values)], column.type)
    if kind == 4:
        return pa.array([[1]] * rows) if rng.random() < 0.5 else pa.array([{"a": 1}] * rows)
    if kind == 5:
        return pa.nulls(rows)
    extreme = rng.choice((-(2**63), 2**63 - 1, -1, 0))
    return pa.array(np.where(np.arange(rows) == hit, extreme, np.arange(rows)), pa.int64())


_BEYOND_OPENING = (
    ValueError, TypeError, LookupError, OverflowError, RecursionError, OSError, struct.error, pa.ArrowException,
    AttributeError,
)  # fmt: skip


def mutated_file(rng: random.Random, path: Path) -> None:
    """Change one file by what it is."""
    kinds = {".json": mutated_json, ".safetensors": mutated_safetensors, ".parquet": mutated_parquet}
    change = kinds.get(path.suffix, mutated_bytes)
    content = path.read_bytes()
    try:
        changed = change(rng, content)
    except _BEYOND_OPENING:
        changed = mutated_bytes(rng, content)  # it was damaged before
    path.write_bytes(changed)


def displaced_file(rng: random.Random, path: Path, secret: Path) -> None:
    """Put something else where a file was: nothing, a folder, a link out of the folder, a loop, an endless device."""
    path.unlink()
    action = rng.randrange(8)
    if action == 0:
        path.mkdir()
    elif action == 1:
        path.symlink_to(secret)
    elif action == 2:
        path.symlink_to(path.name)
    elif action == 3:
        path.symlink_to(secret.parent)
    elif action == 4:
        path.symlink_to(rng.choice(("/dev/zero", "/dev/null", "/proc/self/mem", "/proc/self/environ")))
    elif action == 5:
        path.touch()
    elif action == 6:
        os.mkfifo(path)
    # and else: the file is gone


def mutated_folder(rng: random.Random, folder: Path, secret: Path) -> None:
    """Damage one or two of the files in a folder, or what lies where they should be."""
    for _ in range(rng.choice((1, 1, 1, 2))):
        files = sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
        if not files:
            return
        chosen = rng.choice(files)
        if rng.random() < 0.12:
            displaced_file(rng, chosen, secret)
        elif rng.random() < 0.04:
            (folder / "another.parquet").write_bytes(rng.choice(files).read_bytes())
        else:
            mutated_file(rng, chosen)
