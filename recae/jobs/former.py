"""Figures that are there already: what an earlier `evaluate` or `compare` wrote, to hold new ones against."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recae.data.formats import open_parts
from recae.data.ids import IdIndex, as_arrow
from recae.data.whole import whole_batches
from recae.errors import ConfigError, DamagedFileError, DataError, StorageError
from recae.evaluation.gates_figures import Figures, aligned
from recae.evaluation.metrics import parse_metrics
from recae.evaluation.rating_metrics import OF_RATINGS
from recae.evaluation.repeats import SplitFigures
from recae.evaluation.result import Evaluation
from recae.jobs.gates import split_reference
from recae.jobs.outputs import sidecar
from recae.reports.per_user import ERRORS, MODEL, SPLIT
from recae.reports.reread import MARKER as REPORT
from recae.reports.reread import PER_USER, read_comparison
from recae.store.damage import told_as_damage
from recae.store.manifest import read_json
from recae.store.parquet import parquet_schema


@dataclass(frozen=True, eq=False)
class Stored:
    """What an output says of one model."""

    label: str
    """The file, or FILE:MODEL where it tells of several."""
    figures: Figures
    """Values per user where they are kept, else means; the means of each split where there are several."""
    fingerprint: str | None = None
    """Of the targets (`recae.data.fingerprint`); None in files of before."""

    def on(self, users: IdIndex, fingerprint: str, metrics: Sequence[str]) -> Figures:
        """The figures in the order of `users`, if they are about the same targets and have all of `metrics`.

        Raises:
            DataError: they are about others, or a metric is missing.
        """
        found = self.figures if isinstance(self.figures, SplitFigures) else aligned(self.figures, users, self.label)
        if self.fingerprint is not None and self.fingerprint != fingerprint:
            raise DataError(f"{self.label} was judged on other targets: take the split that it was made with.")
        known = found.mean() if isinstance(found, SplitFigures) else found.means()
        missing = [metric for metric in metrics if metric not in known]
        if missing:
            raise DataError(f"{self.label} has no {missing[0]}; it has {', '.join(known) or 'no figures'}.")
        return found


def read_stored(reference: str | Path, *, like: str | None = None, best: bool = False) -> Stored:
    """The figures at `reference`: a table written with --per-user, the folder or a file of a comparison, or the object
    that --json printed, each followed by :MODEL where it tells of several models.

    Args:
        reference: PATH or PATH:MODEL.
        like: where no model is named, the one of this name if there is such a one.
        best: where no model is named and none is like it, the one that came first.

    Raises:
        ConfigError: there are several models and none is named.
        DataError: there is no such model, or the figures make no sense.
        StorageError: it does not exist, cannot be read, or was not written by recae.
    """
    typed, wanted = split_reference(str(reference))
    path = _located(typed)
    models, fingerprint = _comparison(path) if _is_json(path) else _table(path)
    name = wanted if wanted is not None else like if like in models else None
    if name is None and len(models) > 1 and not best:
        names = ", ".join(map(str, models))
        raise ConfigError(f"{typed} tells of several models: say which, e.g. {typed}:{next(iter(models))} ({names}).")
    if name is None:
        name = next(iter(models))
    if name not in models:
        known = ", ".join(filter(None, models)) or "only one model, without a name"
        raise DataError(f"{typed} does not tell of {name}; it has {known}.")
    return Stored(f"{typed}:{name}" if len(models) > 1 else str(typed), models[name], fingerprint)


def _located(path: Path) -> Path:
    if not path.exists():
        raise StorageError(f"{path} does not exist.")
    if path.is_dir() and not (path / REPORT).is_file():
        raise StorageError(f"{path} is not the folder of a comparison: it holds no {REPORT}.")
    return path / REPORT if path.is_dir() else path


def _is_json(path: Path) -> bool:
    return path.suffix.lower() == ".json" or (path.name == PER_USER and path.with_name(REPORT).is_file())


Models = dict[str, Figures]
"""Best first; the name is empty where the file does not tell it."""


def _comparison(path: Path) -> tuple[Models, str | None]:
    """What a report.json tells, with the values per user beside it; or what --json printed."""
    report = path.with_name(REPORT) if path.name == PER_USER else path
    if report.name == REPORT and report.with_name(PER_USER).is_file():
        whole = read_comparison(report.parent)
        told = whole.facts.get("targets_fingerprint")
        every = {run.name: run.over_splits or run.evaluation for run in whole.leaderboard()}
        return dict(every), told if isinstance(told, str) else None
    content = read_json(report)
    models = content.get("models")
    if isinstance(models, list):  # a report: name -> {"value": ..., "low": ..., "high": ...}
        means = {str(one.get("name")): _values(one.get("metrics"), report) for one in models if isinstance(one, dict)}
    elif isinstance(models, dict):  # printed by compare
        means = {str(name): _values(metrics, report) for name, metrics in models.items()}
    else:
        means = {"": _values(content.get("metrics"), report)}
    if not means:
        raise DamagedFileError(f"{report} does not tell of any model.")
    facts = content.get("facts")
    told = (facts if isinstance(facts, dict) else content).get("targets_fingerprint")
    found: Models = {name: Evaluation(IdIndex.of([]), {}, own) for name, own in means.items()}
    return found, told if isinstance(told, str) else None


def _values(metrics: Any, where: Path) -> dict[str, float]:
    """Metric -> figure; null, which is no number, becomes NaN."""
    if not isinstance(metrics, Mapping):
        raise DamagedFileError(f"{where} has no figures: it is no report.json and no output of --json.")
    plain = {name: value.get("value") if isinstance(value, Mapping) else value for name, value in metrics.items()}
    if any(isinstance(value, bool) or not isinstance(value, (int, float, type(None))) for value in plain.values()):
        raise DamagedFileError(f"{where} has figures that are not numbers.")
    return {str(name): float("nan") if value is None else float(value) for name, value in plain.items()}


def _table(path: Path) -> tuple[Models, str | None]:
    parts = open_parts(path)
    names = parts[0].names
    metrics = [name for name in names if _is_metric(name)]
    users = [name for name in names if name not in (*metrics, MODEL, SPLIT, *ERRORS)]
    if not users or not metrics:
        raise DataError(f"{path} has no values per user: it was not written with --per-user.")
    batches = [batch for part in parts for batch in whole_batches(part, names)]
    if not batches:
        raise DataError(f"{path} holds no values.")
    table = pa.Table.from_batches(batches)
    if SPLIT in names and pc.count_distinct(table.column(SPLIT)).as_py() > 1:
        raise DataError(f"{path} holds several splits: give the folder of the comparison, with its {REPORT}.")
    kept = [name for name in metrics if name not in OF_RATINGS]
    if MODEL not in names:
        return {"": _of_one(table, users[0], kept, path)}, _fingerprint(path)
    order = pc.unique(table.column(MODEL)).to_pylist()
    chosen = {str(name): table.filter(pc.equal(table.column(MODEL), name)) for name in order}
    return {name: _of_one(part, users[0], kept, path) for name, part in chosen.items()}, _fingerprint(path)


def _of_one(table: pa.Table, user: str, metrics: Sequence[str], where: Path) -> Evaluation:
    try:
        ids = IdIndex.of(as_arrow(table.column(user)))
    except DataError as error:
        raise DataError(f"{where} has a user more than once, or one without an id, in column {user!r}.") from error
    measured = [name for name in metrics if table.column(name).null_count < len(table)]
    return Evaluation(ids, {name: _numbers(table, name, where) for name in measured})


def _numbers(table: pa.Table, name: str, where: Path) -> np.ndarray:
    try:
        return pc.cast(table.column(name), pa.float64()).to_numpy().copy()
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(f"{where}: column {name!r} must hold numbers: {str(error)[:200]}.") from error


def _fingerprint(path: Path) -> str | None:
    """As it is kept in a Parquet file, or else in the sidecar of a table."""
    kept: Any = {}
    if sidecar(path).is_file():
        kept = read_json(sidecar(path))
    elif path.suffix.lower() == ".parquet":
        with told_as_damage(path, "Write it again."):
            kept = json.loads((parquet_schema(path).metadata or {}).get(b"recae", b"{}"))
    found = kept.get("targets_fingerprint") if isinstance(kept, dict) else None
    return found if isinstance(found, str) else None


def _is_metric(name: str) -> bool:
    try:
        return bool(parse_metrics([name]))
    except ConfigError:
        return False
