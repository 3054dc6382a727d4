"""One model after the other, split by split: its settings chosen, fitted, judged on the test data and kept."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from recae.counted import counted
from recae.data.split import Split
from recae.errors import CapacityError, DataError
from recae.evaluation.evaluate import evaluate
from recae.evaluation.result import Evaluation
from recae.jobs.contest import test_part
from recae.jobs.contest_records import Record, Records
from recae.jobs.contest_splits import Splits, one_split_facts
from recae.jobs.failures import NothingFittedError, of_memory, reason_of
from recae.jobs.item_facts import item_background
from recae.jobs.judging import own_metrics
from recae.jobs.peak import folder_bytes
from recae.jobs.sections import Terms, example_lists, of_comparison, of_model
from recae.jobs.selection import Fixed, Selected, beside_defaults, choosing_data, select, size_bytes, tried_settings
from recae.models.base import Recommender
from recae.models.registry import model_class
from recae.options import RunOptions
from recae.reports.comparison import FailedModel, ModelRun
from recae.reports.plots import with_list_lengths


@dataclass(eq=False)
class Contest:
    """Everything that is settled before the first fit, and what failed since."""

    names: Sequence[str]
    splits: Splits
    terms: Terms
    """Of the first split."""
    choosing: Split
    """Where settings are chosen; the first split itself where it has validation data."""
    trials: int | None
    records: Records
    config: dict[str, Any]
    fixed: Fixed = field(default_factory=dict)
    failed: dict[str, FailedModel] = field(default_factory=dict)
    sections: dict[str, Any] = field(default_factory=dict)
    """What `of_comparison` found."""
    memory_failures: int = 0

    def run(self) -> None:
        """Bring every model to its record on every split, as far as it is not there; one model is in memory at a time.

        Raises:
            DataError: none of the models could be judged.
            CapacityError: the same, and none of them for another reason than memory.
        """
        for name in self.names:
            if (known := self.records.failure(name)) is not None:
                self.failed[name] = known
        for number in range(len(self.splits)):
            self._on_split(number)
            if len(self.failed) == len(self.names):
                raise self._nothing()

    @property
    def judged(self) -> tuple[str, ...]:
        """The models that did not fail."""
        return tuple(name for name in self.names if name not in self.failed)

    def _on_split(self, number: int) -> None:
        known = self.records.split_facts(number)
        found = {name: self.records.finished(number, name) for name in self.judged}
        if number and known is not None and all(found.values()):
            return
        terms = self._terms(number)
        self.records.keep_split(number, one_split_facts(terms.split, terms.test))
        if len(self.splits) > 1:
            terms.options.progress.say(f"Split {number + 1} of {len(self.splits)}")
        for name, record in found.items():
            found[name] = record or self._attempt(number, name, terms)
        if number == 0:
            records = {name: record for name, record in found.items() if record is not None}
            lists = {name: record.lists for name, record in records.items() if record.lists is not None}
            evaluations = {name: record.run.evaluation for name, record in records.items()}
            self.sections = of_comparison(evaluations, lists, self.records.folder / "models", terms)

    def _terms(self, number: int) -> Terms:
        if number == 0:
            return self.terms
        split, first = self.splits.make(number), self.terms
        background = item_background(first.metrics, split.train.items, first.catalog, near=first.source)
        options = replace(first.options, seed=self.splits.seed(number, first.options.seed))
        return replace(
            first, split=split, test=test_part(split), titles=[], background=background, options=options
        )  # fmt: skip

    def _attempt(self, number: int, name: str, terms: Terms) -> Record | None:
        try:
            return self._chosen(name) if number == 0 else self._again(number, name, terms)
        except Exception as error:  # noqa: BLE001 - whatever ails one model, the others go on
            reason, kept = reason_of(error), self.records.trials(name).all()
            trials = error.trials if isinstance(error, NothingFittedError) else kept
            failed = FailedModel(name, model_class(name).info.title, reason, beside_defaults(name, trials))
            if of_memory(error):  # it may go better at another time
                self.memory_failures += 1
            else:
                self.records.keep_failure(failed)
            self.failed[name] = failed
            shutil.rmtree(self.records.folder / "models" / name, ignore_errors=True)
            terms.options.progress.say(f"{name} failed, the others go on: {reason}")
            return None

    def _chosen(self, name: str) -> Record:
        """On the first split: settings chosen, the best one judged, and its model kept."""
        terms, log = self.terms, self.records.trials(name)
        metric = terms.metrics[0]
        settings = tried_settings(name, self.trials, self.fixed)
        selected = select(
            name, terms.split, metric, terms.options, settings=settings, choosing=self.choosing, log=log
        )  # fmt: skip
        run = _run(name, selected, _evaluation(selected.model, terms), terms)
        validation = {} if run.valid_value is None else {metric: run.valid_value}
        reached = {"test": run.evaluation.means(), "validation": validation}
        folder = self.records.folder / "models" / name
        selected.model.save(folder, configuration=self.config, fit_seconds=run.fit_seconds, **reached)
        record = Record(replace(run, disk_bytes=folder_bytes(folder)), example_lists(selected.model, terms))
        self.records.keep(0, record)
        return record

    def _again(self, number: int, name: str, terms: Terms) -> Record:
        """On a further split: the settings that were chosen on the first one."""
        first = self.records.read(0, name)
        options = replace(terms.options, checkpoints=self.records.checkpoints(number, name))
        started = time.perf_counter()
        model = model_class(name)(**first.run.config).fit(terms.split.train, terms.split.valid, options)
        seconds = time.perf_counter() - started
        evaluation = _evaluation(model, terms)
        record = Record(replace(first.run, evaluation=evaluation, fit_seconds=seconds), None)
        self.records.keep(number, record)
        return record

    def _nothing(self) -> DataError | CapacityError:
        shutil.rmtree(self.records.folder, ignore_errors=True)
        told = " ".join(f"{name}: {model.reason}" for name, model in self.failed.items())
        kind = CapacityError if self.memory_failures == len(self.failed) else DataError
        return kind(f"None of the models could be judged. {told}" if len(self.failed) > 1 else told)


def _evaluation(model: Recommender, terms: Terms) -> Evaluation:
    metrics = with_list_lengths(own_metrics(model.info, terms.metrics))
    return evaluate(model, terms.test, metrics, background=terms.background, progress=terms.options.progress)


def _run(name: str, selected: Selected, evaluation: Evaluation, terms: Terms) -> ModelRun:
    model = selected.model
    return ModelRun(
        name=name,
        title=model.info.title,
        config=model.config.model_dump(mode="json"),
        trials=beside_defaults(name, selected.trials),
        evaluation=evaluation,
        valid_value=selected.valid_value,
        fit_seconds=selected.fit_seconds,
        fit_peak_bytes=selected.fit_peak_bytes,
        users_per_second=len(evaluation.users) / max(evaluation.seconds, 1e-9),
        size_bytes=size_bytes(model),
        curve=model.curve,
        **of_model(model, evaluation, terms),
    )


def choosing_split(split: Split, trials: int | None, options: RunOptions) -> Split:
    """Where settings are chosen; `split` itself where nothing is to be chosen, or nothing can be cut off."""
    if split.valid is not None or trials in (0, 1):
        return split
    try:
        found = choosing_data(split, options.seed)
    except DataError:
        options.progress.say("There is no validation data, and too little to cut some off: default settings are taken.")
        return split
    cut = 0 if found.valid is None else found.valid.target.nnz
    options.progress.say(
        f"There is no validation data: settings are chosen on {counted(cut, 'interaction')} cut from the training "
        "data, and the chosen ones are fitted to all of it."
    )
    return found


def selected_on(terms: Terms, choosing: Split, trials: int | None, splits: int) -> str:
    """How settings were chosen, in words."""
    valid, metric = choosing.valid, terms.metrics[0]
    first = " of the first split, and kept for the others" if splits > 1 else ""
    if valid is None or trials in (0, 1):
        return "no data (the default settings were taken)"
    if terms.split.valid is None:
        return (
            f"{metric} on {counted(valid.target.nnz, 'interaction')} cut from the training data{first}, to all "
            "of which the chosen settings were then fitted"
        )
    return f"{metric} on {counted(valid.n_users, 'validation user')}{first}"
