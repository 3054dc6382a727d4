"""What a comparison keeps while it runs, so that an interrupted one can go on.

`.OUT.partial/` becomes OUT when all is done; models/ and split/ lie in it as they will lie there. Beside them,
_records/ has the plan, and for each split and model, once it is finished, NAME.json with everything that the report
tells of it and NAME.parquet with its values per user; NAME.trials.jsonl has the settings tried so far.
"""

from __future__ import annotations

import dataclasses
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_type_hints

import numpy as np
import pyarrow as pa

from recae.errors import ConfigError, DamagedFileError, StorageError, reason
from recae.evaluation.result import Evaluation
from recae.jobs.contest_trials import KeptTrials
from recae.jobs.outputs import work_folder
from recae.options import Checkpoints
from recae.progress import Progress
from recae.ranking.lists import TopN
from recae.reports.comparison import FailedModel, ModelRun
from recae.reports.per_user import evaluation_of, further_field_names, further_fields, is_per_user, values_table
from recae.reports.restored import restored, restored_fields
from recae.store.atomic import UNFINISHED, discard_folder, remove_leftovers, remove_leftovers_in, temporary_folder
from recae.store.checksums import check_files, file_sha256
from recae.store.manifest import plain_json, read_json, write_json
from recae.store.parquet import read_parquet
from recae.store.tables import write_table

FORMAT = 1
RECORDS, PLAN, SPLIT, FAILED = "_records", "plan.json", "split.json", "failed"


@dataclass(frozen=True, eq=False)
class Record:
    """One finished model on one split."""

    run: ModelRun
    lists: TopN | None
    """What it lists for the users who are shown; None on all splits but the first."""


class Records:
    """The work folder of one comparison; `number` counts its splits from 0."""

    def __init__(self, folder: Path, user_column: str) -> None:
        self.folder, self.user_column = folder, user_column

    def split_facts(self, number: int) -> dict[str, Any] | None:
        """What was kept of a split; None if it was not made yet."""
        try:
            return read_json(self._at(number) / SPLIT)
        except StorageError:
            return None

    def keep_split(self, number: int, facts: dict[str, Any]) -> None:
        """Keep what the report needs to know of a split."""
        self._at(number).mkdir(parents=True, exist_ok=True)
        write_json(self._at(number), SPLIT, facts)

    def failure(self, name: str) -> FailedModel | None:
        """That a model cannot be judged, where an earlier run found so."""
        try:
            return restored(FailedModel, read_json(self.folder / RECORDS / FAILED / f"{name}.json"))
        except (StorageError, ValueError):
            return None

    def finished(self, number: int, name: str) -> Record | None:
        """What an earlier run found of a model; None where it is missing, damaged or cut short."""
        try:
            check_files(self.folder, read_json(self._at(number) / f"{name}.json")["files"])
            return self.read(number, name)
        except (DamagedFileError, StorageError, KeyError, TypeError):
            return None

    def read(self, number: int, name: str) -> Record:
        """What was kept of a model, whose files are known to be whole.

        Raises:
            StorageError: it is missing, or cannot be read.
            DamagedFileError: it is not what was written.
        """
        told = read_json(self._at(number) / f"{name}.json")
        try:
            return Record(self._run(number, name, told), _lists(told.get("lists")))
        except (OSError, pa.ArrowException, ValueError, KeyError, TypeError) as error:
            raise DamagedFileError(f"What was kept of {name} in {self.folder} is damaged: {error}.") from error

    def keep(self, number: int, record: Record) -> None:
        """Keep a finished model, whose folder has been written: it is not fitted again."""
        name, run = record.run.name, record.run
        values = self._at(number) / f"{name}.parquet"
        write_table(values_table(run.evaluation, self.user_column, name, number + 1), values)
        model = self.folder / "models" / name
        files = [values, *(sorted(path for path in model.rglob("*") if path.is_file()) if number == 0 else [])]
        fields = {f.name: getattr(run, f.name) for f in dataclasses.fields(run) if f.name != "evaluation"}
        content = {
            "run": {key: _told(value) for key, value in fields.items()},
            "overall": run.evaluation.overall,
            "metrics": list(run.evaluation.per_user),
            "seconds": run.evaluation.seconds,
            "more": {key: _told(value) for key, value in further_fields(run.evaluation).items()},
            "lists": None if record.lists is None else dataclasses.asdict(record.lists),
            "files": {
                path.relative_to(self.folder).as_posix(): {"bytes": path.stat().st_size, "sha256": file_sha256(path)}
                for path in files
            },
        }
        write_json(self._at(number), f"{name}.json", plain_json(content))
        shutil.rmtree(self._fits(number, name), ignore_errors=True)

    def keep_failure(self, failed: FailedModel) -> None:
        """Keep that a model cannot be judged: it is not tried again."""
        write_json(self.folder / RECORDS / FAILED, f"{failed.name}.json", plain_json(dataclasses.asdict(failed)))

    def checkpoints(self, number: int, name: str) -> Checkpoints:
        """Where the one fit of a model on a split but the first leaves its state."""
        return Checkpoints(self._fits(number, name) / "only", resume=True)

    def values_file(self, number: int, name: str) -> Path:
        """Every user's values of a finished model on one split."""
        return self._at(number) / f"{name}.parquet"

    def trials(self, name: str) -> KeptTrials:
        """The settings of a model that were tried so far."""
        return KeptTrials(self._at(0) / f"{name}.trials.jsonl", self._fits(0, name))

    def progress_words(self, names: Sequence[str], splits: int) -> str:
        """`"2 of 3 models are done"`, or over several splits `"4 of 6 fits are done (models: 3, splits: 2)"`.

        A model that is known to fail is done with on all splits.
        """
        done = sum(
            self.failure(name) is not None or (self._at(number) / f"{name}.json").is_file()
            for name in names
            for number in range(splits)
        )
        if splits == 1:
            return f"{done} of {len(names)} models are done"
        return f"{done} of {len(names) * splits} fits are done (models: {len(names)}, splits: {splits})"

    def _fits(self, number: int, name: str) -> Path:
        return self._at(number) / f"{name}.fits"

    def _at(self, number: int) -> Path:
        return self.folder / RECORDS / f"split-{number + 1:03d}"

    def _run(self, number: int, name: str, told: dict[str, Any]) -> ModelRun:
        table = read_parquet(self.values_file(number, name))
        metrics, overall = restored(tuple[str, ...], told["metrics"]), restored(dict[str, float], told["overall"])
        if not all(is_per_user(table, metric) for metric in metrics):
            raise ValueError("values are missing")
        hints = get_type_hints(Evaluation)
        more = {key: restored(hints[key], told["more"][key]) for key in further_field_names() if key in told["more"]}
        evaluation = evaluation_of(table, metrics, overall, seconds=float(told["seconds"]), **more)
        return restored_fields(ModelRun, told["run"], "it", evaluation=evaluation)


def open_records(
    out: Path,
    plan: dict[str, Any],
    user_column: str,
    names: Sequence[str],
    splits: int,
    *,
    resume: bool,
    progress: Progress,
) -> Records:
    """The work folder of `out`: with `resume` that of an interrupted run by the same `plan`, else a new one.

    `plan` says what decides the figures. What an interrupted run left is thrown away without `resume`, and said to be.

    Raises:
        ConfigError: `resume`, and what is there was begun by another plan.
        StorageError: the folder cannot be written, or recae did not make it.
    """
    work = work_folder(out)
    remove_leftovers(work)
    remove_leftovers_in(work)
    records = Records(work, user_column)
    begun = _begun(work)
    done = records.progress_words(names, splits)
    if begun is not None and resume:
        if begun != plain_json(plan):
            differing = ", ".join(sorted(key for key in plan if begun.get(key) != plain_json(plan[key])))
            raise ConfigError(f"{work} was begun with other terms ({differing}): run without --resume.")
        progress.say(f"Continuing: {done}.")
        return records
    if begun is not None:
        progress.say(f"Starting anew: {work} of an interrupted run is thrown away ({done}; --resume would go on).")
    elif _holds_files(work):
        raise StorageError(f"{work} is in the way and was not written by recae's compare: remove it.")
    try:
        discard_folder(work)
        # With its plan from the beginning: without one nobody would know it again.
        with temporary_folder(work) as beside:
            (beside / "models").mkdir()
            write_json(beside / RECORDS, PLAN, {"format": FORMAT, "plan": plan})
            os.rename(beside, work)
    except OSError as error:
        raise StorageError(f"{work} could not be made: {reason(error)}.") from error
    return records


def _holds_files(work: Path) -> bool:
    """Whether there is more than what a run leaves that was killed before it had written its plan."""
    return any(path.is_file() and not path.name.endswith(UNFINISHED) for path in work.rglob("*"))


def _begun(work: Path) -> dict[str, Any] | None:
    """The plan of an interrupted run; an empty one where it cannot be read."""
    path = work / RECORDS / PLAN
    if not path.is_file():
        return None
    try:
        told = read_json(path)
    except DamagedFileError:
        return {}
    plan = told.get("plan")
    return plan if told.get("format") == FORMAT and isinstance(plan, dict) else {}


def _lists(told: dict[str, Any] | None) -> TopN | None:
    return None if told is None else TopN(np.array(told["items"], np.int64), np.array(told["scores"], np.float32))


def _told(value: Any) -> Any:
    """Frozen dataclasses, alone or in tuples and mappings, as plain values."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.asdict(value)
    if isinstance(value, (tuple, list)):
        return [_told(one) for one in value]
    return {key: _told(one) for key, one in value.items()} if isinstance(value, dict) else value
