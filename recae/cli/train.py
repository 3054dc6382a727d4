"""`recae train`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from recae.cli import text
from recae.cli.base import command, option
from recae.cli.console import Console
from recae.cli.options import (
    PATH,
    ModelName,
    NameList,
    force_option,
    input_options,
    out_option,
    parse_settings,
    run_options,
    settings_option,
)
from recae.jobs.reading import Reading
from recae.options import RunOptions


@command(
    "train",
    examples=(
        "recae train ratings.csv --model ease --set l2=500 --out model",
        "recae train split --model mult-vae --seed 7 --out model      a folder from `recae data split`",
        "recae train spring.csv --valid summer.csv --model ials --out model",
        "recae train ratings.csv --model rec-vae --out model --resume     goes on where it was interrupted",
    ),
)
@click.argument("source", metavar="INPUT", type=PATH)
@option("--model", type=ModelName(), required=True, metavar="NAME", help="Which model; `recae models` lists them.")
@out_option
@option("--resume", is_flag=True, help="Go on with an interrupted training; it ends in the same weights.")
@force_option
@option("--valid", type=PATH, metavar="FILE", help="Targets to validate on; their users' histories are in INPUT.")
@settings_option
@option("--metrics", type=NameList(), metavar="NAMES", help="What to measure on validation data, e.g. ndcg@10,rmse.")
@run_options
@input_options
def train(
    console: Console,
    source: Path,
    model: str,
    out: Path,
    resume: bool,
    force: bool,
    valid: Path | None,
    settings: tuple[str, ...],
    metrics: list[str] | None,
    run: RunOptions,
    reading: Reading,
) -> None:
    """Fit one model and write its folder.

    INPUT is a log (a file or a folder of files), a folder from `recae data split`, or a folder that holds train.* and
    perhaps valid.*.

    A model that was made from the same data by the same settings is up to date and stays as it is; one made from others
    is replaced with --force only. While it trains, its state is put away beside MODELDIR every minute or so, and when
    the process is asked to end.
    """
    chosen = parse_settings(settings)
    from recae.evaluation.metrics import DEFAULT_METRICS
    from recae.jobs.stopping import stopping_sentence
    from recae.jobs.train import train as train_job

    result = train_job(
        source,
        model=model,
        out=out,
        valid=valid,
        settings=chosen,
        metrics=metrics or DEFAULT_METRICS,
        reading=reading,
        options=replace(run, progress=console.progress),
        resume=resume,
        force=force,
        run_id=console.run_id,
    )
    facts: list[tuple[str, object]] = [("model", result.folder)]
    if result.up_to_date:
        facts.append(("up to date", "it was made before from the same data by the same settings"))
    facts += [("settings", result.model), ("fitted in", f"{result.fit_seconds:,.1f} s")]
    stopped = result.facts["stopping"]
    facts += [("stopped", stopping_sentence(stopped))] if stopped else []
    facts += [(f"valid {name}", value) for name, value in result.metrics.items()]
    console.finish(
        text.facts(facts),
        status="up to date" if result.up_to_date else "ok",
        output=result.folder,
        rows=result.train.get("interactions"),
        model=model,
        metrics=result.metrics,
        fit_seconds=round(result.fit_seconds, 3),
        train=result.train,
        stopping=stopped,
    )
