"""Places to write to, checked before any work is done."""

from __future__ import annotations

from pathlib import Path

from recae.errors import ConfigError, StorageError
from recae.jobs.reading import Source
from recae.store.atomic import replaceable


def refuse_inputs(out: Source, *inputs: Source | None) -> None:
    """Check that writing `out` replaces none of the `inputs`, nor a folder that one of them lies in.

    Raises:
        ConfigError: it would.
    """
    place = Path(out).resolve()
    for given in inputs:
        if given is not None and Path(given).resolve().is_relative_to(place):
            raise ConfigError(f"Writing {out} would replace the input {given}: choose another place for the result.")


def refuse_strange(out: Source, marker: str) -> None:
    """Check that `out` is free, or a folder of recae's own, which holds the file `marker`.

    Raises:
        StorageError: it is something else.
    """
    if Path(out).exists() and not replaceable(Path(out), marker):
        raise StorageError(f"{out} exists and was not written by recae: choose another --out or remove it.")
