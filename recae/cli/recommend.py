"""`recae recommend`."""

from __future__ import annotations

from pathlib import Path

import click
from click.core import ParameterSource

from recae.cli.base import command, option
from recae.cli.console import Console
from recae.cli.help import COMMON
from recae.cli.options import PATH, force_option, history_options, memory_option, out_option
from recae.counted import counted
from recae.errors import ConfigError
from recae.jobs.reading import Reading

WHO, WHAT = "Who gets lists", "What may be listed"


@command(
    "recommend",
    examples=(
        "recae recommend model --history ratings.csv --top 20 --out lists.parquet",
        "recae recommend model --history train.parquet --history valid.parquet --top 100 --out lists.csv",
        "recae recommend model --history logs/ --users new-users.csv --deny sold-out.csv --out lists.jsonl",
        "recae recommend model --history logs/ --out lists --shard 2/8 --resume      a folder of parts",
        "recae recommend --merge --out lists       when the shards of all machines lie in .lists.partial",
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
@option("--top", type=click.IntRange(min=1), default=20, show_default=True, metavar="N", help="Length of the lists.")
@out_option
@force_option
@option("--users", type=PATH, section=WHO, metavar="FILE", help="Only these users, in this order.")
@option(
    "--on-cold",
    type=click.Choice(["popular", "skip", "error"]),
    default="popular",
    show_default=True,
    section=WHO,
    help="Users whom the model cannot score get popular items, no list, or end the job.",
)
@option("--shard", metavar="I/N", section=WHO, help="Only the I-th of N equal parts of the users.")
@option("--resume", is_flag=True, section=WHO, help="Keep the finished parts of an interrupted run (folders only).")
@option("--merge", is_flag=True, section=WHO, help="Join the shards that were copied into the folder .OUT.partial.")
@option("--include-seen", is_flag=True, section=WHAT, help="Also items of the user's own history.")
@option("--allow", type=PATH, section=WHAT, metavar="FILE", help="Only these items.")
@option("--deny", type=PATH, section=WHAT, metavar="FILE", help="Not these items.")
@memory_option
@history_options
def recommend(
    console: Console,
    model: Path | None,
    histories: tuple[Path, ...],
    top: int,
    out: Path,
    force: bool,
    users: Path | None,
    on_cold: str,
    shard: str | None,
    resume: bool,
    merge: bool,
    include_seen: bool,
    allow: Path | None,
    deny: Path | None,
    max_memory: int | None,
    reading: Reading,
) -> None:
    """Write the best N items for every user.

    Each row is user, item, rank (from 1) and score. Scores can be compared within one user's list only. OUT ends
    in .parquet, .csv, .tsv or .jsonl; without a suffix it is a folder of Parquet parts.
    """
    from recae.jobs.merge import merge as merge_job
    from recae.jobs.recommend import recommend as recommend_job
    from recae.jobs.users import parse_shard

    if merge:
        if typed := _typed_besides("merge", "out", "force"):
            raise ConfigError(f"--merge joins shards that are there as they are: leave out {', '.join(typed)}.")
        result = merge_job(out, force=force, progress=console.progress)
    else:
        if model is None or not histories:
            raise ConfigError("Give the MODELDIR that makes the lists, and --history FILE: what users have already.")
        result = recommend_job(
            model,
            histories,
            out=out,
            top=top,
            users=users,
            include_seen=include_seen,
            allow=allow,
            deny=deny,
            on_cold=on_cold,  # type: ignore[arg-type] # one of the three choices
            shard=None if shard is None else parse_shard(shard),
            resume=resume,
            force=force,
            max_memory=max_memory,
            reading=reading,
            progress=console.progress,
        )
    state = (
        "already up to date"
        if result.up_to_date
        else f"{counted(result.rows, 'row')} for {counted(result.users, 'user')}"
    )
    missing = (
        "" if result.complete else " (other shards are still to come; the last one on this disk closes the folder)"
    )
    console.finish(
        f"{result.output}: {state}{missing}",
        status="up to date" if result.up_to_date else "ok",
        output=result.output,
        rows=result.rows,
        users=result.users,
        cold_users=result.cold_users,
        skipped_users=result.skipped_users,
        unknown_items=result.unknown_items,
        complete=result.complete,
        up_to_date=result.up_to_date,
    )


def _typed_besides(*names: str) -> list[str]:
    """What was typed of this command's own arguments and options but for `names`, as it is called."""
    context = click.get_current_context()
    own = [param for param in context.command.params if getattr(param, "section", "") != COMMON]
    return [
        param.opts[-1] if isinstance(param, click.Option) else str(param.metavar).strip("[]")
        for param in own
        if param.name not in names and context.get_parameter_source(str(param.name)) is ParameterSource.COMMANDLINE
    ]
