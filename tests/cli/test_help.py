"""Help: every command has it, it starts with examples, and it loads nothing heavy."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from recae.cli.help import Command, LazyGroup
from recae.cli.main import cli, main

HEAVY = ("numpy", "scipy", "pandas", "pyarrow", "torch", "implicit", "matplotlib", "jinja2", "pydantic", "tqdm")


def commands(group: click.Command = cli, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    yield path
    if isinstance(group, LazyGroup):
        context = click.Context(group)
        for name in group.list_commands(context):
            found = group.get_command(context, name)
            assert found is not None
            yield from commands(found, (*path, name))


def test_the_commands_of_the_contract_are_there() -> None:
    wanted = ["models", "train", "evaluate", "compare", "recommend", "similar", "inspect", "demo", "completion"]
    wanted_data = ["describe", "filter", "split", "list", "fetch", "sample"]
    assert {(name,) for name in wanted} | {("data", name) for name in wanted_data} <= set(commands())


@pytest.mark.parametrize("path", list(commands()), ids=" ".join)
def test_help_starts_with_examples_of_the_command_itself(path: tuple[str, ...], recae) -> None:
    outcome = recae(*path, "--help")
    assert outcome.code == 0
    assert outcome.err == ""
    heading, first = outcome.out.splitlines()[:2]
    assert heading == "Examples:"
    assert first.strip().startswith(" ".join(["recae", *path]).strip()) or "recae" in first
    assert f"Usage: {' '.join(['recae', *path])}" in outcome.out
    assert max(map(len, outcome.out.splitlines())) <= 110


@pytest.mark.parametrize(
    "path", [path for path in commands() if path and path not in (("data",), ("config",))], ids=" ".join
)
def test_examples_name_only_options_that_exist(path: tuple[str, ...]) -> None:
    found: click.Command = cli
    for name in path:
        assert isinstance(found, LazyGroup)
        child = found.get_command(click.Context(found), name)
        assert child is not None
        found = child
    assert isinstance(found, Command)
    options = {option for param in found.params for option in (*param.opts, *param.secondary_opts)}
    mine = [line for line in found.examples if line.startswith(f"recae {' '.join(path)} ")]
    assert mine or not found.params
    used = {word for line in mine for word in line.split() if word.startswith("--")}
    assert used <= options | {"--help", "--json"}


def test_help_of_every_command_imports_nothing_heavy() -> None:
    program = (
        "import sys\n"
        "from recae.cli.main import main\n"
        f"for path in {[list(path) for path in commands()]!r}:\n"
        "    assert main([*path, '--help']) == 0, path\n"
        f"heavy = sorted(set({HEAVY!r}) & set(sys.modules))\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_version_and_module_form() -> None:
    done = subprocess.run([sys.executable, "-m", "recae", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("recae, version ")


def test_no_command_shows_the_help_and_is_a_usage_error(recae) -> None:
    outcome = recae()
    assert outcome.code == 2
    assert outcome.out == ""
    assert outcome.err.startswith("Examples:")


def test_a_mistyped_command_is_told_with_the_nearest_one(recae) -> None:
    outcome = recae("recomend")
    assert outcome.code == 2
    assert "Did you mean 'recommend'?" in outcome.err


def test_completion_prints_a_script_for_each_shell(recae) -> None:
    for shell in ("bash", "zsh", "fish"):
        outcome = recae("completion", shell)
        assert outcome.code == 0
        assert "_RECAE_COMPLETE" in outcome.out


def test_completion_completes(tmp_path: Path) -> None:
    environment = {"_RECAE_COMPLETE": "bash_complete", "COMP_WORDS": "recae tr", "COMP_CWORD": "1", "PATH": ""}
    done = subprocess.run(
        [sys.executable, "-m", "recae"], capture_output=True, text=True, check=False, env=environment, cwd=tmp_path
    )
    assert "train" in done.stdout


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        ("recae train log.csv --model mult", {"mult-dae", "mult-vae"}),
        ("recae models it", {"item-knn"}),
        ("recae compare log.csv --models ease,bpr,ease", set()),
        ("recae compare log.csv --models ease,b", {"ease,bpr"}),
    ],
)
def test_names_of_models_are_completed(
    words: str, wanted: set[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in (("_RECAE_COMPLETE", "bash_complete"), ("COMP_WORDS", words)):
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split()) - 1))
    main([])
    assert set(capsys.readouterr().out.split()) == {f"plain,{name}" for name in wanted}


def test_completing_names_of_models_imports_nothing_heavy() -> None:
    program = (
        "import os, sys\n"
        "os.environ |= {'_RECAE_COMPLETE': 'bash_complete'}\n"
        "os.environ |= {'COMP_WORDS': 'recae train --model gl', 'COMP_CWORD': '3'}\n"
        "from recae.cli.main import main\n"
        "main([])\n"
        f"heavy = sorted(set({HEAVY!r}) & set(sys.modules))\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout == "plain,glocal-k\n"


def test_the_reference_in_the_docs_is_up_to_date() -> None:
    root = Path(__file__).resolve().parents[2]
    specification = importlib.util.spec_from_file_location("cli_reference", root / "scripts" / "cli_reference.py")
    assert specification is not None
    assert specification.loader is not None
    reference = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(reference)
    # Words, not bytes: versions of click wrap lines differently.
    assert reference.page().split() == (root / "docs" / "cli.md").read_text(encoding="utf-8").split()
