"""Configuration files: TOML of a bearable size and depth."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

from recae.errors import ConfigError, StorageError, reason

LARGEST = 1 << 20
"""Bytes; a longer file is no configuration that somebody wrote."""


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a TOML file.

    Raises:
        ConfigError: it is no TOML, too long, or nested too deeply.
        StorageError: it cannot be read.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except OSError as error:
        raise StorageError(f"{path} could not be read: {reason(error)}.") from error
    if len(raw) > LARGEST:
        raise ConfigError(f"{path} is longer than {LARGEST:,} bytes: that is no configuration.")
    try:
        return tomllib.loads(raw.decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no valid TOML file: {error}.") from error
    except RecursionError:
        raise ConfigError(f"{path} is no valid TOML file: it is nested too deeply.") from None
