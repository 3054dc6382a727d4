"""Quality gates of a comparison: who has to pass, and whom it has to beat, settled before anything is fitted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from recae.data.ids import IdIndex
from recae.errors import ConfigError, DataError
from recae.evaluation.gates import Candidate, Former, GateResult, check_gates
from recae.evaluation.gates_figures import Figures
from recae.evaluation.rating_metrics import OF_RATINGS
from recae.evaluation.repeats import SplitFigures
from recae.jobs.contest import test_part
from recae.jobs.contest_files import redraw
from recae.jobs.contest_splits import Splits, joint_fingerprint, one_split_facts
from recae.jobs.former import Stored, read_stored
from recae.jobs.gates import Gates
from recae.jobs.settled import Settled
from recae.models.registry import model_class
from recae.reports.comparison import Comparison, ModelRun


@dataclass(frozen=True, eq=False)
class ContestGates:
    """Conditions on a comparison that make sense."""

    settled: Settled
    candidate: str | None
    """None is the best model."""
    must_beat: tuple[str, ...]
    former: Stored | None

    @classmethod
    def of(cls, gates: Gates, metrics: Sequence[str], names: Sequence[str]) -> ContestGates:
        """Settle `gates` for a comparison of the models `names` by `metrics`; stored figures are read.

        Raises:
            ConfigError: a condition that cannot be checked, or about a model that does not take part.
            DataError: the stored figures make no sense.
            StorageError: they cannot be read.
        """
        settled = gates.settle(metrics)
        must_beat = tuple(dict.fromkeys(name.strip() for text in gates.require_beats for name in text.split(",")))
        for flag, model in [("--candidate", gates.candidate), *(("--require-beats", name) for name in must_beat)]:
            if model is not None and model not in names:
                raise ConfigError(f"{flag} {model}: compared are {', '.join(names)}; add it to --models.")
        if gates.candidate in must_beat:
            raise ConfigError(f"{gates.candidate} cannot beat itself: name another --candidate or --require-beats.")
        if must_beat and set(must_beat) >= set(names):
            raise ConfigError(
                f"--require-beats {', '.join(must_beat)}: no other model takes part; add one to --models."
            )
        judged = names if gates.candidate is None else (gates.candidate, *must_beat)
        of_ratings = [metric for metric in settled.all_metrics if metric in OF_RATINGS]
        rankers = [name for name in judged if model_class(name).info.needs != "ratings"]
        if of_ratings and rankers:
            raise ConfigError(
                f"{of_ratings[0]} is no measure of {', '.join(rankers)}, which predict no ratings: leave "
                "them out, or name the --candidate."
            )
        former = None if gates.against is None else read_stored(gates.against, like=gates.candidate, best=True)
        return cls(settled, gates.candidate, must_beat, former)

    def measured(self, metrics: Sequence[str]) -> tuple[str, ...]:
        """`metrics`, and behind them those that the conditions need beside."""
        return tuple(dict.fromkeys([*metrics, *self.settled.all_metrics]))

    def check(self, users: IdIndex, fingerprint: str, n_splits: int = 1) -> None:
        """Check, before anything is fitted, that stored figures are about the same targets; `users` are those judged.

        Raises:
            DataError: they are not, or lack a metric.
        """
        if self.former is None:
            return
        then = len(self.former.figures.users) if isinstance(self.former.figures, SplitFigures) else 1
        if then != n_splits and (isinstance(self.former.figures, SplitFigures) or len(self.former.figures.users)):
            raise DataError(f"{self.former.label} tells of {then} splits, and this is about {n_splits}.")
        self.former.on(users, fingerprint, self.settled.metrics)

    def results(self, comparison: Comparison) -> tuple[GateResult, ...]:
        """What becomes of every condition; a model that could not be judged passes nothing, and is not beaten."""
        runs = {run.name: run for run in comparison.runs}
        name = self.candidate if self.candidate is not None else comparison.leaderboard()[0].name
        reasons = {model.name: model.reason for model in comparison.failed}
        missing = [one for one in (name, *self.must_beat) if one not in runs]
        if name in missing:
            return tuple(self._unjudged(name, reasons.get(name, "")))
        figures = {run.name: _figures(run) for run in comparison.runs}
        present = tuple(other for other in self.must_beat if other not in missing)
        former = None
        if self.former is not None:
            users = runs[name].evaluation.users
            kept = self.former.on(users, self.former.fingerprint or "", self.settled.metrics)
            former = Former(self.former.label, kept, self.settled.tolerance)
        found = check_gates(
            Candidate(name, figures, present, chosen=self.candidate is None),
            self.settled.metrics,
            bounds=self.settled.bounds,
            former=former,
        )
        return (*found, *(_not_beaten(other, m, reasons) for other in missing for m in self.settled.metrics))

    def _unjudged(self, name: str, reason: str) -> list[GateResult]:
        asked = [(str(bound), bound.metric) for bound in self.settled.bounds]
        asked += [(f"require-beats {other}", metric) for other in self.must_beat for metric in self.settled.metrics]
        if self.former is not None:
            asked += [(f"against {self.former.label}", metric) for metric in self.settled.metrics]
        said = f"{name} could not be judged: {reason}"
        return [GateResult(gate, metric, False, said, None, None) for gate, metric in asked]


def check_former(conditions: ContestGates, splits: Splits) -> None:
    """Check, before anything is fitted, that stored figures are about the targets of `splits`.

    Raises:
        DataError: they are not, or lack a metric.
    """
    if conditions.former is None:
        return
    parts = [splits.make(number) for number in range(len(splits))]
    facts = [one_split_facts(part, test_part(part)) for part in parts]
    test = test_part(splits.first)
    users = test.users.subset(np.flatnonzero(test.relevant_counts()))
    conditions.check(users, joint_fingerprint(facts), len(splits))


def with_gates(comparison: Comparison, conditions: ContestGates, folder: Path) -> Comparison:
    """A finished comparison held to `conditions`; its report in `folder` is drawn again where that changes it.

    Raises:
        StorageError: the report could not be written.
    """
    results = conditions.results(comparison)
    if results == comparison.gates:
        return comparison
    judged = replace(comparison, gates=results)
    redraw(judged, folder)
    return judged


def _figures(run: ModelRun) -> Figures:
    return run.evaluation if run.over_splits is None else run.over_splits


def _not_beaten(name: str, metric: str, reasons: dict[str, str]) -> GateResult:
    said = f"{name} could not be judged, so that nothing can be said to beat it: {reasons.get(name, '')}"
    return GateResult(f"require-beats {name}", metric, False, said, None, None)
