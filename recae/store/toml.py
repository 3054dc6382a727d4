"""Configuration files: TOML of a bearable size and depth."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from recae.errors import ConfigError, StorageError, reason
from recae.store.regular import refuse_special

LARGEST = 1 << 20
"""Bytes; a longer file is no configuration that somebody wrote."""
DEEPEST = 20
"""Tables and lists within each other; what handles them calls itself once for each."""
QUICK = 10_000
"""Bytes; what is no longer is parsed quickly, whatever it holds."""
_DEEP_KEY = re.compile(
    rb"""(?: ^ | [\[{,] ) [ \t]* (?: (?: [\w-]+ | "(?:[^"\\\n]|\\.)*" | '[^'\n]*' ) [ \t]* \. [ \t]* ){%d}""" % DEEPEST,
    re.VERBOSE | re.MULTILINE,
)
"""A dotted key of so many parts, or a text like one; `tomllib` takes time and memory by their square, gigabytes for
100 kB of `a.a.a`."""


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a TOML file.

    Raises:
        ConfigError: it is no TOML, too long, nested too deeply, or holds a zero character, which no path or name may.
        StorageError: it cannot be read.
    """
    refuse_special(path)
    try:
        with path.open("rb") as file:
            raw = file.read(LARGEST + 1)
    except OSError as error:
        raise StorageError(f"{path} could not be read: {reason(error)}.") from error
    if len(raw) > LARGEST:
        raise ConfigError(f"{path} is longer than {LARGEST:,} bytes: that is no configuration.")
    if len(raw) > QUICK and _DEEP_KEY.search(raw):
        raise ConfigError(f"{path} cannot be used: it is nested too deeply.")
    try:
        content = tomllib.loads(raw.decode("utf-8"))
    except RecursionError:
        raise ConfigError(f"{path} cannot be used: it is nested too deeply.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no valid TOML file: {error}.") from error
    except ValueError:
        raise ConfigError(f"{path} is no valid TOML file: it has a number of thousands of digits.") from None
    if complaint := _complaint(content):
        raise ConfigError(f"{path} cannot be used: {complaint}.")
    return content


def _complaint(content: dict[str, Any]) -> str:
    """What no configuration may hold, found level by level."""
    level: list[Any] = [content]
    for _ in range(DEEPEST):
        if any("\0" in value for value in level if isinstance(value, str)):
            return "it holds a zero character"
        level = [inner for value in level for inner in _within(value)]
    return "it is nested too deeply" if level else ""


def _within(value: Any) -> list[Any]:
    if isinstance(value, dict):
        return [*value, *value.values()]
    return value if isinstance(value, list) else []
