"""`recae compare`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from recae.cli import text
from recae.cli.base import command, grouped, option
from recae.cli.console import Console
from recae.cli.gates import COMPARE_GATES, finish_with_gates
from recae.cli.options import PATH, ModelNames, NameList, force_option, input_options, out_option, run_options
from recae.counted import counted
from recae.errors import ConfigError
from recae.jobs.gates import Gates
from recae.jobs.reading import Reading
from recae.options import RunOptions

SPLIT, SEARCH = "What models are judged on", "How settings are chosen"


@command(
    "compare",
    examples=(
        "recae compare ratings.csv --out comparison",
        "recae compare ratings.csv --models ease,mult-vae,ials --split per-user:valid=0.1,test=0.2 --out comparison",
        "recae compare spring.csv --valid summer.csv --test autumn.csv --models ease,ials --out comparison",
        "recae compare split --no-search --metrics ndcg@10,recall@20 --out comparison",
        "recae compare ratings.csv --models elsa --baselines --split kfold:5 --out comparison      all five folds",
        "recae compare ratings.csv --models ease,ials --out now --require-beats ials --against before",
        "recae compare ratings.csv --repeats 5 --out comparison --leaderboard board.parquet --resume",
    ),
)
@click.argument("source", metavar="INPUT", type=PATH)
@option(
    "--models",
    type=ModelNames(),
    metavar="NAMES",
    help="Which models.  [default: popularity,item-knn,ials,ease,rdlae-low-pass,mult-vae]",
)
@option("--baselines", is_flag=True, help="Also popularity, item-knn and ials, where --models does not name them.")
@out_option
@option("--resume", is_flag=True, help="Go on where an interrupted run of the same command stopped.")
@force_option
@option(
    "--leaderboard",
    type=PATH,
    metavar="FILE",
    help="Add each model's figures to this table (.parquet or .csv); `recae leaderboard` shows it.",
)
@option(
    "--split",
    "spec",
    metavar="SPEC",
    section=SPLIT,
    help="How to split a log; of kfold:5 all folds are judged, of kfold:5,fold=0 one.  "
    "[default: user-holdout:valid=0.1,test=0.1,observed=0.8; per-user if a model needs that]",
)
@option(
    "--repeats",
    type=click.IntRange(min=1),
    default=1,
    show_default=True,
    metavar="N",
    section=SPLIT,
    help="Split N times by seeds derived from --seed. Settings are chosen on the first split.",
)
@option("--valid", type=PATH, metavar="FILE", section=SPLIT, help="Validation targets; INPUT is the training data.")
@option(
    "--test",
    type=PATH,
    metavar="FILE",
    section=SPLIT,
    help="Test targets; histories are the training and validation rows.",
)
@option(
    "--metrics",
    type=NameList(),
    metavar="NAMES",
    section=SPLIT,
    help="The first one chooses settings and sorts the table.",
)
@option(
    "--trials",
    type=click.IntRange(min=1),
    metavar="N",
    section=SEARCH,
    help="Try at most N settings of each model.  [default: all of its grid]",
)
@option("--no-search", is_flag=True, section=SEARCH, help="Take the default settings.")
@option("--catalog", type=PATH, metavar="FILE", help="Items with titles.  [default: items.* beside INPUT]")
@option(
    "--slices",
    type=NameList(),
    metavar="NAMES",
    help="Groups by which figures are taken apart: history, popularity, time, columns of the catalogue such as genres "
    "or year.  [default: those that are known, of the columns genres]",
)
@grouped("gates", Gates, COMPARE_GATES)
@run_options
@input_options
def compare(
    console: Console,
    source: Path,
    models: list[str] | None,
    baselines: bool,
    out: Path,
    resume: bool,
    force: bool,
    leaderboard: Path | None,
    spec: str | None,
    repeats: int,
    valid: Path | None,
    test: Path | None,
    metrics: list[str] | None,
    trials: int | None,
    no_search: bool,
    catalog: Path | None,
    slices: list[str] | None,
    gates: Gates,
    run: RunOptions,
    reading: Reading,
) -> None:
    """Compare models on the same users and write a report.

    Settings are chosen on validation data, or where there is none on a part cut from the training data, and each
    model is judged once on test data. The folder OUT gets report.html, report.md, report.tex, report.json,
    per-user.parquet, the models and the split. A model that fails is told with its reason, and the others go on; the
    status of --json is then "incomplete".

    A comparison of the same models that was made from the same data by the same settings is up to date and stays as it
    is; another one is replaced with --force only. --force alone makes the same one anew too, with --resume it does not.
    """
    if no_search and trials is not None:
        raise ConfigError("--no-search and --trials exclude each other.")
    from recae.jobs.compare import DEFAULT_MODELS
    from recae.jobs.compare import compare as compare_job
    from recae.reports.terminal import to_terminal

    result = compare_job(
        source,
        out=out,
        models=models or DEFAULT_MODELS,
        baselines=baselines,
        split=spec,
        repeats=repeats,
        valid=valid,
        test=test,
        metrics=metrics,
        catalog=catalog,
        slices=slices,
        trials=0 if no_search else trials,
        resume=resume,
        force=force,
        leaderboard=leaderboard,
        gates=gates,
        reading=reading,
        options=replace(run, progress=console.progress),
        run_id=console.run_id,
        command=console.typed,
    )
    failed = {model.name: model.reason for model in result.comparison.failed}
    for name, reason in failed.items():
        click.echo(f"recae: warning: {name} could not be judged: {text.printable(reason)}", err=True)
    shown = to_terminal(result.comparison, console.width, console.colour)
    board = result.comparison.leaderboard()
    reached = {
        run.name: {name: run.means[name] for name in result.comparison.metrics if name in run.means} for run in board
    }
    state = " (already up to date)" if result.up_to_date else ""
    entered = (
        "" if result.entered is None else f"\n{leaderboard}: {counted(result.entered, 'new entry', 'new entries')}"
    )
    finish_with_gates(
        console,
        f"{shown}\n\nReport: {result.folder / 'report.html'}{state}{entered}",
        result.comparison.gates,
        status="incomplete" if failed else "up to date" if result.up_to_date else "ok",
        output=result.folder,
        files=result.files,
        rows=len(board[0].evaluation.users),
        best=result.best,
        metrics=reached[result.best],
        models=reached,
        failed=failed,
        splits=result.comparison.n_splits,
        up_to_date=result.up_to_date,
        leaderboard_entries=result.entered,
        targets_fingerprint=result.comparison.facts.get("targets_fingerprint"),
    )
