"""`recae evaluate`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from recae.cli import text
from recae.cli.base import command, grouped, option
from recae.cli.console import Console
from recae.cli.gates import EVALUATE_GATES, finish_with_gates
from recae.cli.options import PATH, NameList, force_option, history_options, memory_option
from recae.counted import counted
from recae.errors import ConfigError
from recae.jobs.gates import Gates
from recae.jobs.reading import Reading

if TYPE_CHECKING:
    from recae.jobs.evaluate import Judged


@command(
    "evaluate",
    examples=(
        "recae evaluate model --history split/test_history.parquet --target split/test.parquet",
        "recae evaluate model --history spring.csv --history summer.csv --target autumn.csv --metrics ndcg@10,hit@5",
        "recae evaluate --lists lists.csv --target split/test.parquet     anybody's lists: user, item[, rank | score]",
        "recae evaluate new --history seen.csv --target next.csv --fail-under ndcg@10=0.3 --require-beats old",
    ),
)
@click.argument("model", metavar="[MODELDIR]", type=PATH, required=False)
@option(
    "--history",
    "histories",
    type=PATH,
    multiple=True,
    metavar="FILE",
    help="What users have already: a file or folder, any number of times.",
)
@option("--target", type=PATH, required=True, metavar="FILE", help="What should be on top of their lists.")
@option("--lists", type=PATH, metavar="FILE", help="Judge these lists instead of a model.")
@option("--metrics", type=NameList(), metavar="NAMES", help="Names with cut-offs, e.g. ndcg@10,recall@20,rmse.")
@option(
    "--catalog", type=PATH, metavar="FILE", help="Items with genres, year, ...: for slices and metrics such as ild@10."
)
@option(
    "--slices",
    type=NameList(),
    metavar="NAMES",
    help="Groups to tell apart: history, popularity, time, columns of the catalogue.  [default: those that are known]",
)
@option("--report", type=PATH, metavar="OUT.html", help="Write a report for a browser (also .md).")
@option("--per-user", type=PATH, metavar="OUT.parquet", help="Write every user's values (also .csv, .tsv, .jsonl).")
@force_option
@option("--include-seen", is_flag=True, help="Let the model list items of the history, too; not with --lists.")
@grouped("gates", Gates, EVALUATE_GATES)
@memory_option
@history_options
def evaluate(
    console: Console,
    model: Path | None,
    histories: tuple[Path, ...],
    target: Path,
    lists: Path | None,
    metrics: list[str] | None,
    catalog: Path | None,
    slices: list[str] | None,
    report: Path | None,
    per_user: Path | None,
    force: bool,
    include_seen: bool,
    gates: Gates,
    max_memory: int | None,
    reading: Reading,
) -> None:
    """Judge a model, or anybody's lists.

    On users whose targets are known: means are over the users with targets. The brackets are 95 % bootstrap intervals.
    """
    if (model is None) == (lists is None):
        raise ConfigError("Give either a MODELDIR or --lists FILE to judge.")
    if model is not None and not histories:
        raise ConfigError("A model needs --history FILE: what the users have already.")
    if lists is not None and include_seen:
        raise ConfigError("--include-seen is about what a model lists; --lists are judged as they are: leave it out.")
    from recae.evaluation.metrics import DEFAULT_METRICS
    from recae.jobs import evaluate as jobs

    if model is not None:
        result = jobs.evaluate(
            model,
            histories,
            target,
            metrics=metrics or DEFAULT_METRICS,
            catalog=catalog,
            slices=slices,
            report=report,
            per_user=per_user,
            force=force,
            include_seen=include_seen,
            gates=gates,
            max_memory=max_memory,
            reading=reading,
            progress=console.progress,
            run_id=console.run_id,
            command=console.typed,
        )
    elif lists is not None:
        result = jobs.evaluate_lists(
            lists,
            target,
            histories,
            metrics=metrics,
            catalog=catalog,
            slices=slices,
            report=report,
            per_user=per_user,
            force=force,
            gates=gates,
            max_memory=max_memory,
            reading=reading,
            progress=console.progress,
            run_id=console.run_id,
            command=console.typed,
        )
    finish_with_gates(
        console,
        _shown(result, console.cut, apart=slices is not None),
        result.gates,
        status="up to date" if result.up_to_date else "ok",
        output=result.files[0] if result.files else None,
        files=result.files,
        rows=result.facts["users"],
        metrics=result.means,
        intervals=result.intervals,
        slices=result.evaluation.slices,
        unknown_targets=result.facts["unknown_targets"],
        targets_fingerprint=result.facts["targets_fingerprint"],
        configuration=result.facts["configuration"],
    )


def _shown(result: Judged, width: int, *, apart: bool) -> str:
    rows: list[Sequence[str]] = []
    for name, mean in result.means.items():
        low_high = result.intervals.get(name)
        rows.append([name, f"{mean:.4f}", "" if low_high is None else f"[{low_high[0]:.4f}, {low_high[1]:.4f}]"])
    head = f"{result.facts['what']}: {counted(result.facts['users'], 'user')} with targets"
    written = [str(path) for path in result.files]
    tables = _apart(result, width) if apart else []
    return "\n".join([head, text.table(["metric", "mean", "95 % interval"], rows, width=width), *tables, *written])


def _apart(result: Judged, width: int) -> list[str]:
    """Every slice as a table."""
    from recae.reports.slices import slice_tables, span
    from recae.reports.text import one_line

    shown = []
    for table in slice_tables({"": result.evaluation.slices}, list(result.means)):
        rows = [
            [one_line(row.label), table.counted(row), f"{row.values[''].value:.4f}", span(row.values[""])]
            for row in table.rows
            if "" in row.values
        ]
        shown.append("\n" + text.table([one_line(table.title), "", table.metric, "95 % interval"], rows, width=width))
    return shown
