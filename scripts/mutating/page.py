"""docs/mutation.md: how many mutants of each module were killed, and why the others were not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

from mutating.groups import GROUPS
from mutating.survivors import ModuleResult, Mutant

_UNEXPLAINED = "No reason yet."
_START, _END = "<!-- findings: written by hand -->", "<!-- end of the findings -->"
_HOW = """\
[mutmut](https://mutmut.readthedocs.io) changes one thing at a time: a comparison, an operator, a number, a constant, an
argument that it drops or replaces by None, an assignment, a branch; in properties and other decorated functions, too.
Every change meets all tests that call the changed function, of the files named below; property tests draw the same
examples each time, a tenth of them. A change that fails a test, runs out of time or crashes is killed. Not changed are:
tables and constants of a module, default values that are no literals, annotations and docstrings, and the lines that
only word an error (`raise ...` and the text that follows it; the condition before it is changed). Tests with real data
and tests of speed are left out. Of splits, `split_folder`, `ready_made` and `prepared_split`, which put them into files
and take them from there, are not covered yet.

A survivor is a change that no test can see, or that none should: each has its reason here, kept in
`scripts/mutating/reasons.toml` under the changed line, so that another change to it asks for another reason."""


def write_page(path: Path, results: Mapping[str, Sequence[ModuleResult]], reasons: Mapping[Mutant, str]) -> None:
    """Write the page; the findings, and groups that were not run, keep what it says of them."""
    old = path.read_text(encoding="utf-8") if path.is_file() else ""
    parts = []
    for name in GROUPS:
        start, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
        if name in results:
            parts.append(f"{start}\n{_group(name, results[name], reasons)}\n{end}")
        elif start in old:
            parts.append(start + old.partition(start)[2].partition(end)[0] + end)
    title = "# Mutants: do the tests notice?\n\n`python scripts/mutation.py` writes this page."
    findings = old.partition(_START)[2].partition(_END)[0].strip() or "Nothing yet."
    found = f"## What was found\n\n{_START}\n{findings}\n{_END}"
    path.write_text("\n\n".join([title, _HOW, found, *parts]) + "\n", encoding="utf-8")


def _group(name: str, modules: Sequence[ModuleResult], reasons: Mapping[Mutant, str]) -> str:
    tests = ", ".join(f"`{test}`" for test in GROUPS[name].tests)
    table = ["| module | mutants | killed | survived |", "|---|--:|--:|--:|"]
    table += [f"| `{m.module}` | {m.total} | {m.killed} | {m.total - m.killed} |" for m in modules]
    total, killed = sum(m.total for m in modules), sum(m.killed for m in modules)
    table.append(f"| together | {total} | {killed} | {total - killed} |")
    survivors = [_survivors(module, reasons) for module in modules if module.survivors]
    return "\n\n".join([f"## {name.capitalize()}", f"Tests: {tests}.", "\n".join(table), *survivors])


def _survivors(module: ModuleResult, reasons: Mapping[Mutant, str]) -> str:
    lines = [f"### `{module.module}`"]
    mutants = [mutant for _, mutant in module.survivors]
    for (function, was, why), same in groupby(
        mutants, lambda m: (m.function.replace("plain_", ""), m.was, reasons.get(m, _UNEXPLAINED))
    ):
        changes = [f"- {was}", *(f"+ {mutant.now}" for mutant in same)]
        lines.append(f"`{function}`: {why}\n\n```diff\n" + "\n".join(changes) + "\n```")
    return "\n\n".join(lines)
