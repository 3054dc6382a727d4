"""The middle of a whole job: which model is taken, how good it is, and whether that is good enough to publish."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from recae.errors import ConfigError, DataError, QualityError
from recae.evaluation.gates import GateResult
from recae.evaluation.metrics import LOWER_IS_BETTER, UNBOUNDED, parse_metrics
from recae.jobs.compare import Compared, compare
from recae.jobs.contest_gates import ContestGates, with_gates
from recae.jobs.gates import Gates, hold
from recae.jobs.job_check import CheckedJob
from recae.jobs.prepare import split_input
from recae.jobs.steps import Beginning
from recae.jobs.up_to_date import fingerprint
from recae.reports.comparison import Comparison, ModelRun

if TYPE_CHECKING:
    from recae.jobs.run_whole import WholeJob


class NotPublishedError(QualityError):
    """A gate of a whole job was not met; `gates` tells of all of them."""

    def __init__(self, sentence: str, gates: tuple[GateResult, ...]) -> None:
        super().__init__(sentence)
        self.gates = gates


@dataclass(frozen=True)
class Judgement:
    """The model that is taken."""

    folder: Path
    """The comparison's."""
    name: str
    settings: Mapping[str, Any]
    metrics: dict[str, float]
    """On the test data."""
    gates: tuple[GateResult, ...]


def judge(whole: WholeJob, log: Path) -> Judgement:
    """Split the log, compare the job's models on it, take one by its validation data, and hold it to the gates.

    Raises:
        DataError: the log cannot be split, or no model could be judged.
        NotPublishedError: a gate was not met.
    """
    checked = whole.checked
    cut = {"log": fingerprint(log), "split": checked.job.judging.split, "seed": checked.job.seed}
    compared = _compared(whole, _split(whole, log, cut), cut)
    best = _taken(compared.comparison, checked.job.model.name)
    asked = _gates(checked, best.name, (whole.before or {}).get("metrics", {}))
    comparison = compared.comparison
    if asked.asked:
        conditions = ContestGates.of(asked, _metrics(checked), checked.models)
        comparison = with_gates(comparison, conditions, compared.folder)
    try:
        hold(comparison.gates)
    except QualityError as error:
        stands = "nothing was published" if whole.before is None else "what was published before stands"
        report = compared.folder / "report.html"
        raise NotPublishedError(f"{error} So {stands}; the report is {report}.", comparison.gates) from None
    reached = {metric: best.means[metric] for metric in comparison.metrics if metric in best.means}
    return Judgement(compared.folder, best.name, best.config, reached, comparison.gates)


def _split(whole: WholeJob, log: Path, cut: Mapping[str, Any]) -> Path:
    folder, judging = whole.checked.work / "split", whole.checked.job.judging

    def do(begin: Beginning) -> Any:
        return split_input(
            log,
            folder,
            spec=judging.split,
            seed=whole.options.seed,
            reading=whole.checked.job.input.columns(),
            force=begin.force,
            progress=whole.options.progress,
        )

    whole.steps.take("split", cut, do)
    return folder


def _compared(whole: WholeJob, split: Path, cut: Mapping[str, Any]) -> Compared:
    checked, chosen = whole.checked, whole.checked.job.model

    def do(begin: Beginning) -> Compared:
        return compare(
            split,
            out=checked.work / "judged",
            models=checked.models,
            settings={chosen.name[0]: chosen.settings} if chosen.settings else None,
            metrics=_metrics(checked),
            catalog=checked.catalog,
            trials=chosen.trials,
            resume=begin.resume,
            force=True,
            options=whole.options,
            run_id=whole.run_id,
            command=whole.command,
        )

    key = {**cut, "models": checked.models, "metrics": _metrics(checked), "catalog": whole.origin["inputs"]["catalog"]}
    return whole.steps.take("judge", key | chosen.model_dump(exclude={"reuse_days"}) | whole.machine(), do)


def _taken(comparison: Comparison, names: Sequence[str]) -> ModelRun:
    """The best of `names` on the validation data; where that judged none of them, the first that could be fitted."""
    runs = {run.name: run for run in comparison.runs}
    there = [runs[name] for name in names if name in runs]
    if not there:
        reasons = {failed.name: failed.reason for failed in comparison.failed}
        raise DataError(f"{names[0]} could not be judged: {reasons.get(names[0], 'see the report')}")
    known = [run for run in there if run.valid_value is not None]
    sign = -1.0 if comparison.metrics[0].partition("@")[0] in LOWER_IS_BETTER else 1.0
    return max(known, key=lambda run: sign * (run.valid_value or 0.0)) if known else there[0]


def _metrics(checked: CheckedJob) -> tuple[str, ...]:
    """Those of the job, and those that only its gates ask for."""
    asked = [*map(str, parse_metrics(checked.job.judging.metrics)), *(bound.metric for bound in checked.bounds)]
    return tuple(dict.fromkeys(asked))


def _gates(checked: CheckedJob, name: str, before: Mapping[str, Any]) -> Gates:
    """The conditions on `name`; what the publication before reached, less the tolerance, is one of them."""
    gate, first = checked.job.gate, _metrics(checked)[0]
    under = {bound.metric: bound.limit for bound in checked.bounds if not bound.upper}
    over = {bound.metric: bound.limit for bound in checked.bounds if bound.upper}
    was = before.get(first)
    if gate.tolerance is not None and isinstance(was, (int, float)):
        if first.partition("@")[0] in LOWER_IS_BETTER:
            allowed = was + gate.tolerance
            # A share cannot exceed 1, so that a bound beyond it is none.
            if allowed <= 1 or first.partition("@")[0] in UNBOUNDED:
                over[first] = min(over.get(first, allowed), allowed)
        else:
            under[first] = max(under.get(first, 0.0), was - gate.tolerance)
    if name in gate.require_beats:
        raise ConfigError(f"{name} cannot beat itself.")
    return Gates(
        fail_under=[f"{metric}={limit!r}" for metric, limit in under.items()],
        fail_over=[f"{metric}={limit!r}" for metric, limit in over.items()],
        require_beats=gate.require_beats,
        candidate=name,
    )
