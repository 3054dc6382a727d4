"""A comparison from its folder: report.json and per-user.parquet are all that a report is drawn from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from recae.errors import DamagedFileError, DataError, ReportFormatError, StorageError
from recae.evaluation.pooled import PooledUsers
from recae.evaluation.repeats import SplitFigures
from recae.evaluation.result import Evaluation
from recae.reports.comparison import Comparison, ModelRun
from recae.reports.per_user import MODEL, SPLIT, evaluation_of, further_field_names, is_per_user
from recae.reports.restored import restored, restored_fields
from recae.reports.structured import SCHEMA
from recae.store.damage import told_as_damage, told_of
from recae.store.formats import newer_format
from recae.store.manifest import read_json
from recae.store.parquet import parquet_schema

MARKER, PER_USER = "report.json", "per-user.parquet"
_IMPOSSIBLE = 1e15
"""No fit takes so many seconds, and none serves so many users in one."""
_SAME = 1e-9
"""Means of the values per user agree with the report's own figures up to this."""


def read_comparison(folder: str | Path) -> Comparison:
    """The comparison that was written to `folder`; drawn again it gives the same reports to the byte.

    Raises:
        StorageError: there is no such folder, or it cannot be read.
        DataError: it is another folder than that of a comparison.
        ReportFormatError: it is damaged, incomplete or of a newer format.
    """
    folder = Path(folder)
    told = _read_report(folder)
    with _damaged(folder):
        runs = tuple(_run(folder, entry, at) for at, entry in enumerate(_models(told)))
        comparison: Comparison = restored_fields(Comparison, _as_fields(told), "it", runs=runs)
        if any(error.values.keys().isdisjoint(run.name for run in runs) for error in comparison.errors):
            raise ValueError("the errors have a user of whom no model's figure is told")
        first = comparison.metrics[0]
        if lacking := [run.name for run in runs if first not in run.means]:
            raise ValueError(f"{lacking[0]} has no {first}")
        return comparison


def splits_of(folder: str | Path, model: str, run: ModelRun) -> Iterator[Evaluation]:
    """The evaluation of one model of a comparison read from `folder` on each of its splits, one after the other.

    Raises:
        ReportFormatError: the values per user are damaged.
    """
    folder = Path(folder)
    count = 1 if run.over_splits is None else len(run.over_splits.users)
    for split in range(1, count + 1):
        with _damaged(folder):
            evaluation = _evaluation(folder, model, split, _overall_on(run, split), {})
        yield evaluation


@contextmanager
def _damaged(folder: Path) -> Iterator[None]:
    try:
        with told_as_damage(folder, "Make the comparison again."):
            yield
    except DamagedFileError as error:
        start = f"{folder} is damaged: "
        told = str(error) if str(error).startswith(start) else f"{start}{error} Make the comparison again."
        raise ReportFormatError(told) from error


def _read_report(folder: Path) -> dict[str, Any]:
    if not folder.is_dir():
        raise StorageError(f"There is no folder {folder}; `recae compare ... --out {folder}` makes one.")
    if not (folder / MARKER).is_file():
        raise DataError(f"{folder} is not the folder of a comparison: it holds no {MARKER}.")
    try:
        told = read_json(folder / MARKER)
    except DamagedFileError as error:
        raise ReportFormatError(f"{folder} is damaged: {error} Make the comparison again.") from error
    schema = str(told.get("schema") or "")
    (name, _, version), (known, _, number) = schema.partition("/"), SCHEMA.partition("/")
    if name != known:
        raise DataError(f"{folder / MARKER} is no report of a comparison (its schema is not {SCHEMA!r}).")
    if schema != SCHEMA:
        found = int(version) if version.isascii() and version.isdigit() and len(version) < 10 else None
        facts = told.get("facts")
        versions = facts.get("versions") if isinstance(facts, dict) else None
        newer = newer_format(folder / MARKER, found, int(number), versions, "make the comparison again")
        raise ReportFormatError(
            newer or f"{folder / MARKER} is of format {version!r}, and this version of recae reads {number}."
        )
    return told


def _models(told: dict[str, Any]) -> list[dict[str, Any]]:
    found = told.get("models")
    if not isinstance(found, list) or not found or not all(isinstance(entry, dict) for entry in found):
        raise ValueError("models should be a list of objects")
    return found


def _as_fields(told: dict[str, Any]) -> dict[str, Any]:
    """The report's keys as the fields of `Comparison`; the pairs of one split are worked out again."""
    several = any(entry.get("over_splits") for entry in _models(told))
    return told | {"split_pairs": told.get("pairs", []) if several else []}


def _run(folder: Path, entry: dict[str, Any], at: int) -> ModelRun:
    where = f"models[{at}]"
    name, figures = entry.get("name"), entry.get("metrics")
    if not isinstance(name, str) or not isinstance(figures, dict):
        raise ValueError(f"{where} should have a name and metrics")
    over = entry.get("over_splits")
    splits = None if over is None else restored(SplitFigures, over, f"{where}.over_splits")
    means = {metric: restored(float, figure.get("value"), f"{where}.{metric}") for metric, figure in figures.items()}
    hints = get_type_hints(Evaluation)
    more = {
        field: restored(hints[field], entry[field], f"{where}.{field}")
        for field in further_field_names()
        if field in entry
    }
    if splits is None:
        evaluation = _evaluation(folder, name, 1, means, more)
        _agree(evaluation.means(), means, name)
    else:
        pool = PooledUsers()
        for split in range(1, len(splits.users) + 1):
            at_split = {metric: values[split - 1] for metric, values in splits.means.items()}
            one = _evaluation(folder, name, split, at_split, more)
            _agree(one.means(), at_split, name)
            pool.add(one)
        evaluation = pool.result()
    run: ModelRun = restored_fields(ModelRun, entry, where, evaluation=evaluation)
    for cost in ("fit_seconds", "users_per_second"):
        if not 0 <= getattr(run, cost) < _IMPOSSIBLE:
            raise ValueError(f"{where}.{cost} is impossible")
    if any(not found.groups for found in run.evaluation.slices):
        raise ValueError(f"{where} has a slice without groups")
    return run


def _overall_on(run: ModelRun, split: int) -> dict[str, float]:
    over = run.over_splits
    return run.means if over is None else {metric: values[split - 1] for metric, values in over.means.items()}


def _evaluation(
    folder: Path, model: str, split: int, means: dict[str, float], more: dict[str, Any]
) -> Evaluation:  # fmt: skip
    table = _rows(folder / PER_USER, model, split)
    values = [name for name in means if is_per_user(table, name)]
    overall = {name: value for name, value in means.items() if name not in values}
    return evaluation_of(table, tuple(values), overall, **more)


def _rows(path: Path, model: str, split: int) -> pa.Table:
    """The rows of one model on one split; only the groups of rows that hold some are read."""
    if not path.is_file():
        raise ValueError(f"{path.name} is missing")
    known = parquet_schema(path).names
    if MODEL not in known:
        raise ValueError(f"{path.name} has no column {MODEL!r}")
    chosen = [(MODEL, "==", model), *([(SPLIT, "==", split)] if SPLIT in known else [])]
    with told_of(path):
        table = pq.read_table(path, filters=chosen, partitioning=None)
        table.validate(full=True)
    if not len(table):
        raise ValueError(f"{path.name} has no rows of {model}")
    return table


def _agree(found: dict[str, float], told: dict[str, float], model: str) -> None:
    for metric, value in told.items():
        if not np.isclose(found[metric], value, rtol=_SAME, atol=_SAME, equal_nan=True):
            raise ValueError(f"{PER_USER} and {MARKER} tell different figures of {model}, by {metric}")
