"""`--config FILE.toml`: defaults for options, below the flags and the environment."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import click

from recae.errors import ConfigError
from recae.store.toml import read_toml


def keys_of(command: click.Command) -> dict[str, str]:
    """How each parameter is called in a file ("user-col", "input") -> its name in the program."""
    keys = {}
    for param in command.params:
        if isinstance(param, click.Option):
            keys[long_name(param)] = str(param.name)
        else:
            keys[str(param.metavar or param.name).strip("[]").lower()] = str(param.name)
    return {key: name for key, name in keys.items() if name not in ("config", "help")}


def long_name(option: click.Option) -> str:
    """An option's long form without its dashes."""
    return max(option.opts, key=len).lstrip("-")


def defaults_from(
    path: Path, command: str, keys: Mapping[str, str], keys_anywhere: Collection[str], commands: Collection[str]
) -> dict[str, Any]:
    """The values that `path` gives for the options of `command` ("data split" is the table [data.split]).

    Keys at the top of the file hold for every command that has such an option; the command's own table wins.
    `keys` are those of this command as `keys_of` gives them, `keys_anywhere` those of all `commands`.

    Raises:
        ConfigError: the file is no TOML, or names an option or a command that does not exist.
        StorageError: it cannot be read.
    """
    content = read_toml(path)
    _refuse_strange_tables(path, content, commands)
    own: Any = content
    for part in command.split():
        own = own.get(part, {}) if isinstance(own, dict) else {}
    if not isinstance(own, dict):
        raise ConfigError(f"{path}: {command!r} must be a table, [{command.replace(' ', '.')}].")
    everywhere = {_key(key): value for key, value in content.items() if not isinstance(value, dict)}
    mine = {_key(key): value for key, value in own.items() if not isinstance(value, dict) or key == "set"}
    _refuse_unknown(path, "", everywhere, keys_anywhere)
    _refuse_unknown(path, f" for {command}", mine, keys)
    values = {key: value for key, value in everywhere.items() if key in keys} | mine
    return {keys[key]: _settings(value) if key == "set" else value for key, value in values.items()}


def _key(key: str) -> str:
    return key.replace("_", "-")


def _refuse_unknown(path: Path, where: str, given: Collection[str], known: Collection[str]) -> None:
    for key in sorted(set(given) - set(known)):
        near = difflib.get_close_matches(key, known, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else "Take it out."
        raise ConfigError(f"{path}: there is no option {key!r}{where}. {hint}")


def _refuse_strange_tables(
    path: Path, table: Mapping[str, Any], commands: Collection[str], above: tuple[str, ...] = ()
) -> None:
    known = {tuple(command.split()[: len(above) + 1]) for command in commands}
    for name, inner in table.items():
        here = (*above, name)
        if not isinstance(inner, dict) or (name == "set" and " ".join(above) in commands):
            continue
        if here not in known:
            near = difflib.get_close_matches(name, {names[-1] for names in known if names[:-1] == above}, n=1)
            hint = f"Did you mean [{'.'.join((*above, near[0]))}]?" if near else "Take it out."
            raise ConfigError(f"{path}: there is no command for the table [{'.'.join(here)}]. {hint}")
        _refuse_strange_tables(path, inner, commands, here)


def _settings(value: Any) -> Any:
    return [f"{key}={inner}" for key, inner in value.items()] if isinstance(value, dict) else value
