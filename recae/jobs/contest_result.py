"""From the kept records to the runs of a comparison: of one split as they are, of several pooled one by one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from recae.evaluation.paired import PairedTest
from recae.evaluation.paired_splits import PairsOverSplits
from recae.evaluation.pooled import PooledUsers
from recae.evaluation.repeats import figures_of
from recae.evaluation.result import Evaluation
from recae.jobs.contest_records import Records
from recae.reports.comparison import ModelRun


def runs_of(records: Records, names: Sequence[str], splits: Sequence[dict[str, Any]]) -> tuple[ModelRun, ...]:
    """The run of each model; `splits` is what was kept of each split. One model's values are in memory at a time,
    but for what is returned: one value per user, however many splits there are.
    """
    return tuple(_run(records, name, splits) for name in names)


def pairs_of(
    records: Records, names: Sequence[str], metric: str, splits: Sequence[dict[str, Any]]
) -> tuple[PairedTest, ...]:
    """Every pair of models tested over several splits; empty for one, and where `metric` has no value per user."""
    if len(splits) < 2 or len(names) < 2:
        return ()
    pairs = PairsOverSplits(names, metric)
    for number in range(len(splits)):
        judged = {name: records.read(number, name).run.evaluation for name in names}
        if any(metric not in one.per_user for one in judged.values()):
            return ()
        pairs.add(judged)
    return pairs.result(_shared(splits))


def _run(records: Records, name: str, splits: Sequence[dict[str, Any]]) -> ModelRun:
    first = records.read(0, name).run
    if len(splits) == 1:
        return first
    pool = PooledUsers()

    def each() -> Iterator[Evaluation]:
        for number in range(len(splits)):
            evaluation = records.read(number, name).run.evaluation
            pool.add(evaluation)
            yield evaluation

    figures = figures_of(each(), test_per_train=_shared(splits))
    return replace(first, evaluation=pool.result(), over_splits=figures)


def _shared(splits: Sequence[dict[str, Any]]) -> float:
    """How much is tested for each that trains, on average."""
    return float(np.mean([float(one["test_per_train"]) for one in splits]))
