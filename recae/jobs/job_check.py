"""What can be told about a job file before anything is done: its paths, names and settings."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from recae.data.splits import parse_spec
from recae.errors import ConfigError, StorageError
from recae.evaluation.gates_bounds import Bound, parse_bound
from recae.evaluation.metrics import parse_metrics
from recae.jobs.contest import checked_models
from recae.jobs.item_facts import refuse_features
from recae.jobs.job_file import Job, read_job
from recae.models.registry import create
from recae.options import RunOptions
from recae.progress import SILENT, Progress
from recae.store.regular import real_path


@dataclass(frozen=True)
class CheckedJob:
    """A job whose names exist, with its paths as they are on this machine."""

    file: Path
    job: Job
    log: Path
    catalog: Path | None
    out: Path
    work: Path
    bounds: tuple[Bound, ...]

    def path(self, given: str | None) -> Path | None:
        """A path of the file, from the file's own folder on."""
        return None if given is None else self.file.absolute().parent / given

    def options(self, progress: Progress = SILENT) -> RunOptions:
        """What every fit is told."""
        job = self.job
        return RunOptions(job.seed, job.device, job.precision, progress, job.max_memory)

    @property
    def models(self) -> tuple[str, ...]:
        """All that are judged: those to choose from, then those that must be beaten."""
        return tuple(dict.fromkeys((*self.job.model.name, *self.job.gate.require_beats)))


def check_job(file: str | Path) -> CheckedJob:
    """Read a job file and refuse whatever can be refused without opening the data.

    Raises:
        ConfigError: a key, value, model, hyper-parameter, metric or split that cannot be.
        StorageError: the file, the log or another input cannot be read.
    """
    file = Path(file)
    job = read_job(file)
    base = file.absolute().parent
    try:
        bounds = _check_names(job)
    except ConfigError as error:
        raise ConfigError(f"{file}: {error}") from error
    out = base / job.out
    checked = CheckedJob(
        file=file,
        job=job,
        log=base / job.input.log,
        catalog=None if job.input.catalog is None else base / job.input.catalog,
        out=out,
        work=out.parent / f".{out.name}.work" if job.work is None else base / job.work,
        bounds=bounds,
    )
    _check_paths(checked)
    return checked


def _check_names(job: Job) -> tuple[Bound, ...]:
    parse_spec(job.judging.split)
    parse_metrics(job.judging.metrics)
    refuse_features(job.judging.metrics[:1], "A model cannot be chosen")
    checked_models((*job.model.name, *job.gate.require_beats))
    both = sorted(set(job.model.name) & set(job.gate.require_beats))
    if both:
        raise ConfigError(f"{both[0]} is a model to choose from and one that must be beaten: take it out of one.")
    if job.model.settings and len(job.model.name) > 1:
        raise ConfigError(f"[model] settings belong to one model, and {len(job.model.name)} are named.")
    for name in job.model.name[:1]:
        create(name, **job.model.settings)
    return (
        *(parse_bound(f"{metric}={limit:g}", upper=False) for metric, limit in job.gate.fail_under.items()),
        *(parse_bound(f"{metric}={limit:g}", upper=True) for metric, limit in job.gate.fail_over.items()),
    )


def _check_paths(checked: CheckedJob) -> None:
    lists = checked.job.lists
    inputs = {"log": checked.log, "catalog": checked.catalog}
    inputs |= {name: checked.path(getattr(lists, name)) for name in ("users", "allow", "deny")}
    for name, path in inputs.items():
        if path is not None and not path.exists():
            raise StorageError(f"{checked.file}: {name} = {path} does not exist.")
        for place in (checked.out, checked.work):
            if path is not None and real_path(path).is_relative_to(real_path(place)):
                raise ConfigError(f"{checked.file}: {name} = {path} lies in {place}, which the job replaces.")
    if real_path(checked.out) == real_path(checked.work) or real_path(checked.work).is_relative_to(
        real_path(checked.out)
    ):
        raise ConfigError(f"{checked.file}: work = {checked.work} lies in what is published: choose another place.")
