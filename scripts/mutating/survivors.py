"""Mutants that no test noticed, and the reasons why none could."""

from __future__ import annotations

import json
import os
import tomllib
from collections import Counter
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code
from mutmut.utils.format_utils import orig_function_and_class_names_from_key

REASONS = Path(__file__).resolve().parent / "reasons.toml"
KILLED = {"killed", "timeout", "segfault"}


@dataclass(frozen=True)
class Mutant:
    """A change that the tests let pass: the lines of `function` before and after it."""

    module: str
    function: str
    was: str
    now: str


@dataclass(frozen=True)
class ModuleResult:
    """What became of the mutants of one module."""

    module: str
    ended: Counter[str]
    survivors: tuple[tuple[str, Mutant], ...]
    """With the names that mutmut gave them."""

    @property
    def total(self) -> int:
        return self.ended.total()

    @property
    def killed(self) -> int:
        return sum(self.ended[status] for status in KILLED)


@contextmanager
def _within(work: Path) -> Iterator[None]:
    """mutmut's functions look for its folder beneath the current one."""
    before = Path.cwd()
    os.chdir(work)
    try:
        yield
    finally:
        os.chdir(before)


def read_results(work: Path, modules: Iterable[str]) -> list[ModuleResult]:
    """The results of mutmut in the copy `work`."""
    with _within(work):
        return [_of_module(module) for module in modules]


def forget_survivors(work: Path, modules: Iterable[str], known: Container[Mutant]) -> None:
    """Have what survived in an earlier run tested again, as there are new tests; but not the `known` survivors."""
    (work / "mutants" / "mutmut-stats.json").unlink(missing_ok=True)
    with _within(work):
        for module in (module for module in modules if Path("mutants", f"{module}.meta").is_file()):
            data = SourceFileMutationData(path=module)
            data.load()
            for name, code in data.exit_code_by_key.items():
                if status_by_exit_code[code] not in KILLED and _mutant(module, name) not in known:
                    data.exit_code_by_key[name] = None
            data.save()


def _of_module(module: str) -> ModuleResult:
    data = SourceFileMutationData(path=module)
    data.load()
    ended = {name: status_by_exit_code[code] for name, code in data.exit_code_by_key.items()}
    survivors = tuple((name, _mutant(module, name)) for name, status in ended.items() if status not in KILLED)
    return ModuleResult(module, Counter(ended.values()), survivors)


def _mutant(module: str, name: str) -> Mutant:
    function, owner = orig_function_and_class_names_from_key(name)
    lines = get_diff_for_mutant(name, path=module).splitlines()[2:]
    was, now = (" ".join(line[1:].strip() for line in lines if line.startswith(sign)) for sign in "-+")
    return Mutant(module, f"{owner}.{function}" if owner else function, was, now)


def read_reasons() -> dict[Mutant, str]:
    """Why each of the known survivors survives."""
    found = {}
    for module, entries in tomllib.loads(REASONS.read_text(encoding="utf-8")).items():
        for entry in entries:
            for now in entry["now"]:
                found[Mutant(module, entry["in"], entry["was"], now)] = entry["why"]
    return found


def as_toml(mutants: Iterable[Mutant]) -> str:
    """Entries for `REASONS` without reasons."""
    grouped: dict[tuple[str, str, str], list[str]] = {}
    for mutant in mutants:
        grouped.setdefault((mutant.module, mutant.function, mutant.was), []).append(mutant.now)
    return "\n".join(
        f'[["{module}"]]\nin = "{function}"\nwas = {_text(was)}\nnow = ['
        + "".join(f"\n    {_text(now)}," for now in dict.fromkeys(nows))
        + '\n]\nwhy = ""\n'
        for (module, function, was), nows in grouped.items()
    )


def _text(text: str) -> str:
    return json.dumps(text, ensure_ascii=False) if "'" in text else f"'{text}'"
