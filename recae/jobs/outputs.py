"""Places to write to, checked before any work is done: nothing that recae did not write is ever replaced."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow as pa

from recae.errors import ConfigError, DamagedFileError, StorageError, reason
from recae.jobs.reading import Source
from recae.store.atomic import refusal, replacing_file
from recae.store.checksums import file_sha256
from recae.store.lock import place_of
from recae.store.manifest import library_versions, read_json, write_json
from recae.store.parquet import parquet_schema
from recae.store.regular import real_path
from recae.store.tables import with_facts, write_blocks

GENERATOR = b'<meta name="generator" content="recae">'
"""In the head of every page that recae writes."""


def refuse_inputs(out: Source, *inputs: Source | None) -> None:
    """Check that writing `out` replaces none of the `inputs`, nor a folder that one of them lies in.

    Raises:
        ConfigError: it would.
    """
    place = real_path(out)
    for given in inputs:
        if given is not None and real_path(given).is_relative_to(place):
            raise ConfigError(f"Writing {out} would replace the input {given}: choose another place for the result.")


def refuse_strange(out: Source, marker: str) -> None:
    """Check that `out` is free, or a folder of recae's own, which holds the file `marker` and no files of others.

    Raises:
        StorageError: it is something else.
    """
    try:
        sentence = refusal(Path(out), marker)
    except OSError as error:
        raise StorageError(f"{out} could not be read: {reason(error)}.") from error
    if sentence is not None:
        raise StorageError(sentence)


def refuse_strange_file(out: Source) -> None:
    """Check that `out` is free, an empty file, or a table or page that recae wrote; likewise its sidecar.

    recae knows its own Parquet files by the facts in their schema, its pages by their generator, and every other
    file by its sidecar NAME.manifest.json.

    Raises:
        StorageError: it is something else.
    """
    out = Path(out)
    beside = sidecar(out)
    if beside.exists() and not says_job(beside):
        raise _strange(beside)
    if out.exists() and not (out.is_file() and _is_ours(out)):
        raise _strange(out)


def work_folder(out: Path) -> Path:
    """Where what becomes the folder `out` lies until it is whole: beside it, or if it is a link, beside its target.

    A folder can take the place of another one on the same disk only.
    """
    place = place_of(out)
    return place.parent / f".{place.name}.partial"


def sidecar(out: Path) -> Path:
    """The file beside `out` that says how it was made."""
    return out.with_name(f"{out.name}.manifest.json")


def says_job(manifest: Path, job: str | None = None) -> bool:
    """Whether a JSON file tells the configuration of a job of recae's, or of this one."""
    try:
        told = read_json(manifest).get("configuration")
    except DamagedFileError:
        return False
    return isinstance(told, dict) and "job" in told and job in (None, told["job"])


def write_result(
    table: pa.Table | Iterable[pa.Table], out: Path, configuration: Mapping[str, Any], **facts: Any
) -> int:  # fmt: skip
    """Write a table, or blocks of one, and how it was made, with `facts`: in a Parquet file itself, and in a sidecar.

    Returns the number of rows.

    Raises:
        ConfigError: the suffix of `out` is none of a table.
        StorageError: it could not be written.
    """
    blocks = (table,) if isinstance(table, pa.Table) else table
    kept = {"configuration": configuration, **facts}
    with beside_sidecar(out, kept) as (beside, told):
        told["rows"] = write_blocks((with_facts(block, kept) for block in blocks), beside, out.suffix)
    return int(told["rows"])


@contextmanager
def beside_sidecar(out: Path, facts: Mapping[str, Any]) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield a temporary path for the content of `out`, and what its sidecar will say of it, to be added to.

    The sidecar is there before the file is: whenever the process ends, it tells whose file that is, and its checksum
    whether the file is the one of which it tells.

    Raises:
        StorageError: one of the two could not be written.
    """
    told = dict(facts)
    with replacing_file(out) as beside:
        yield beside, told
        told["file"] = {"bytes": beside.stat().st_size, "sha256": file_sha256(beside)}
        write_json(out.parent, sidecar(out).name, {**told, "versions": library_versions()})


def _is_ours(out: Path) -> bool:
    if out.stat().st_size == 0 or sidecar(out).exists():
        return True
    with out.open("rb") as file:
        head = file.read(4096)
    if not head.startswith(b"PAR1"):
        return GENERATOR in head
    try:
        return b"recae" in (parquet_schema(out).metadata or {})
    except DamagedFileError:
        return False


def _strange(out: Source) -> StorageError:
    return StorageError(f"{out} exists and was not written by recae: choose another --out or remove it.")
