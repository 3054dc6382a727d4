"""The steps of a whole job, each of which asks for what it needs from the one before."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from recae.jobs.contest_files import FORMS
from recae.jobs.facts import machine_facts
from recae.jobs.job_check import CheckedJob
from recae.jobs.prepare import FILTERED, filter_input
from recae.jobs.publish import MODEL, age_days, now, publish
from recae.jobs.recommend import recommend
from recae.jobs.recommended import Recommended
from recae.jobs.run_judged import Judgement, judge
from recae.jobs.steps import Beginning, Steps
from recae.jobs.train import Trained, train
from recae.jobs.up_to_date import MADE_FROM, fingerprint
from recae.options import RunOptions

STEPS = ("read", "split", "judge", "train", "list", "publish")


@dataclass(frozen=True, eq=False)
class WholeJob:
    """One run of a job."""

    checked: CheckedJob
    origin: dict[str, Any]
    """What decides the publication."""
    before: dict[str, Any] | None
    """The manifest of what is published."""
    steps: Steps
    options: RunOptions
    run_id: str
    command: str

    def publish(self) -> dict[str, Any]:
        """Take all steps; returns the manifest's facts."""
        job, log = self.checked.job, self._read()
        again = self._model_again()
        if again is not None:
            self.steps.skip("split", "judge", "train")
            model, told, reports = again
        else:
            judged = judge(self, log)
            model = self._train(log, judged).folder
            told, reports = self._told(judged), reports_in(judged.folder)
        lists = self._list(model, log)
        facts: dict[str, Any] = {MADE_FROM: self.origin, "run_id": self.run_id, "command": self.command, **told}
        facts |= {"rows": lists.rows, "users": lists.users, "job": job.model_dump(mode="json"), **machine_facts()}
        files = {f"lists.{job.lists.format}": lists.output, MODEL: model, **reports}
        # Never found done: a publication that stands as it should ended the run before its first step.
        self.steps.take("publish", {"at": time.time_ns()}, lambda _: publish(self.checked.out, files, facts))
        return facts

    def machine(self) -> dict[str, Any]:
        """What decides a fit beside its data and settings."""
        return {"seed": self.options.seed, "device": self.options.device, "precision": self.options.precision}

    def _read(self) -> Path:
        reading, log = self.checked.job.input.reading(), self.checked.work / "log" / FILTERED

        def do(begin: Beginning) -> Any:
            return filter_input(
                self.checked.log, log.parent, reading=reading, force=begin.force, progress=self.options.progress
            )

        self.steps.take("read", {"log": self.origin["inputs"]["log"], "reading": reading.chosen()}, do)
        return log

    def _train(self, log: Path, judged: Judgement) -> Trained:
        """The chosen model, fitted to the whole log."""

        def do(begin: Beginning) -> Trained:
            return train(
                log,
                model=judged.name,
                settings=judged.settings,
                reading=self.checked.job.input.columns(),
                out=self.checked.work / MODEL,
                force=begin.force,
                resume=begin.resume,
                options=self.options,
                run_id=self.run_id,
            )

        key = {"log": fingerprint(log), "model": judged.name, "settings": judged.settings}
        return self.steps.take("train", key | self.machine(), do)

    def _list(self, model: Path, log: Path) -> Recommended:
        lists, checked = self.checked.job.lists, self.checked

        def do(begin: Beginning) -> Recommended:
            return recommend(
                model,
                [log],
                out=checked.work / f"lists.{lists.format}",
                top=lists.top,
                users=checked.path(lists.users),
                include_seen=lists.include_seen,
                allow=checked.path(lists.allow),
                deny=checked.path(lists.deny),
                on_cold=lists.on_cold,
                force=begin.force,
                max_memory=self.options.max_memory,
                reading=checked.job.input.columns(),
                progress=self.options.progress,
            )

        inputs = {name: self.origin["inputs"][name] for name in ("users", "allow", "deny")}
        key = {"model": fingerprint(model), "log": fingerprint(log), **lists.model_dump(), **inputs}
        return self.steps.take("list", key, do)

    def _told(self, judged: Judgement) -> dict[str, Any]:
        """What a later run needs to know of the model: what chose it, when, and what it reached."""
        made = {"name": judged.name, "settings": dict(judged.settings), "created": now()}
        made |= {"chosen_by": self._chosen_by()}
        return {"model": made, "metrics": judged.metrics, "gates": [asdict(gate) for gate in judged.gates]}

    def _chosen_by(self) -> dict[str, Any]:
        job = self.checked.job
        kept = job.model_dump(mode="json", include={"input", "judging", "model", "gate"})
        return kept | self.machine()

    def _model_again(self) -> tuple[Path, Mapping[str, Any], dict[str, Path]] | None:
        """The published model with its facts and reports, where the job says that it is young enough."""
        days, before, out = self.checked.job.model.reuse_days, self.before, self.checked.out
        if before is None or not days or age_days(before) > days:
            return None
        if before["model"].get("chosen_by") != self._chosen_by():
            return None
        self.options.progress.say(f"The published model is {age_days(before):.1f} days old and is taken again.")
        return out / MODEL, {name: before[name] for name in ("model", "metrics", "gates")}, reports_in(out)


def reports_in(folder: Path) -> dict[str, Path]:
    """The forms of a report and the values per user that lie in a folder, by name."""
    return {name: folder / name for name in FORMS if (folder / name).is_file()}
