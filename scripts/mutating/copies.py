"""A copy of the project in which one group is mutated, with the settings of mutmut for it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import libcst as cst

from mutating.groups import Group

WORDING = (r"^\s+raise ", r'^\s+f".*"$')
"""Lines on which nothing is mutated: what an error is called and says. The condition before it is."""
_COPIED = ("recae", "tests", "docs", "data")
_SETTINGS = {
    "source_paths": ["recae"],
    "also_copy": ["docs", "data"],
    "do_not_mutate_patterns": list(WORDING),
    "pytest_add_cli_args": [
        "-p", "mutating.pytest_profile", "-p", "no:cacheprovider", "-p", "no:xdist", "-m", "not real_data",
    ],
    "timeout_constant": 5.0,
    "timeout_multiplier": 4.0,
    "use_git_change_detection": False,
    "use_setproctitle": False,
}  # fmt: skip


def make_copy(root: Path, work: Path, group: Group) -> bool:
    """Bring the copy in `work` up to date; what has not changed stays, and so do the results of its mutants.

    Returns:
        Whether a test is another than before.
    """
    wanted = {path.relative_to(root): path for name in _COPIED for path in (root / name).rglob("*") if path.is_file()}
    wanted = {name: path for name, path in wanted.items() if "__pycache__" not in name.parts}
    for old in (path for name in _COPIED for path in (work / name).rglob("*") if path.is_file()):
        if old.relative_to(work) not in wanted:
            old.unlink()
    new_tests = False
    for name, path in wanted.items():
        content = path.read_bytes()
        if str(name) in group.modules:
            content = with_plain_bodies(content.decode()).encode()
        new_tests |= _write(work / name, content) and name.parts[0] == "tests"
    settings = _SETTINGS | {"only_mutate": group.modules, "pytest_add_cli_args_test_selection": group.tests}
    lines = [f"{name} = {json.dumps(value)}" for name, value in settings.items()]
    project = (root / "pyproject.toml").read_text(encoding="utf-8")
    _write(work / "pyproject.toml", "\n".join([project, "[tool.mutmut]", *lines, ""]).encode())
    # The tests are copied by mutmut only where they are new.
    shutil.rmtree(work / "mutants" / "tests", ignore_errors=True)
    for module in group.modules:  # what was copied as it is, before it was in the group
        if not (work / "mutants" / f"{module}.meta").exists():
            (work / "mutants" / module).unlink(missing_ok=True)
    return new_tests


def _write(path: Path, content: bytes) -> bool:
    if path.is_file() and path.read_bytes() == content:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return True


def with_plain_bodies(source: str) -> str:
    """`source` with the body of each decorated function in a function of its own: mutmut passes over decorated ones.

    >>> print(with_plain_bodies("class A:\\n    @property\\n    def b(self) -> int:\\n        return 1\\n"))
    class A:
        def plain_b(self) -> int:
            return 1
        @property
        def b(self) -> int:
            return self.plain_b()
    <BLANKLINE>
    """
    return cst.parse_module(source).visit(_Bodies()).code


class _Bodies(cst.CSTTransformer):
    def leave_FunctionDef(  # noqa: N802
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef | cst.FlattenSentinel[cst.FunctionDef]:
        names = [each.decorator.value for each in updated_node.decorators if isinstance(each.decorator, cst.Name)]
        if not names or not set(names) <= {"property", "cached_property", "cache", "contextmanager"}:
            return updated_node
        given = [parameter.name.value for parameter in updated_node.params.params]
        owner = f"{given.pop(0)}." if given[:1] == ["self"] else ""
        plain = updated_node.with_changes(name=cst.Name(f"plain_{updated_node.name.value}"), decorators=())
        call = cst.parse_statement(f"return {owner}{plain.name.value}({', '.join(given)})")
        return cst.FlattenSentinel([plain, updated_node.with_changes(body=cst.IndentedBlock([call]))])
