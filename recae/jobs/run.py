"""A whole job from its file: read, split, judge, train, list, publish; steps that are up to date are skipped."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recae.jobs.job_check import CheckedJob, check_job
from recae.jobs.outputs import refuse_strange
from recae.jobs.publish import MANIFEST, published, same_origin
from recae.jobs.run_whole import STEPS, WholeJob
from recae.jobs.steps import Steps, StepTaken
from recae.jobs.up_to_date import made_from
from recae.progress import SILENT, Progress
from recae.store.lock import locked

WHERE_ONLY = {"out", "work", "max_memory"}
"""Keys of a job that decide nothing about what is published."""


@dataclass(frozen=True)
class Ran:
    """What became of a job."""

    folder: Path
    """What is published."""
    up_to_date: bool
    """Everything was there already."""
    steps: tuple[StepTaken, ...]
    facts: Mapping[str, Any]
    """As they stand in the manifest of what is published: model, metrics, gates, rows, users."""
    seconds: float


def run(
    file: str | Path, *, force: bool = False, progress: Progress = SILENT, run_id: str = "", command: str = ""
) -> Ran:
    """Do the job in the file `file` (`recae.jobs.job_file.Job`) and publish its result, if it passes its gates.

    Finished steps are kept in the work folder; a step is taken again only if its inputs (by their content) or settings
    changed, and a step that was interrupted goes on. The publication is replaced by a complete new one and by nothing
    else. `force` does everything anew.

    Raises:
        ConfigError: the file cannot be used.
        DataError: the log is malformed, or too small to judge on.
        CapacityError: a model would not fit in memory.
        NotPublishedError: a gate was not met; what was published before stands.
        StorageError: something cannot be read or written, or recae did not publish what is in its place.
        OutputLockedError: another run of the job is at work.
    """
    started, checked = time.perf_counter(), check_job(file)
    with locked(checked.out), locked(checked.work):  # two jobs may name the same work folder
        refuse_strange(checked.out, MANIFEST)
        before, origin = published(checked.out), _origin(checked)
        if not force and before is not None and same_origin(before, origin):
            return Ran(checked.out, True, (), before, time.perf_counter() - started)
        steps = Steps(checked.work, len(STEPS), progress, anew=force)
        try:
            facts = WholeJob(checked, origin, before, steps, checked.options(progress), run_id, command).publish()
        except KeyboardInterrupt as interrupt:
            interrupt.args = ("What is finished is kept: the same command goes on from there.",)
            raise
    return Ran(checked.out, False, tuple(steps.taken), facts, time.perf_counter() - started)


def _origin(checked: CheckedJob) -> dict[str, Any]:
    """What decides a publication: the inputs by their content, and the job."""
    lists = checked.job.lists
    inputs = {"log": checked.log, "catalog": checked.catalog}
    inputs |= {name: checked.path(getattr(lists, name)) for name in ("users", "allow", "deny")}
    return made_from("run", inputs, checked.job.model_dump(mode="json", exclude=WHERE_ONLY), checked.out)
