"""Judge a model, or anybody's lists, on users whose targets are known."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from recae.counted import counted
from recae.data.histories import read_held_out
from recae.data.split import HeldOut
from recae.evaluation.evaluate import evaluate as judge
from recae.evaluation.evaluate import evaluate_lists as judge_lists
from recae.evaluation.lists_table import JudgeableLists
from recae.evaluation.metrics import DEFAULT_METRICS, parse_metrics
from recae.evaluation.result import Evaluation
from recae.jobs.extras import need_report_extra
from recae.jobs.facts import configuration, machine_facts
from recae.jobs.foretell import block_for_lists, refuse_large_folder
from recae.jobs.inputs import beside
from recae.jobs.item_facts import item_background
from recae.jobs.judging import check_metrics
from recae.jobs.lists_file import joined_ids, read_lists
from recae.jobs.model_histories import as_trained, histories_for
from recae.jobs.outputs import refuse_inputs, refuse_strange_file, write_result
from recae.jobs.reading import AS_FOUND, Reading, Source, log_file
from recae.models.registry import load
from recae.progress import SILENT, Progress
from recae.store.lock import locked

LIST_METRICS = tuple(name for name in DEFAULT_METRICS if not name.startswith(("coverage", "novelty")))
"""Without histories nobody knows the catalogue, so how much of it is listed cannot be told."""

NOTES = {
    "targets already in the history": ": left out, they cannot be recommended",
    "users without other targets": ": left out",
    "targets among unknown items": ": counted as missed",
}
"""What becomes of that which `read_held_out` counts."""


@dataclass(frozen=True, eq=False)
class Judged:
    """What was measured, and the files it was written to."""

    evaluation: Evaluation
    means: dict[str, float]
    intervals: dict[str, tuple[float, float]]
    """95 % bootstrap intervals over users, where a metric has one."""
    facts: dict[str, Any]
    files: tuple[Path, ...]


def evaluate(
    model: str | Path,
    histories: Sequence[Source],
    target: Source,
    *,
    metrics: Sequence[str] = DEFAULT_METRICS,
    catalog: Source | None = None,
    report: str | Path | None = None,
    per_user: str | Path | None = None,
    include_seen: bool = False,
    max_memory: int | None = None,
    reading: Reading = AS_FOUND,
    progress: Progress = SILENT,
    run_id: str = "",
) -> Judged:
    """Judge the model in the folder `model` on the users of `target`, whose histories are in `histories`.

    Targets that are in the user's history cannot be listed and are left out; targets that the model does not know
    count as missed. `report` is an HTML file, `per_user` a table of every user's values. Blocks of scores are as large
    as `max_memory` bytes (None: what the machine has free) allow; the figures do not depend on it. `catalog` has the
    genres of the items, for the metrics that need them.

    Raises:
        ConfigError: an unknown metric or suffix.
        DataError: the data is malformed, or nobody has a target.
        CapacityError: the model would not fit in memory.
        ModelFormatError: the model folder is damaged.
        StorageError: something cannot be read or written, or recae did not write what is in its place.
    """
    parse_metrics(metrics)
    _check_outputs(report, per_user, model, target, *histories)
    refuse_large_folder(Path(model), max_memory)
    recommender = load(model)
    check_metrics(recommender.info, metrics)
    background = item_background(metrics, recommender.items, catalog)
    reading = as_trained(reading, recommender, [*histories, target])
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
    _tell_notes(held_out, target, progress)
    _tell_without_history(held_out, histories, target, progress)
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
        include_seen=include_seen,
        reading=reading,
    )
    name = f"{recommender.info.name} ({model})"
    return _finish(found, held_out, {"what": name, "run_id": run_id, "configuration": config}, report, per_user)


def evaluate_lists(
    lists: Source,
    target: Source,
    histories: Sequence[Source] = (),
    *,
    metrics: Sequence[str] | None = None,
    catalog: Source | None = None,
    report: str | Path | None = None,
    per_user: str | Path | None = None,
    reading: Reading = AS_FOUND,
    progress: Progress = SILENT,
    run_id: str = "",
) -> Judged:
    """Judge the lists in a file (user, item[, rank | score]), whoever made them.

    Users with a target and no list count 0. The catalogue, for coverage and novelty, is that of the histories.

    Raises:
        ConfigError: an unknown metric, or one that lists alone do not allow.
        DataError: the data is malformed, or nobody has a target.
        StorageError: something cannot be read or written, or recae did not write what is in its place.
    """
    chosen = tuple(metrics) if metrics is not None else (DEFAULT_METRICS if histories else LIST_METRICS)
    parse_metrics(chosen)
    _check_outputs(report, per_user, lists, target, *histories)
    log = reading.part(list(histories), progress) if histories else None
    targets = reading.part(target, progress).items
    items = targets if log is None else joined_ids([log.items, targets])
    background = item_background(chosen, items, catalog)
    held_out = read_held_out(
        [log_file(source) for source in histories], [log_file(target)], items, **reading.for_histories()
    )
    _tell_notes(held_out, target, progress)
    found = read_lists(lists, held_out, items, reading=reading)
    _tell(found, lists, progress)
    evaluation = judge_lists(
        found.lists,
        held_out,
        chosen,
        item_counts=None if log is None else np.pad(log.item_counts(), (0, len(items) - log.n_items)),
        n_train_users=None if log is None else log.n_users,
        background=background,
    )
    config = configuration(
        "evaluate",
        lists=lists,
        histories=list(histories),
        target=target,
        metrics=chosen,
        catalog=catalog,
        reading=reading,
    )
    facts = {"what": str(lists), "run_id": run_id, "ordered_by": found.order, "configuration": config}
    return _finish(evaluation, held_out, facts, report, per_user)


def _check_outputs(report: str | Path | None, per_user: str | Path | None, *inputs: Source) -> None:
    if report is not None:
        need_report_extra()
    for out in (report, per_user):
        if out is not None:
            refuse_inputs(out, *inputs)
            refuse_strange_file(out)


def _tell(found: JudgeableLists, source: Source, progress: Progress) -> None:
    for count, what in (
        (found.unknown_users, "with a list and no target: left out"),
        (found.without_list, "with a target and no list: counted as 0"),
    ):
        if count:
            progress.say(f"{source}: {counted(count, 'user')} {what}.")
    if found.unknown_items:
        progress.say(f"{source}: {counted(found.unknown_items, 'listed item')} in no history and no target.")


def _tell_notes(held_out: HeldOut, target: Source, progress: Progress) -> None:
    for what, count in held_out.notes.items():
        progress.say(f"{target}: {count:,} {what}{NOTES.get(what, '')}.")


def _tell_without_history(
    held_out: HeldOut, histories: Sequence[Source], target: Source, progress: Progress
) -> None:  # fmt: skip
    """Warn where a tenth of the users or more are judged without any history: probably the wrong file was given."""
    without = int(np.count_nonzero(np.diff(held_out.history.indptr) == 0))
    if 10 * without < held_out.n_users or not histories:
        return
    named = ", ".join(map(str, histories))
    made_for_it = None if Path(target).is_dir() else beside(target, f"{Path(target).stem}_history")
    hint = "give the files that hold what these users had before, with --history"
    if made_for_it is not None and made_for_it not in {Path(source).absolute() for source in histories}:
        made_for_it = Path(target).with_name(made_for_it.name)
        hint = f"their histories are in {made_for_it}, so give --history {made_for_it}"
    have = "has" if without == 1 else "have"
    progress.say(
        f"Warning: {without:,} of {counted(held_out.n_users, 'user')} with targets {have} no history in {named}, so "
        f"that the figures say little about the model: {hint}."
    )


def _finish(
    evaluation: Evaluation,
    held_out: HeldOut,
    facts: dict[str, Any],
    report: str | Path | None,
    per_user: str | Path | None,
) -> Judged:
    facts = facts | {
        "users": len(evaluation.users),
        "targets": int(held_out.relevant_counts().sum()),
        "unknown_targets": int(held_out.unknown_targets.sum()),
        **machine_facts(),
    }
    files = []
    if report is not None:
        from recae.reports.evaluation import write_evaluation_html

        with locked(report):
            write_evaluation_html(evaluation, facts, Path(report))
        files.append(Path(report))
    if per_user is not None:
        with locked(per_user):
            write_result(evaluation.to_arrow(held_out.columns.user), Path(per_user), facts["configuration"])
        files.append(Path(per_user))
    return Judged(evaluation, evaluation.means(), evaluation.intervals(), facts, tuple(files))
