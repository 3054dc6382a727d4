"""Judge a model, or anybody's lists, on users whose targets are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from recae.data.fingerprint import targets_fingerprint
from recae.data.histories import read_held_out, read_whole_held_out
from recae.data.split import HeldOut
from recae.errors import ConfigError
from recae.evaluation.evaluate import evaluate as judge
from recae.evaluation.evaluate import evaluate_lists as judge_lists
from recae.evaluation.gates import GateResult
from recae.evaluation.metrics import DEFAULT_METRICS
from recae.evaluation.result import Evaluation
from recae.jobs.error_examples import examples_of_one
from recae.jobs.examples import lists_for
from recae.jobs.facts import configuration, machine_facts, now
from recae.jobs.foretell import block_for_lists, refuse_large_folder
from recae.jobs.gates import NO_GATES, Gates
from recae.jobs.item_facts import item_background
from recae.jobs.judged_files import JudgedFiles
from recae.jobs.judged_notes import tell_lists, tell_notes, tell_without_history
from recae.jobs.judging import check_metrics
from recae.jobs.lists_file import read_lists
from recae.jobs.model_histories import as_trained, histories_for
from recae.jobs.reading import AS_FOUND, Reading, Source, log_file
from recae.jobs.rivals import Rivals
from recae.jobs.slices import Known, slicing_for, usual_catalog
from recae.models.folder import read_manifest
from recae.models.registry import load
from recae.progress import SILENT, Progress
from recae.ranking.lists import TopN
from recae.reports.comparison import ErrorExample

LIST_METRICS = tuple(name for name in DEFAULT_METRICS if not name.startswith(("coverage", "novelty")))
"""Without histories nobody knows the catalogue, so how much of it is listed cannot be told."""


@dataclass(frozen=True, eq=False)
class Judged:
    """What was measured, and the files it was written to."""

    evaluation: Evaluation
    means: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    """95 % bootstrap intervals over users, where a metric has one."""
    facts: dict[str, Any]
    files: tuple[Path, ...]
    gates: tuple[GateResult, ...] = ()
    """What became of each condition; `recae.jobs.gates.hold` raises where one was not met."""
    up_to_date: bool = False
    """The files that were asked for had been made from the same already, and were left as they are."""


def evaluate(
    model: str | Path,
    histories: Sequence[Source],
    target: Source,
    *,
    metrics: Sequence[str] = DEFAULT_METRICS,
    catalog: Source | None = None,
    slices: Sequence[str] | None = None,
    report: str | Path | None = None,
    per_user: str | Path | None = None,
    force: bool = False,
    include_seen: bool = False,
    gates: Gates = NO_GATES,
    max_memory: int | None = None,
    reading: Reading = AS_FOUND,
    progress: Progress = SILENT,
    run_id: str = "",
    command: str = "",
) -> Judged:
    """Judge the model in the folder `model` on the users of `target`, whose histories are in `histories`.

    Targets that are in the user's history cannot be listed and are left out; targets that the model does not know
    count as missed. `report` is a page (.html) or Markdown (.md), `per_user` a table of every user's values. Blocks of
    scores are as large as `max_memory` bytes (None: what the machine has free) allow; the figures do not depend on it.
    `catalog` has the genres of the items, for the metrics that need them, titles, and the columns that `slices` name
    beside "history", "popularity" and "time": groups by which the figures are taken apart (None: what is known).
    `gates` are conditions on the result, checked at the end; what is written says what became of them. `command` is
    what was typed, for the report.

    Raises:
        ConfigError: an unknown metric, slice or suffix, or a condition that cannot be checked.
        DataError: the data is malformed, nobody has a target, or a condition is about other users or targets.
        CapacityError: the model would not fit in memory.
        ModelFormatError: the model folder is damaged.
        StorageError: something cannot be read or written, or what is in its place recae did not write, or made from
            something else and there is no `force`.
    """
    settled = gates.settle(metrics)
    read_manifest(Path(model))
    metrics = settled.measured
    inputs = {"model": model, "histories": list(histories), "targets": target, "catalogue": catalog}
    decides = {"metrics": metrics, "slices": slices, "include_seen": include_seen, "gates": gates, "reading": reading}
    files = JudgedFiles.checked(
        report,
        per_user,
        inputs | {"gates": [one for one in gates.inputs() if one is not None]},
        decides,
        force=force,
        progress=progress,
    )
    refuse_large_folder(Path(model), max_memory)
    recommender = load(model)
    check_metrics(recommender.info, metrics)
    rivals = Rivals.of(gates, like=recommender.info.name)
    background = item_background(metrics, recommender.items, catalog)
    given, reading = reading, as_trained(reading, recommender, [*histories, target])
    held_out = read_held_out(
        [log_file(source) for source in histories],
        [log_file(target)],
        recommender.items,
        value_kind=recommender.columns.value_kind,
        needs_ratings=recommender.info.needs == "ratings",
        progress=progress,
        **reading.for_histories(),
    )
    if histories and not held_out.history.nnz:
        histories_for(recommender, histories, reading)  # where it knows none of the items, this says so
    tell_notes(held_out, target, progress)
    tell_without_history(held_out, histories, target, progress)
    fingerprint = targets_fingerprint(held_out, recommender.items)
    rivals.check(held_out.users, fingerprint, settled)
    known = Known(held_out, recommender.items, recommender.item_counts, *usual_catalog(catalog, None))
    background = replace(background, slicing=slicing_for(slices, known))
    block = block_for_lists(recommender, held_out.history, max_memory, progress, f"Judging {model}")
    exclude_seen = not include_seen
    found = judge(
        recommender,
        held_out,
        metrics,
        background=background,
        exclude_seen=exclude_seen,
        memory_bytes=block,
        progress=progress,
    )
    config = configuration(
        "evaluate",
        model=model,
        histories=list(histories),
        target=target,
        metrics=metrics,
        catalog=catalog,
        slices=slices,
        include_seen=include_seen,
        gates=gates if gates.asked else None,
        reading=reading,
    )
    name = f"{recommender.info.name} ({model})"

    def beside_it(folder: Path) -> Evaluation:
        options: dict[str, Any] = {"metrics": settled.metrics, "catalog": catalog, "include_seen": include_seen}
        options |= {"max_memory": max_memory, "reading": given, "progress": progress}
        return evaluate(folder, histories, target, **options).evaluation

    results = rivals.results(settled, name, found, fingerprint, beside_it)
    facts = {
        "what": name,
        "command": command,
        "run_id": run_id,
        "targets_fingerprint": fingerprint,
    }
    errors = () if report is None else examples_of_one(
        recommender.info.name, found, held_out, _titles(known), known.item_counts,
        lambda picked: lists_for(recommender, picked.users, exclude_seen),
    )  # fmt: skip
    return _finish(found, held_out, facts | {"configuration": config}, files, results, errors)


def evaluate_lists(
    lists: Source,
    target: Source,
    histories: Sequence[Source] = (),
    *,
    metrics: Sequence[str] | None = None,
    catalog: Source | None = None,
    slices: Sequence[str] | None = None,
    report: str | Path | None = None,
    per_user: str | Path | None = None,
    force: bool = False,
    gates: Gates = NO_GATES,
    max_memory: int | None = None,
    reading: Reading = AS_FOUND,
    progress: Progress = SILENT,
    run_id: str = "",
    command: str = "",
) -> Judged:
    """Judge the lists in a file (user, item[, rank | score]), whoever made them.

    Users with a target and no list count 0. The catalogue, for coverage and novelty, is that of the histories. `gates`
    are conditions on the result, checked at the end; what is written says what became of them.

    Raises:
        ConfigError: an unknown metric, one that lists alone do not allow, or a condition that cannot be checked.
        DataError: the data is malformed, nobody has a target, or a condition is about other users or targets.
        StorageError: something cannot be read or written, or what is in its place recae did not write, or made from
            something else and there is no `force`.
    """
    settled = gates.settle(metrics if metrics is not None else (DEFAULT_METRICS if histories else LIST_METRICS))
    chosen = settled.measured
    inputs = {"lists": lists, "histories": list(histories), "targets": target, "catalogue": catalog}
    decides = {"metrics": chosen, "slices": slices, "gates": gates, "reading": reading}
    files = JudgedFiles.checked(
        report,
        per_user,
        inputs | {"gates": [one for one in gates.inputs() if one is not None]},
        decides,
        force=force,
        progress=progress,
    )
    rivals = Rivals.of(gates)
    if rivals.folders and not histories:
        raise ConfigError(f"The model in {rivals.folders[0]} needs --history FILE: what the users have already.")
    known = read_whole_held_out(
        [log_file(source) for source in histories],
        [log_file(target)],
        progress=progress,
        **reading.for_histories(),
    )
    held_out = known.held_out
    background = item_background(chosen, known.items, catalog)
    tell_notes(held_out, target, progress)
    fingerprint = targets_fingerprint(held_out, known.items)
    rivals.check(held_out.users, fingerprint, settled)
    parts = Known(held_out, known.items, known.item_counts, *usual_catalog(catalog, None))
    slicing = slicing_for(slices, parts)
    found = read_lists(lists, held_out, known.items, reading=reading)
    tell_lists(found, lists, progress)
    evaluation = judge_lists(
        found.lists,
        held_out,
        chosen,
        item_counts=known.item_counts,
        n_train_users=known.n_users,
        background=replace(background, slicing=slicing, catalogue=known.catalogue),
    )
    config = configuration(
        "evaluate",
        lists=lists,
        histories=list(histories),
        target=target,
        metrics=chosen,
        catalog=catalog,
        slices=slices,
        gates=gates if gates.asked else None,
        reading=reading,
    )

    def beside_them(folder: Path) -> Evaluation:
        options: dict[str, Any] = {"metrics": settled.metrics, "catalog": catalog, "max_memory": max_memory}
        return evaluate(folder, histories, target, **options, reading=reading, progress=progress).evaluation

    results = rivals.results(settled, str(lists), evaluation, fingerprint, beside_them)
    facts = {"what": str(lists), "command": command, "run_id": run_id, "ordered_by": found.order}
    facts |= {"targets_fingerprint": fingerprint}
    errors = () if report is None else examples_of_one(
        "the lists", evaluation, held_out, _titles(parts), parts.item_counts,
        lambda picked: TopN(found.lists.items[picked.rows], found.lists.scores[picked.rows]),
    )  # fmt: skip
    return _finish(evaluation, held_out, facts | {"configuration": config}, files, results, errors)


def _titles(known: Known) -> list[str]:
    return known.items.texts().to_pylist() if known.catalog is None else known.catalog.titles_for(known.items)


def _finish(
    evaluation: Evaluation,
    held_out: HeldOut,
    facts: dict[str, Any],
    files: JudgedFiles,
    gates: tuple[GateResult, ...],
    errors: tuple[ErrorExample, ...],
) -> Judged:
    facts = facts | {
        "users": len(evaluation.users),
        "targets": int(held_out.relevant_counts().sum()),
        "unknown_targets": int(held_out.unknown_targets.sum()),
        "date": now(),
        **machine_facts(),
    }

    def write_report(path: Path, form: str) -> None:
        from recae.reports.evaluation import evaluation_markdown, write_evaluation_html

        if form == ".html":
            write_evaluation_html(evaluation, facts, path, gates=gates, errors=errors)
        else:
            path.write_text(evaluation_markdown(evaluation, facts, gates=gates, errors=errors), encoding="utf-8")

    files.write(
        write_report,
        lambda: evaluation.to_arrow(held_out.columns.user),
        facts["configuration"],
        targets_fingerprint=facts["targets_fingerprint"],
    )
    means, intervals = evaluation.means(), evaluation.intervals()
    return Judged(evaluation, means, intervals, facts, files.written, gates, files.up_to_date)
