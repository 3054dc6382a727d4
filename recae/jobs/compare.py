"""Several models on one split: settings chosen on validation data, judged once on test data, told in a report."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from recae.counted import counted
from recae.data.interactions import Interactions
from recae.data.split import HeldOut, Split
from recae.data.split_folder import write_split
from recae.errors import DataError
from recae.evaluation.background import Background
from recae.evaluation.evaluate import evaluate
from recae.evaluation.metrics import parse_metrics
from recae.jobs.contest import checked_models, contest_metrics, contest_split, test_part
from recae.jobs.examples import draw_users, example_users, item_titles, lists_for
from recae.jobs.extras import need_report_extra
from recae.jobs.facts import configuration, machine_facts
from recae.jobs.foretell import foretell_fits
from recae.jobs.item_facts import item_background
from recae.jobs.judging import own_metrics
from recae.jobs.outputs import refuse_inputs, refuse_strange
from recae.jobs.prepare import split_facts
from recae.jobs.reading import AS_FOUND, Reading, Source
from recae.jobs.selection import Selected, choosing_data, select, size_bytes, tried_models
from recae.models.cost import Shape
from recae.options import DEFAULTS, RunOptions
from recae.ranking.lists import TopN
from recae.reports.comparison import Comparison, ModelRun
from recae.reports.plots import with_list_lengths
from recae.store.atomic import replacing_folder
from recae.store.lock import locked
from recae.store.manifest import write_json
from recae.store.tables import write_table

DEFAULT_MODELS = ("popularity", "item-knn", "ials", "ease", "rdlae-low-pass", "mult-vae")
MARKER = "report.json"
FILES = ("report.html", "report.md", MARKER, "per-user.parquet", "split", "models")


@dataclass(frozen=True, eq=False)
class Compared:
    """A comparison and where its report lies."""

    folder: Path
    comparison: Comparison
    best: str
    """The model that leads by the first metric."""
    files: tuple[Path, ...]
    seconds: float


def compare(
    source: Source,
    *,
    out: str | Path,
    models: Sequence[str] = DEFAULT_MODELS,
    split: str | None = None,
    valid: Source | None = None,
    test: Source | None = None,
    metrics: Sequence[str] | None = None,
    catalog: Source | None = None,
    trials: int | None = None,
    reading: Reading = AS_FOUND,
    options: RunOptions = DEFAULTS,
    run_id: str = "",
    command: str = "",
) -> Compared:
    """Compare `models` on `source` and write report.html, report.md, report.json, per-user.parquet, models/, split/.

    `source` is a log, which is split by `split`; or data that is split already: a split folder, a folder with train.*
    and test.*, or a log of training data with `valid` and `test`. For each model the settings of its grid
    (the first `trials` of them, 0 takes the defaults) are tried on the validation data; the best is judged on the
    test data. Without validation data they are tried on a part cut from the training data, and the best is then fitted
    to all of it. The first of `metrics` chooses settings and sorts the table.

    Raises:
        ConfigError: an unknown model, metric or split, or models that the split cannot judge.
        DataError: the data is malformed, or not what a model needs.
        CapacityError: a model would not fit in memory; said before any is fitted.
        StorageError: something cannot be read or written.
        OutputLockedError: another run is writing `out`.
    """
    started, folder = time.perf_counter(), Path(out)
    need_report_extra()
    names = checked_models(models)
    if metrics is not None:
        parse_metrics(metrics)
    refuse_inputs(folder, source, valid, test, catalog)
    refuse_strange(folder, MARKER)
    with locked(folder):
        parts, summary = contest_split(
            source, split, valid=valid, test=test, models=names, reading=reading, options=options
        )  # fmt: skip
        judged = contest_metrics(metrics, names, parts.train)
        given: dict[str, Any] = {"source": source, "models": names, "split": parts.spec, "valid": valid, "test": test}
        given |= {"metrics": judged, "catalog": catalog, "trials": trials, "reading": reading, "options": options}
        config = configuration("compare", **given)
        facts = {"seed": options.seed, "command": command, "run_id": run_id, **machine_facts(), "configuration": config}
        background = item_background(judged, parts.train.items, catalog, near=source)
        titles = item_titles(source, catalog, parts.train.items, options.progress)
        test_data = test_part(parts)
        contest = _Contest(parts, _choosing(parts, trials, options), test_data, judged, titles, background, options)
        tried = tried_models(names, trials if contest.choosing.valid is not None else 0)
        foretell_fits(tried, Shape.of(parts.train), f"Fitting {counted(len(tried), 'setting')} in all", options)
        with replacing_folder(folder, marker=MARKER) as beside:
            runs, lists = contest.run(names, trials, beside / "models", config)
            comparison = contest.comparison(runs, lists, summary | {"source": str(source)}, facts, trials)
            write_split(parts, beside / "split", {"configuration": config})
            _write_reports(comparison, beside, parts.train.columns.user)
    best = comparison.leaderboard()[0].name
    files = tuple(folder / name for name in FILES)
    return Compared(folder, comparison, best, files, time.perf_counter() - started)


@dataclass(frozen=True, eq=False)
class _Contest:
    """What all models have in common."""

    split: Split
    choosing: Split
    """Where settings are chosen; `split` itself where it has validation data."""
    test: HeldOut
    metrics: tuple[str, ...]
    titles: list[str]
    background: Background
    options: RunOptions

    def run(
        self, names: Sequence[str], trials: int | None, folder: Path, config: dict[str, Any]
    ) -> tuple[tuple[ModelRun, ...], dict[str, TopN]]:
        """Fit, judge and save one model after the other; only one is in memory at a time."""
        runs, lists, examples = [], {}, self.examples()
        for name in names:
            selected = select(
                name, self.split, self.metrics[0], self.options, trials=trials, choosing=self.choosing
            )  # fmt: skip
            run = self.judged(name, selected)
            lists[name] = lists_for(selected.model, examples)
            reached = {"test": run.evaluation.means(), "validation": _on_validation(self.metrics[0], run)}
            selected.model.save(folder / name, configuration=config, fit_seconds=run.fit_seconds, **reached)
            runs.append(run)
        return tuple(runs), lists

    def judged(self, name: str, selected: Selected) -> ModelRun:
        model = selected.model
        metrics = with_list_lengths(own_metrics(model.info, self.metrics))
        evaluation = evaluate(
            model, self.test, metrics, background=self.background, progress=self.options.progress
        )  # fmt: skip
        return ModelRun(
            name=name,
            title=model.info.title,
            config=model.config.model_dump(mode="json"),
            trials=selected.trials,
            evaluation=evaluation,
            valid_value=selected.valid_value,
            fit_seconds=selected.fit_seconds,
            users_per_second=len(evaluation.users) / max(evaluation.seconds, 1e-9),
            size_bytes=size_bytes(model),
            curve=model.curve,
        )

    def examples(self) -> HeldOut:
        return draw_users(self.test, self.options.seed)

    def comparison(
        self,
        runs: tuple[ModelRun, ...],
        lists: dict[str, TopN],
        summary: dict[str, Any],
        facts: dict[str, Any],
        trials: int | None,
    ) -> Comparison:
        return Comparison(
            data=summary,
            split=split_facts(self.split),
            metrics=self.metrics,
            selected_on=self.selected_on(trials),
            runs=runs,
            facts=facts,
            popularity_curve=_popularity_curve(self.split.train),
            examples=example_users(self.examples(), lists, self.titles),
        )

    def selected_on(self, trials: int | None) -> str:
        valid = self.choosing.valid
        if valid is None or trials in (0, 1):
            return "no data (the default settings were taken)"
        if self.split.valid is None:
            return (
                f"{self.metrics[0]} on {counted(valid.target.nnz, 'interaction')} cut from the training data, to all "
                "of which the chosen settings were then fitted"
            )
        return f"{self.metrics[0]} on {counted(valid.n_users, 'validation user')}"


def _choosing(split: Split, trials: int | None, options: RunOptions) -> Split:
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


def _popularity_curve(train: Interactions, points: int = 500) -> tuple[int, ...]:
    counts = np.sort(train.item_counts())[::-1]
    places = np.unique(np.linspace(0, len(counts) - 1, min(points, len(counts))).astype(np.int64))
    return tuple(counts[places].tolist())


def _per_user(comparison: Comparison, column: str) -> pa.Table:
    tables = []
    for run in comparison.runs:
        table = run.evaluation.to_arrow(column)
        tables.append(table.add_column(0, "model", pa.array([run.name] * len(table), pa.string())))
    return pa.concat_tables(tables, promote_options="default")


def _write_reports(comparison: Comparison, folder: Path, user_column: str) -> None:
    from recae.reports.html import write_html
    from recae.reports.markdown import to_markdown
    from recae.reports.structured import to_json

    write_html(comparison, folder / "report.html")
    (folder / "report.md").write_text(to_markdown(comparison), encoding="utf-8")
    write_table(_per_user(comparison, user_column), folder / "per-user.parquet")
    write_json(folder, MARKER, to_json(comparison))
