"""A log on disk as it is in memory: opened by mapping its files, without being read, sorted or copied.

prepared.json    format version, sizes, column names, fingerprint, what was left out, how it was made
indptr.npy       (users + 1,) int32 or int64: where each user's entries begin
indices.npy      (interactions,) int32 or int64: the item position of each entry, rising within each user
values.npy       (interactions,) float32: the rating or weight, 1 where there is none
timestamps.npy   (interactions,) int64, where the log has times: microseconds since 1970, or plain numbers
users.arrow      the user ids by position, in the type in which they were read
items.arrow      the item ids by position
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from scipy import sparse

from recae.data.csr_checks import all_finite, csr_complaint
from recae.data.ids import IdIndex
from recae.data.interactions import Columns, Interactions
from recae.data.prepared_part import MARKER
from recae.errors import DamagedFileError, DataError
from recae.store.arrays import map_array, map_column, write_array, write_column
from recae.store.formats import newer_format
from recae.store.manifest import library_versions, read_json, write_manifest

FORMAT = 1
_FILES = {"indptr": "indptr.npy", "indices": "indices.npy", "values": "values.npy", "timestamps": "timestamps.npy"}
_USERS, _ITEMS = "users.arrow", "items.arrow"


class _LogFacts(BaseModel):
    """What `prepared.json` must say of a log."""

    model_config = ConfigDict(extra="ignore")

    users: int = Field(ge=0)
    items: int = Field(ge=0)
    interactions: int = Field(ge=0)
    has_times: bool
    columns: Columns
    counts: dict[str, int]
    unread: list[str]
    fingerprint: str = Field(pattern="^[0-9a-f]{32}$")


def write_log(log: Interactions, folder: Path, more: Mapping[str, Any] | None = None) -> None:
    """Write `log` into the empty `folder`; `more` is added to prepared.json.

    Raises:
        StorageError: prepared.json could not be written.
        OSError: another file could not be written.
    """
    matrix, index = log.matrix, _index_type(log.nnz, log.n_items)
    write_array(folder / _FILES["indptr"], matrix.indptr.astype(index, copy=False))
    write_array(folder / _FILES["indices"], matrix.indices.astype(index, copy=False))
    write_array(folder / _FILES["values"], matrix.data.astype(np.float32, copy=False))
    if log.timestamps is not None:
        write_array(folder / _FILES["timestamps"], log.timestamps.astype(np.int64, copy=False))
    write_column(folder / _USERS, log.users.values)
    write_column(folder / _ITEMS, log.items.values)
    facts = _LogFacts(
        users=log.n_users,
        items=log.n_items,
        interactions=log.nnz,
        has_times=log.timestamps is not None,
        columns=log.columns,
        counts=log.counts,
        unread=list(log.unread),
        fingerprint=log.fingerprint(),
    )
    write_facts(folder, "log", {**(more or {}), **facts.model_dump()})


def open_log(folder: str | Path) -> Interactions:
    """The log that `write_log` wrote, its arrays mapped into memory and read-only.

    Sizes, types, the order of the entries, their columns and values are checked in one pass over indices and values,
    so that no later code leaves the arrays. The fingerprint is believed: `verify` works it out.

    Raises:
        StorageError: a file is missing or cannot be read.
        DamagedFileError: a file is not what it should be, or of another format version.
    """
    folder = Path(folder)
    facts = _facts(folder)
    shape, nnz = (facts.users, facts.items), facts.interactions
    index = _index_type(nnz, facts.items)
    indptr = map_array(folder / _FILES["indptr"], facts.users + 1, index)
    indices = map_array(folder / _FILES["indices"], nnz, index)
    values = map_array(folder / _FILES["values"], nnz, np.float32)
    complaint = csr_complaint(indptr, indices, facts.items)
    if complaint is None and not all_finite(values):
        complaint = "it has values that are not finite numbers"
    if complaint is not None:
        raise DamagedFileError(f"{folder} is damaged: {complaint}. Prepare it again.")
    times = map_array(folder / _FILES["timestamps"], nnz, np.int64) if facts.has_times else None
    matrix = sparse.csr_array((values, indices, indptr), shape=shape)
    matrix.has_canonical_format = True  # as it was just found to be; SciPy would look for itself, and slowly
    users, items = (
        IdIndex(map_column(folder / name, size)) for name, size in zip((_USERS, _ITEMS), shape, strict=True)
    )
    log = Interactions(matrix, users, items, times, facts.columns, facts.counts, tuple(facts.unread))
    return log.known_as(facts.fingerprint)


def verify(log: Interactions, folder: str | Path) -> None:
    """Work the fingerprint of an opened log out and compare it: all bytes that count are read.

    Raises:
        DamagedFileError: the files were changed after they were written.
    """
    if replace(log).fingerprint() != log.fingerprint():  # a copy knows no fingerprint
        raise DamagedFileError(f"{folder} was changed after it was prepared. Prepare it again.")


def write_facts(folder: Path, holds: Literal["log", "split"], facts: Mapping[str, Any]) -> None:
    """Write prepared.json, when all other files are there.

    Raises:
        StorageError: it could not be written.
    """
    write_manifest(folder, MARKER, {**facts, "format": FORMAT, "holds": holds, "versions": library_versions()})


def read_facts(folder: Path, holds: Literal["log", "split"]) -> dict[str, Any]:
    """prepared.json of a folder that holds a log or a split.

    Raises:
        StorageError: it cannot be read.
        DamagedFileError: it is of another format version, or no such file.
        DataError: it is that of the other.
    """
    facts = read_json(folder / MARKER)
    found = facts.get("format")
    if newer := newer_format(folder / MARKER, found, FORMAT, facts.get("versions"), "prepare the data again"):
        raise DamagedFileError(newer)
    if found != FORMAT:
        raise DamagedFileError(f"{folder / MARKER} is of format {found!r}; this version reads {FORMAT}.")
    if facts.get("holds") == "split" and holds == "log":
        raise DataError(f"{folder} holds a prepared split: name one of its parts, e.g. {folder / 'train'}.")
    if facts.get("holds") != holds:
        raise DamagedFileError(
            f"{folder / MARKER} is damaged: it should say that it holds a {holds}. Prepare it again."
        )
    return facts


def _facts(folder: Path) -> _LogFacts:
    try:
        return _LogFacts.model_validate(read_facts(folder, "log"))
    except ValidationError as error:
        wrong = ", ".join(".".join(map(str, one["loc"])) for one in error.errors())
        raise DamagedFileError(
            f"{folder / MARKER} is damaged: {wrong} is missing or wrong. Prepare it again."
        ) from error


def _index_type(nnz: int, n_items: int) -> type[np.generic]:
    # SciPy copies index arrays that are not of the type that it would choose itself.
    return np.int32 if max(nnz, n_items) < 2**31 else np.int64
