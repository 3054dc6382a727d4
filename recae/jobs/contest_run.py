"""One model after the other: its settings chosen, fitted, judged on the test data and saved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from recae.counted import counted
from recae.data.split import Split
from recae.errors import DataError
from recae.evaluation.evaluate import evaluate
from recae.jobs.judging import own_metrics
from recae.jobs.peak import folder_bytes
from recae.jobs.sections import Terms, example_lists, of_model
from recae.jobs.selection import Selected, choosing_data, select, size_bytes
from recae.options import RunOptions
from recae.ranking.lists import TopN
from recae.reports.comparison import ModelRun
from recae.reports.plots import with_list_lengths


@dataclass(frozen=True, eq=False)
class Contest:
    """The terms, and where settings are chosen."""

    terms: Terms
    choosing: Split
    """Where settings are chosen; the split itself where it has validation data."""
    trials: int | None

    def run(
        self, names: Sequence[str], folder: Path, config: dict[str, Any]
    ) -> tuple[tuple[ModelRun, ...], dict[str, TopN]]:
        """Fit, judge and save one model after the other; only one is in memory at a time."""
        runs, lists, terms = [], {}, self.terms
        for name in names:
            selected = select(
                name, terms.split, terms.metrics[0], terms.options, trials=self.trials, choosing=self.choosing
            )  # fmt: skip
            run = self.judged(name, selected)
            lists[name] = example_lists(selected.model, terms)
            reached = {"test": run.evaluation.means(), "validation": _on_validation(terms.metrics[0], run)}
            selected.model.save(folder / name, configuration=config, fit_seconds=run.fit_seconds, **reached)
            runs.append(replace(run, disk_bytes=folder_bytes(folder / name)))
        return tuple(runs), lists

    def judged(self, name: str, selected: Selected) -> ModelRun:
        model, terms = selected.model, self.terms
        metrics = with_list_lengths(own_metrics(model.info, terms.metrics))
        evaluation = evaluate(
            model, terms.test, metrics, background=terms.background, progress=terms.options.progress
        )  # fmt: skip
        return ModelRun(
            name=name,
            title=model.info.title,
            config=model.config.model_dump(mode="json"),
            trials=selected.trials,
            evaluation=evaluation,
            valid_value=selected.valid_value,
            fit_seconds=selected.fit_seconds,
            fit_peak_bytes=selected.fit_peak_bytes,
            users_per_second=len(evaluation.users) / max(evaluation.seconds, 1e-9),
            size_bytes=size_bytes(model),
            curve=model.curve,
            **of_model(model, evaluation, terms),
        )

    def selected_on(self) -> str:
        """How settings were chosen, in words."""
        valid, metric = self.choosing.valid, self.terms.metrics[0]
        if valid is None or self.trials in (0, 1):
            return "no data (the default settings were taken)"
        if self.terms.split.valid is None:
            return (
                f"{metric} on {counted(valid.target.nnz, 'interaction')} cut from the training data, to all "
                "of which the chosen settings were then fitted"
            )
        return f"{metric} on {counted(valid.n_users, 'validation user')}"


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


def _on_validation(metric: str, run: ModelRun) -> dict[str, float]:
    return {} if run.valid_value is None else {metric: run.valid_value}
