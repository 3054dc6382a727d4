"""A leaderboard that grows over runs: one table of figures, compared only where data and test targets are the same."""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from recae.errors import ConfigError, DataError, OutputLockedError, StorageError
from recae.evaluation.metrics import parse_metrics
from recae.jobs.leaderboard_table import COLUMNS, as_table, read_leaderboard
from recae.jobs.reading import Source
from recae.reports.comparison import Comparison, ModelRun
from recae.reports.wording import has_direction, lower_is_better
from recae.store.lock import locked
from recae.store.tables import write_table

WAIT_SECONDS = 60.0
"""How long a run waits while another one adds its own rows."""


@dataclass(frozen=True)
class Standing:
    """One line of a leaderboard."""

    rank: int
    model: str
    settings: dict[str, Any]
    value: float
    interval: tuple[float, float] | None
    """95 %; known only of the metric that chose the settings."""
    entries: int
    """How often the model was entered, with these or other settings."""
    date: str
    fit_seconds: float
    run_id: str


@dataclass(frozen=True)
class Board:
    """What may be compared: entries of the same data, judged on the same targets."""

    data: str
    split: str
    data_fingerprint: str
    targets_fingerprint: str
    test_users: int
    metric: str
    standings: tuple[Standing, ...]
    without: int
    """Entries that the metric was not measured of."""


def check_leaderboard(path: Source) -> None:
    """Check that entries can be added to the table at `path`, before any work is done.

    Raises:
        ConfigError: its suffix is not .parquet or .csv.
        StorageError: it is there and no leaderboard, or cannot be read.
    """
    if Path(path).suffix.lower() not in (".parquet", ".csv"):
        raise ConfigError(f"--leaderboard {path} must end in .parquet or .csv.")
    if Path(path).exists():
        read_leaderboard(Path(path))


def enter(comparison: Comparison, path: Source) -> int:
    """Add the comparison's models to the table at `path`, which is made where it is missing; how many were new.

    An entry that is there already, the same model with the same settings, data, targets and figures, is not added
    again. Another run that does the same at the same time is waited for.

    Raises:
        ConfigError: the suffix is not .parquet or .csv.
        StorageError: it is no leaderboard, or cannot be read or written.
        OutputLockedError: another run holds it for too long.
    """
    path = Path(path)
    check_leaderboard(path)
    rows = [_entry(comparison, run) for run in comparison.leaderboard()]
    with _turn(path):
        before = read_leaderboard(path) if path.exists() else None
        known = set() if before is None else set(before["entry"].to_pylist())
        new = [row for row in rows if row["entry"] not in known]
        if new:
            tables = [as_table(new), *([] if before is None else [before])]
            write_table(pa.concat_tables(tables[::-1], promote_options="default"), path)
    return len(new)


def boards(path: Source, metric: str | None = None, *, everything: bool = False) -> tuple[Board, ...]:
    """The standings at `path`, for each data and split apart, by `metric` or else by the one that chose settings.

    Of each model its best entry, or with `everything` all of them. Boards come in the order of their newest entries,
    the newest first.

    Raises:
        ConfigError: there is no such metric, or it has no better side.
        DataError: no entry has it.
        StorageError: the table is missing, no leaderboard, or cannot be read.
    """
    if metric is not None:
        metric = str(parse_metrics([metric])[0])
        if not has_direction(metric):
            raise ConfigError(f"{metric} only describes: more of it is not better. Name another metric.")
    if not Path(path).exists():
        raise StorageError(f"There is no leaderboard {path}: `recae compare ... --leaderboard {path}` makes one.")
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in read_leaderboard(Path(path)).to_pylist():
        groups.setdefault((row["data_fingerprint"], row["targets_fingerprint"]), []).append(row)
    newest = sorted(groups.values(), key=lambda rows: max(row["date"] or "" for row in rows), reverse=True)
    found = tuple(_board(rows, metric, everything) for rows in newest)
    if metric is not None and not any(board.standings for board in found):
        raise DataError(f"{path} has no entry with {metric}.")
    return tuple(board for board in found if board.standings)


def _board(rows: list[dict[str, Any]], wanted: str | None, everything: bool) -> Board:
    newest = max(rows, key=lambda row: row["date"] or "")
    metric = wanted or newest["metric"]
    having = [row for row in rows if row.get(metric) is not None and math.isfinite(row[metric])]
    sign = 1 if lower_is_better(metric) else -1
    having.sort(key=lambda row: (sign * row[metric], row["model"], row["entry"]))
    entries = {name: sum(row["model"] == name for row in rows) for name in {row["model"] for row in rows}}
    shown, seen = [], set()
    for row in having:
        if everything or row["model"] not in seen:
            shown.append(row)
        seen.add(row["model"])
    return Board(
        data=newest["data"] or "",
        split=newest["split"] or "",
        data_fingerprint=newest["data_fingerprint"],
        targets_fingerprint=newest["targets_fingerprint"],
        test_users=newest["test_users"] or 0,
        metric=metric,
        standings=tuple(_standing(rank, row, metric, entries) for rank, row in enumerate(shown, start=1)),
        without=len(rows) - len(having),
    )


def _standing(rank: int, row: dict[str, Any], metric: str, entries: dict[str, int]) -> Standing:
    low, high = row["low"], row["high"]
    known = row["metric"] == metric and low is not None and high is not None
    try:
        settings = json.loads(row["settings"] or "{}")
    except ValueError:
        settings = {}
    return Standing(
        rank=rank,
        model=row["model"],
        settings=settings if isinstance(settings, dict) else {},
        value=row[metric],
        interval=(low, high) if known else None,
        entries=entries[row["model"]],
        date=row["date"] or "",
        fit_seconds=row["fit_seconds"] or 0.0,
        run_id=row["run_id"] or "",
    )


def _entry(comparison: Comparison, run: ModelRun) -> dict[str, Any]:
    facts, metric = comparison.facts, comparison.metrics[0]
    low, high = run.intervals.get(metric, (None, None))
    figures = {name: run.means[name] for name in comparison.metrics if name in run.means}
    same = [run.name, run.config, facts.get("data_fingerprint"), facts.get("targets_fingerprint"), figures]
    settings = json.dumps(run.config, sort_keys=True)
    entry: dict[str, Any] = dict.fromkeys(COLUMNS) | {
        "entry": hashlib.blake2b(json.dumps(same, sort_keys=True).encode(), digest_size=8).hexdigest(),
        "data": str(comparison.data.get("source") or ""),
        "split": str(comparison.split.get("spec") or ""),
        "splits": comparison.n_splits,
        "test_users": len(run.evaluation.users),
        "model": run.name,
        "settings": settings,
        "selected_on": comparison.selected_on,
        "valid_value": run.valid_value,
        "metric": metric,
        "low": low,
        "high": high,
        "fit_seconds": run.fit_seconds,
        "users_per_second": run.users_per_second,
        "size_bytes": run.size_bytes,
        "fit_peak_bytes": getattr(run, "fit_peak_bytes", None),
        "recae": (facts.get("versions") or {}).get("recae"),
        "versions": json.dumps(facts.get("versions") or {}, sort_keys=True),
    }
    known = ("date", "run_id", "data_fingerprint", "targets_fingerprint", "seed", "machine", "command")
    return entry | {name: facts.get(name) for name in known} | figures


@contextmanager
def _turn(path: Path) -> Iterator[None]:
    """The lock on the table, waited for: runs that end at the same time add their rows one after the other."""
    last = time.monotonic() + WAIT_SECONDS
    with ExitStack() as held:
        while True:
            try:
                held.enter_context(locked(path))
                break
            except OutputLockedError:
                if time.monotonic() > last:
                    raise
                time.sleep(0.05)
        yield
