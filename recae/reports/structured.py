"""A comparison as plain values for programs: the versioned schema "recae-comparison/1"."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping
from typing import Any

from recae.reports.comparison import Comparison, ModelRun, Trial
from recae.reports.verdict import Difference, Verdict

SCHEMA = "recae-comparison/1"


def to_json(comparison: Comparison) -> dict[str, Any]:
    """Everything that the report shows, in full precision and valid JSON; what is not finite becomes null.

    Keys only ever join a schema version; when one changes its meaning the version goes up.
    """
    judged = comparison.verdict
    content = {
        "schema": SCHEMA,
        "verdict": _verdict(judged),
        "metrics": list(comparison.metrics),
        "selected_on": comparison.selected_on,
        "models": [_model(run, rank, judged) for rank, run in enumerate(comparison.leaderboard(), start=1)],
        "pairs": [dataclasses.asdict(test) for test in comparison.pairs],
        "data": comparison.data,
        "split": comparison.split,
        "popularity_curve": list(comparison.popularity_curve),
        "examples": [dataclasses.asdict(example) for example in comparison.examples],
        "errors": [dataclasses.asdict(error) for error in comparison.errors],
        "asked": [dataclasses.asdict(item) for item in comparison.asked],
        "item_map": None if comparison.item_map is None else dataclasses.asdict(comparison.item_map),
        "failed": [dataclasses.asdict(model) for model in comparison.failed],
        "gates": [dataclasses.asdict(gate) for gate in comparison.gates],
        "plan": comparison.plan,
        "user_column": comparison.user_column,
        "facts": comparison.facts,
    }
    plain: dict[str, Any] = _plain(content)
    return plain


def _verdict(judged: Verdict) -> dict[str, Any]:
    return {
        "metric": judged.metric,
        "best": judged.best.name,
        "not_clearly_behind": [run.name for run in judged.rivals],
        "headline": judged.headline,
        "caution": judged.caution,
        "details": list(judged.details),
    }


def _model(run: ModelRun, rank: int, judged: Verdict) -> dict[str, Any]:
    return {
        "name": run.name,
        "title": run.title,
        "rank": rank,
        "config": run.config,
        "metrics": {metric: _figure(run, metric) for metric in run.means},
        "behind_best": None if run is judged.best else _behind(judged.behind[run.name]),
        "valid_value": run.valid_value,
        "test_users": len(run.evaluation.users),
        "fit_seconds": run.fit_seconds,
        "users_per_second": run.users_per_second,
        "size_bytes": run.size_bytes,
        "fit_peak_bytes": run.fit_peak_bytes,
        "fit_foretold_bytes": run.fit_foretold_bytes,
        "disk_bytes": run.disk_bytes,
        "similar": [[dataclasses.asdict(item) for item in near] for near in run.similar],
        "trials": [_trial(trial) for trial in run.trials],
        "over_splits": None if run.over_splits is None else dataclasses.asdict(run.over_splits),
        "curve": None if run.curve is None else dataclasses.asdict(run.curve),
        "slices": [dataclasses.asdict(one) for one in run.evaluation.slices],
    }


def _trial(trial: Trial) -> dict[str, Any]:
    told = dataclasses.asdict(trial)
    return told if trial.failed else {key: value for key, value in told.items() if key != "failed"}


def _figure(run: ModelRun, metric: str) -> dict[str, Any]:
    low, high = run.intervals.get(metric, (None, None))
    return {"value": run.means[metric], "low": low, "high": high}


def _behind(gap: Difference) -> dict[str, Any]:
    return {"difference": gap.gain, "low": gap.low, "high": gap.high, "clear": gap.clear}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(inner) for inner in value]
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (bool, int, str)) else str(value)
