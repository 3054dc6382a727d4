"""`recae completion`."""

from __future__ import annotations

import click

from recae.cli.base import command
from recae.cli.console import Console
from recae.errors import ConfigError

SHELLS = ("bash", "zsh", "fish")


@command(
    "completion",
    examples=(
        "recae completion bash > ~/.local/share/bash-completion/completions/recae",
        'eval "$(recae completion zsh)"',
        "recae completion fish > ~/.config/fish/completions/recae.fish",
    ),
)
@click.argument("shell", type=click.Choice(SHELLS))
def completion(console: Console, shell: str) -> None:
    """Print the completion script of a shell.

    It completes recae's commands and options."""
    from click.shell_completion import get_completion_class

    from recae.cli.main import cli

    maker = get_completion_class(shell)
    if maker is None:
        raise ConfigError(f"There is no completion for {shell}.")
    script = maker(cli, {}, "recae", "_RECAE_COMPLETE").source()
    console.finish(script, shell=shell, script=script)
