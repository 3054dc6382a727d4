"""Several models on one split or several: settings chosen on validation data, judged on test data, told in a report."""

from __future__ import annotations

import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from recae.counted import counted
from recae.data.split_folder import write_split
from recae.errors import ConfigError
from recae.evaluation.metrics import DEFAULT_METRICS, parse_metrics
from recae.jobs.contest import checked_models, contest_metrics, test_part
from recae.jobs.contest_files import FILES, MARKER, close, write_reports
from recae.jobs.contest_gates import ContestGates, check_former, with_gates
from recae.jobs.contest_plan import as_it_lies, contest_plan, data_fingerprint, made_from_plan, plan_digest
from recae.jobs.contest_records import RECORDS, open_records
from recae.jobs.contest_result import pairs_of, runs_of
from recae.jobs.contest_run import Contest, choosing_split, selected_on
from recae.jobs.contest_splits import Splits, contest_splits, joint_fingerprint, split_plan
from recae.jobs.examples import item_titles
from recae.jobs.extras import need_report_extra
from recae.jobs.facts import configuration, machine_facts, now
from recae.jobs.foretell import foretell_fits
from recae.jobs.gates import NO_GATES, Gates
from recae.jobs.item_facts import item_background
from recae.jobs.leaderboard import check_leaderboard, enter
from recae.jobs.outputs import refuse_inputs, refuse_strange
from recae.jobs.prepare import split_facts
from recae.jobs.reading import AS_FOUND, Reading, Source
from recae.jobs.sections import Terms
from recae.jobs.selection import Fixed, tried_models
from recae.jobs.slices import taken_apart
from recae.models.cost import Shape
from recae.options import DEFAULTS, RunOptions
from recae.reports.comparison import Comparison
from recae.store.atomic import put_in_place
from recae.store.lock import locked
from recae.store.manifest import plain_json
from recae.store.regular import real_path

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
    up_to_date: bool = False
    """There was nothing left to do."""
    entered: int | None = None
    """Rows that were new to the leaderboard; None where none was asked for."""


def compare(
    source: Source,
    *,
    out: str | Path,
    models: Sequence[str] = DEFAULT_MODELS,
    baselines: bool = False,
    split: str | None = None,
    repeats: int = 1,
    valid: Source | None = None,
    test: Source | None = None,
    metrics: Sequence[str] | None = None,
    catalog: Source | None = None,
    slices: Sequence[str] | None = None,
    trials: int | None = None,
    settings: Fixed | None = None,
    resume: bool = False,
    force: bool = False,
    leaderboard: Source | None = None,
    gates: Gates = NO_GATES,
    reading: Reading = AS_FOUND,
    options: RunOptions = DEFAULTS,
    run_id: str = "",
    command: str = "",
) -> Compared:
    """Compare `models` on `source`, write the report in every form, per-user.parquet, models/ and split/.

    `source` is a log, which is split by `split`; or data that is split already: a split folder, a folder with train.*
    and test.*, or a log of training data with `valid` and `test`. For each model the settings of its grid
    (the first `trials` of them, 0 takes the defaults) are tried on the validation data; the best is judged on the
    test data. Without validation data they are tried on a part cut from the training data, and the best is then fitted
    to all of it. The first of `metrics` chooses settings and sorts the table. `slices` name the groups of users and
    items by which the figures are taken apart, see `recae.jobs.slices`.

    With `repeats` the log is split so many times, by seeds derived from that of `options`; a k-fold that names no fold
    runs all of them. Settings are chosen on the first split and kept for the others.

    `settings` names models that are taken with these hyper-parameters instead of their grid.

    A setting or model that fails is told with its reason, and the others go on. What is finished when the job is
    interrupted is kept beside `out`, and with `resume` the job goes on from there. A comparison at `out` is left
    as it is if it is of the same models, made from the same data by the same settings. Another one is replaced with
    `force` only; `force` without `resume` makes the same one anew too. `leaderboard` is a table to which
    every model's figures are added. `gates` are conditions on the result, checked at the end; the report says what
    became of them, and `recae.jobs.gates.hold` raises where one was not met.

    Raises:
        ConfigError: an unknown model, metric, slice or split, models that the split cannot judge, a split that cannot
            be repeated, a condition that cannot be checked, or `resume` of a run by other terms.
        DataError: the data is malformed, or not what a model needs; or no model at all could be judged.
        CapacityError: a model would not fit in memory; said before any is fitted.
        StorageError: something cannot be read or written, or another comparison is at `out` and there is no `force`.
        OutputLockedError: another run is writing `out`.
    """
    started, folder = time.perf_counter(), Path(out)
    need_report_extra()
    names = checked_models(models, baselines)
    if metrics is not None:
        parse_metrics(metrics)
    _check_repeats(split, repeats, options.seed)
    refuse_inputs(folder, source, valid, test, catalog, leaderboard, gates.former)
    conditions = ContestGates.of(gates, metrics or DEFAULT_METRICS, names)
    if leaderboard is not None:
        check_leaderboard(leaderboard)
    place = real_path(folder) if folder.is_symlink() else folder
    with locked(folder):
        _remove_records(place)
        refuse_strange(folder, MARKER)
        splits, summary = contest_splits(
            source, split, valid=valid, test=test, models=names, reading=reading, options=options, repeats=repeats
        )  # fmt: skip
        first = splits.first
        judged = conditions.measured(contest_metrics(metrics, names, first.train))
        check_former(conditions, splits)
        given: dict[str, Any] = {"source": source, "models": names, "split": split or first.spec, "repeats": repeats}
        given |= {
            "valid": valid,
            "test": test,
            "metrics": judged,
            "catalog": catalog,
            "slices": slices,
            "trials": trials,
            "settings": settings,
            "gates": gates if gates.asked else None,
        }
        config = configuration("compare", **given, reading=reading, options=options)
        terms = _terms(splits, judged, source, catalog, slices, options)
        plan = contest_plan(terms, splits, trials) | {"slices": slices, "settings": settings or {}}
        origin = made_from_plan(plan, terms, splits, names)
        known = as_it_lies(place, origin, resume=resume, force=force, progress=options.progress)
        if known is not None:
            known = with_gates(known, conditions, place)
            return _told(known, folder, started, leaderboard, up_to_date=True)
        choosing = choosing_split(first, trials, options)
        tried = tried_models(names, trials if choosing.valid is not None else 0, settings)
        tried += tried_models(names, 0, settings) * (len(splits) - 1)
        foretell_fits(tried, Shape.of(first.train), f"Fitting {counted(len(tried), 'setting')} in all", options)
        records = open_records(
            place, plan, first.train.columns.user, names, len(splits), resume=resume, progress=options.progress
        )  # fmt: skip
        contest = Contest(names, splits, terms, choosing, trials, records, config, settings or {})
        _run(contest)
        facts = {"seed": options.seed, "date": now(), "command": command, "run_id": run_id, **machine_facts()}
        comparison = _comparison(contest, summary, split, facts, plan_digest(plan))
        comparison = replace(comparison, gates=conditions.results(comparison))
        write_split(first, records.folder / "split", {"configuration": config})
        values = [records.values_file(at, name) for name in contest.judged for at in range(len(splits))]
        write_reports(comparison, records.folder, values)
        close(records.folder, origin, RECORDS)
        put_in_place(records.folder, place, marker=MARKER)
        _remove_records(place)
    return _told(comparison, folder, started, leaderboard)


def _remove_records(place: Path) -> None:
    """Remove the records of a finished comparison; also those that a run left that was killed right before it did."""
    if (place / MARKER).is_file():
        shutil.rmtree(place / RECORDS, ignore_errors=True)


def _check_repeats(split: str | None, repeats: int, seed: int) -> None:
    if repeats < 1:
        raise ConfigError(f"--repeats {repeats} must be at least 1.")
    if split is not None:
        split_plan(split, repeats, seed)


def _terms(
    splits: Splits,
    metrics: tuple[str, ...],
    source: Source,
    catalog: Source | None,
    slices: Sequence[str] | None,
    options: RunOptions,
) -> Terms:
    split = splits.first
    test, items = test_part(split), split.train.items
    background = item_background(metrics, items, catalog, near=source)
    background = taken_apart(background, slices, test, split.train, metrics, catalog, source)
    titles = item_titles(source, catalog, items, options.progress)
    return Terms(split, test, metrics, titles, background, source, catalog, options)


def _comparison(
    contest: Contest, summary: dict[str, Any], spec: str | None, facts: dict[str, Any], plan: str
) -> Comparison:
    """Everything that the contest found, in plain values, so that what is read again is the same."""
    splits, terms, records = contest.splits, contest.terms, contest.records
    kept = [records.split_facts(number) or {} for number in range(len(splits))]
    prints = {"data_fingerprint": data_fingerprint(splits), "targets_fingerprint": joint_fingerprint(kept)}
    return Comparison(
        data=plain_json(summary | {"source": str(terms.source)}),
        split=plain_json(_split_facts(splits, spec, kept)),
        metrics=terms.metrics,
        selected_on=selected_on(terms, contest.choosing, contest.trials, len(splits)),
        runs=runs_of(records, contest.judged, kept),
        facts=plain_json(facts | prints | {"configuration": contest.config}),
        failed=tuple(contest.failed.values()),
        split_pairs=pairs_of(records, contest.judged, terms.metrics[0], kept),
        plan=plan,
        user_column=terms.split.train.columns.user,
        **contest.sections,
    )


def _run(contest: Contest) -> None:
    try:
        contest.run()
    except KeyboardInterrupt as interrupt:
        interrupt.args = ("What is finished is kept: the same command with --resume goes on from there.",)
        raise


def _split_facts(splits: Splits, spec: str | None, kept: list[dict[str, Any]]) -> dict[str, Any]:
    """How the first split was made; of several also the seeds, and which test users were judged."""
    facts = split_facts(splits.first)
    if len(splits) == 1:
        return facts
    seeds = list(dict.fromkeys(seed for _, seed in splits.made))
    several = {"spec": spec or facts["spec"], "splits": len(splits), "seeds": seeds}
    return facts | several | {"test_users_of_each_split": [one["test_users"] for one in kept]}


def _told(
    comparison: Comparison, folder: Path, started: float, leaderboard: Source | None, *, up_to_date: bool = False
) -> Compared:
    entered = None if leaderboard is None else enter(comparison, leaderboard)
    files = tuple(folder / name for name in FILES)
    best = comparison.leaderboard()[0].name
    return Compared(folder, comparison, best, files, time.perf_counter() - started, up_to_date, entered)
