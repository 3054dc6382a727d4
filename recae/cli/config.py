"""`--config FILE.toml`: defaults for options, below the flags and the environment."""

from __future__ import annotations

import difflib
import tomllib
from pathlib import Path
from typing import Any

import click

from recae.errors import ConfigError, StorageError


def defaults_from(path: Path, command: str, known: set[str], known_anywhere: set[str]) -> dict[str, Any]:
    """The values that `path` gives for the options of `command` ("data split" is the table [data.split]).

    Keys at the top of the file hold for every command that has such an option; the command's own table wins.
    `known` are the parameters of this command, `known_anywhere` those of all commands.

    Raises:
        ConfigError: the file is no TOML, or names an option that does not exist.
        StorageError: it cannot be read.
    """
    content = _parsed(path)
    own: Any = content
    for part in command.split():
        own = own.get(part, {}) if isinstance(own, dict) else {}
    if not isinstance(own, dict):
        raise ConfigError(f"{path}: {command!r} must be a table, [{command.replace(' ', '.')}].")
    everywhere = {_name(key): value for key, value in content.items() if not isinstance(value, dict)}
    mine = {_name(key): value for key, value in own.items() if not isinstance(value, dict) or key == "set"}
    _refuse_unknown(path, "", set(everywhere), known_anywhere)
    _refuse_unknown(path, f" for {command}", set(mine), known)
    values = {key: value for key, value in everywhere.items() if key in known} | mine
    return {key: _settings(value) if key == "settings" else value for key, value in values.items()}


def _parsed(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is no valid TOML file: {error}.") from error
    except OSError as error:
        raise StorageError(f"{path} could not be read: {error.strerror or error}.") from error


def _name(key: str) -> str:
    # `--set` is kept under the name of what it gives, since `set` is taken in Python.
    return "settings" if key == "set" else key.replace("-", "_")


def _refuse_unknown(path: Path, where: str, names: set[str], known: set[str]) -> None:
    for name in sorted(names - known):
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"Did you mean {near[0].replace('_', '-')!r}?" if near else "Take it out."
        raise ConfigError(f"{path}: there is no option {name.replace('_', '-')!r}{where}. {hint}")


def _settings(value: Any) -> Any:
    return [f"{key}={inner}" for key, inner in value.items()] if isinstance(value, dict) else value


def parameter_names(command: click.Command) -> set[str]:
    """The names by which a command's options and arguments can be given in a file."""
    return {str(param.name) for param in command.params} - {"config", "help"}
