"""`recae data sample`."""

from __future__ import annotations

from pathlib import Path

from recae.cli.base import command, option
from recae.cli.console import Console
from recae.cli.options import out_option


@command("data sample", examples=("recae data sample --out sample", "recae data describe sample/interactions.csv"))
@out_option
@option("--seed", type=int, help="Another seed gives another sample.  [default: that of the sample in data/]")
def sample(console: Console, out: Path, seed: int | None) -> None:
    """Generate the sample of the demo.

    An interactions log that behaves like a real one, and a catalogue of titles."""
    from recae.jobs.known import write_sample_to

    files = write_sample_to(out, seed)
    console.finish("\n".join(map(str, files)), output=out, files=files)
