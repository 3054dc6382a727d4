"""`recae inspect`."""

from __future__ import annotations

from pathlib import Path

import click

from recae.cli import text
from recae.cli.base import command, option
from recae.cli.console import Console
from recae.cli.options import PATH


@command("inspect", examples=("recae inspect model", "recae inspect model --json", "recae inspect model --verify"))
@click.argument("model", metavar="MODELDIR", type=PATH)
@option("--verify", is_flag=True, help="Read every file and check it against its checksum.")
def inspect(console: Console, model: Path, verify: bool) -> None:
    """Tell what a model folder holds.

    The model, its hyper-parameters, training data, validation metrics and file sizes."""
    from recae.jobs.inspect import inspect as inspect_job

    result = inspect_job(model, verify=verify)
    manifest = result.manifest
    pairs = [
        ("model", result.model),
        ("made", manifest["created"]),
        ("scores", "any history" if manifest["inductive"] else "only users of its training data"),
        ("training users", manifest["n_train_users"]),
        ("items", manifest["n_items"]),
        ("data", manifest["data_fingerprint"]),
        *((f"  {name}", str(value)) for name, value in result.config.items()),
        *((("stopped", result.stopping),) if result.stopping else ()),
        *((("pruned", result.pruning),) if result.pruning else ()),
        *((f"valid {name}", value) for name, value in result.metrics.items()),
        *((name, f"{size:,} bytes") for name, size in result.sizes.items()),
        *((("files", "all are what they were when they were written"),) if result.verified else ()),
    ]
    console.finish(
        text.facts(pairs),
        output=result.folder,
        model=result.model,
        config=result.config,
        metrics=result.metrics,
        sizes=result.sizes,
        verified=result.verified,
        manifest=manifest,
    )
