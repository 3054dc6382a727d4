"""The model folder: everything a model knows, in files that hold data and never code.

manifest.json      format, model, hyper-parameters, facts, learning curve, library versions, checksums of the files
model.safetensors  the weights
items.parquet      the item ids by position, with the number of training users of each
users.parquet      the training users by position, only where the model knows users by id
_SUCCESS           empty: the folder is complete
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from recae.data.ids import IdIndex
from recae.data.interactions import Columns
from recae.errors import ConfigError, DamagedFileError, DataError, ModelFormatError, StorageError
from recae.models.base import Recommender, make_config
from recae.store.atomic import replacing_folder
from recae.store.checksums import QUICK_BYTES, check_files
from recae.store.damage import told_as_damage
from recae.store.formats import newer_format
from recae.store.manifest import library_versions, read_json, write_manifest
from recae.store.parquet import read_parquet
from recae.store.tensors import read_tensors, write_tensors
from recae.training.curve import CurvePoint, LearningCurve

FORMAT = "recae-model"
FORMAT_VERSION = 1
MANIFEST, WEIGHTS, ITEMS, USERS = "manifest.json", "model.safetensors", "items.parquet", "users.parquet"


class _Point(BaseModel):
    epoch: int
    losses: dict[str, float | None]
    metric: float | None
    seconds: float


class _Curve(BaseModel):
    metric_name: str | None
    points: list[_Point]
    best_epoch: int
    stopped_early: bool


class FileFacts(BaseModel):
    """One file of the folder."""

    bytes: int
    sha256: str


class Manifest(BaseModel):
    """What `manifest.json` says; every field is checked when it is read."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    format: Literal["recae-model"]
    format_version: int
    model: str
    config: dict[str, Any]
    inductive: bool
    n_train_users: int = Field(ge=0, lt=2**63)
    n_items: int = Field(ge=0, lt=2**63)
    data_fingerprint: str
    columns: Columns
    curve: _Curve | None
    facts: dict[str, Any]
    libraries: dict[str, str]
    created: str
    files: dict[str, FileFacts] | None = None
    """Sizes and checksums; None in folders that were written before there were any."""
    made_from: dict[str, Any] | None = None
    """What decides the model: inputs by their content, settings, version."""


def save_model(model: Recommender, folder: Path, facts: dict[str, Any]) -> Path:
    """Write `model` to `folder`, whole or not at all; an earlier model there is replaced. Returns the folder.

    `facts` (metrics, settings of the job, seconds ...) go into the manifest as they are, beside the model's own; only
    `made_from` is told apart from them.

    Raises:
        StorageError: it could not be written, or the folder holds something else.
    """
    content = {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "model": model.info.name,
        "config": model.config.model_dump(mode="json"),
        "inductive": model.info.inductive,
        "n_train_users": model.n_train_users,
        "n_items": len(model.items),
        "data_fingerprint": model.data_fingerprint,
        "columns": asdict(model.columns),
        "curve": None if model.curve is None else asdict(model.curve),
        "facts": model.facts() | {name: fact for name, fact in facts.items() if name != "made_from"},
        "made_from": facts.get("made_from"),
        "libraries": library_versions(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    with replacing_folder(folder, marker=MANIFEST) as beside:
        items = pa.table({"id": model.items.values, "count": pa.array(model.item_counts, pa.int64())})
        pq.write_table(items, beside / ITEMS, compression="zstd")
        if model.users is not None:
            pq.write_table(pa.table({"id": model.users.values}), beside / USERS, compression="zstd")
        write_tensors(beside / WEIGHTS, model.weights())
        write_manifest(beside, MANIFEST, content)
    return folder


def load_model(folder: Path, find_class: Callable[[str], type[Recommender]]) -> Recommender:
    """The model that `save_model` wrote; `find_class` gives the class of a model's name.

    Raises:
        StorageError: the folder is missing or cannot be read.
        ModelFormatError: it is no model folder, is damaged or incomplete, or is of a newer format.
    """
    manifest = read_manifest(folder)
    try:
        return _build(folder, manifest, find_class(manifest.model))
    except ConfigError as error:
        raise ModelFormatError(f"{folder / MANIFEST} does not fit this version of recae: {error}") from error
    except DamagedFileError as error:
        raise ModelFormatError(f"The model folder {folder} is damaged: {error} Train the model again.") from error


def read_manifest(folder: Path) -> Manifest:
    """What the manifest of the model in `folder` says, checked, without loading the model itself.

    Raises:
        StorageError: the folder is missing or cannot be read.
        ModelFormatError: it is no model folder, is damaged, or is of a newer format.
    """
    if not folder.is_dir():
        raise StorageError(f"There is no model folder {folder}; `recae train --out {folder}` makes one.")
    if not (folder / MANIFEST).is_file():
        raise ModelFormatError(f"{folder} is not a model folder: it holds no {MANIFEST}.")
    try:
        content = read_json(folder / MANIFEST)
    except DamagedFileError as error:
        raise ModelFormatError(f"The model folder {folder} is damaged: {error} Train the model again.") from error
    if content.get("format") != FORMAT:
        raise ModelFormatError(f"{folder / MANIFEST} does not describe a model (its format is not {FORMAT!r}).")
    found, versions = content.get("format_version"), content.get("libraries")
    if newer := newer_format(folder, found, FORMAT_VERSION, versions, "train the model again"):
        raise ModelFormatError(newer)
    try:
        return Manifest.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise ModelFormatError(f"{folder / MANIFEST} is damaged at {place!r}: {first['msg']}.") from None


def check_model_files(folder: Path, manifest: Manifest, largest: int | None = QUICK_BYTES) -> None:
    """Check the files of a model folder against its manifest, by size and, up to `largest` bytes (None: all), checksum.

    Raises:
        DamagedFileError: one is missing or was changed.
        StorageError: one cannot be read.
    """
    files = {name: facts.model_dump() for name, facts in (manifest.files or {}).items()}
    check_files(folder, files, largest)


def _build(folder: Path, manifest: Manifest, found: type[Recommender]) -> Recommender:
    model = found(make_config(found, manifest.config))
    if manifest.inductive != found.info.inductive:
        raise ModelFormatError(f"{folder / MANIFEST} is damaged at 'inductive': {found.info.name} is not so.")
    items = _read_table(folder / ITEMS, {"id": None, "count": pa.int64()}, manifest.n_items)
    model.items = _index(folder / ITEMS, items)
    model.item_counts = items["count"].to_numpy()
    if model.item_counts.min(initial=0) < 0 or model.item_counts.max(initial=0) > manifest.n_train_users:
        raise DamagedFileError(f"{folder / ITEMS} has items of fewer users than none, or of more than there were.")
    model.n_train_users = manifest.n_train_users
    model.data_fingerprint = manifest.data_fingerprint
    model.columns = manifest.columns
    model.curve = _curve(manifest.curve)
    if not found.info.inductive:
        model.users = _index(folder / USERS, _read_table(folder / USERS, {"id": None}, manifest.n_train_users))
    _restore(model, folder / WEIGHTS)
    check_model_files(folder, manifest)
    return model


def _restore(model: Recommender, path: Path) -> None:
    weights = read_tensors(_present(path))
    with told_as_damage(path, "Its weights do not fit the model."):
        model._restore(weights)
    surplus = sorted(set(weights) - set(model.weights()))
    if surplus:
        raise DamagedFileError(f"{path} holds tensors that {model.info.name} does not have: {', '.join(surplus)}.")


def _read_table(path: Path, columns: dict[str, pa.DataType | None], rows: int) -> pa.Table:
    table = read_parquet(_present(path), rows=rows)
    for name, wanted in columns.items():
        if name not in table.column_names or wanted not in (None, table.schema.field(name).type):
            raise DamagedFileError(f"{path} should have the column {name!r}{f' of {wanted}' if wanted else ''}.")
        if table[name].null_count:
            raise DamagedFileError(f"{path} should have {rows:,} complete rows, and some have no {name!r}.")
    return table


def _index(path: Path, table: pa.Table) -> IdIndex:
    try:
        return IdIndex.of(table["id"])
    except DataError as error:
        raise DamagedFileError(f"{path}: {error}") from error


def _present(path: Path) -> Path:
    if not path.is_file():
        raise DamagedFileError(f"{path.name} is missing.")
    return path


def _curve(read: _Curve | None) -> LearningCurve | None:
    if read is None:
        return None
    points = (
        CurvePoint(
            point.epoch,
            {name: np.nan if loss is None else loss for name, loss in point.losses.items()},
            point.metric,
            point.seconds,
        )
        for point in read.points
    )
    return LearningCurve(read.metric_name, tuple(points), read.best_epoch, read.stopped_early)
