"""Several models on one split: settings chosen on validation data, judged once on test data, told in a report."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from recae.counted import counted
from recae.data.split_folder import write_split
from recae.evaluation.metrics import parse_metrics
from recae.jobs.contest import checked_models, contest_metrics, contest_split, test_part
from recae.jobs.contest_files import FILES, MARKER, write_reports
from recae.jobs.contest_run import Contest, choosing_split
from recae.jobs.examples import item_titles
from recae.jobs.extras import need_report_extra
from recae.jobs.facts import configuration, machine_facts
from recae.jobs.foretell import foretell_fits
from recae.jobs.item_facts import item_background
from recae.jobs.outputs import refuse_inputs, refuse_strange
from recae.jobs.prepare import split_facts
from recae.jobs.reading import AS_FOUND, Reading, Source
from recae.jobs.sections import Terms, of_comparison
from recae.jobs.selection import tried_models
from recae.jobs.slices import taken_apart
from recae.models.cost import Shape
from recae.options import DEFAULTS, RunOptions
from recae.reports.comparison import Comparison
from recae.store.atomic import replacing_folder
from recae.store.lock import locked

DEFAULT_MODELS = ("popularity", "item-knn", "ials", "ease", "rdlae-low-pass", "mult-vae")


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
    slices: Sequence[str] | None = None,
    trials: int | None = None,
    reading: Reading = AS_FOUND,
    options: RunOptions = DEFAULTS,
    run_id: str = "",
    command: str = "",
) -> Compared:
    """Compare `models` on `source` and write its report in four forms, per-user.parquet, models/ and split/.

    `source` is a log, which is split by `split`; or data that is split already: a split folder, a folder with train.*
    and test.*, or a log of training data with `valid` and `test`. For each model the settings of its grid
    (the first `trials` of them, 0 takes the defaults) are tried on the validation data; the best is judged on the
    test data. Without validation data they are tried on a part cut from the training data, and the best is then fitted
    to all of it. The first of `metrics` chooses settings and sorts the table. `slices` name the groups of users and
    items by which the figures are taken apart, see `recae.jobs.slices`.

    Raises:
        ConfigError: an unknown model, metric, slice or split, or models that the split cannot judge.
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
        given |= {
            "metrics": judged,
            "catalog": catalog,
            "slices": slices,
            "trials": trials,
            "reading": reading,
            "options": options,
        }
        config = configuration("compare", **given)
        facts = {"seed": options.seed, "command": command, "run_id": run_id, **machine_facts(), "configuration": config}
        background = item_background(judged, parts.train.items, catalog, near=source)
        background = taken_apart(background, slices, test_part(parts), parts.train, judged, catalog, source)
        titles = item_titles(source, catalog, parts.train.items, options.progress)
        terms = Terms(parts, test_part(parts), judged, titles, background, source, catalog, options)
        contest = Contest(terms, choosing_split(parts, trials, options), trials)
        tried = tried_models(names, trials if contest.choosing.valid is not None else 0)
        foretell_fits(tried, Shape.of(parts.train), f"Fitting {counted(len(tried), 'setting')} in all", options)
        with replacing_folder(folder, marker=MARKER) as beside:
            runs, lists = contest.run(names, beside / "models", config)
            comparison = Comparison(
                data=summary | {"source": str(source)},
                split=split_facts(parts),
                metrics=judged,
                selected_on=contest.selected_on(),
                runs=runs,
                facts=facts,
                **of_comparison({run.name: run.evaluation for run in runs}, lists, terms),
            )
            write_split(parts, beside / "split", {"configuration": config})
            write_reports(comparison, beside, parts.train.columns.user)
    best = comparison.leaderboard()[0].name
    files = tuple(folder / name for name in FILES)
    return Compared(folder, comparison, best, files, time.perf_counter() - started)
