"""mutmut with the tests of a mutant in the order of their duration: most mutants fall at the first of them."""

from __future__ import annotations

import gc
from collections.abc import Iterable

from mutmut.__main__ import cli
from mutmut.runners.harness import PytestRunner
from mutmut.state import state

_run_tests = PytestRunner.run_tests


def _fast_first(self: PytestRunner, *, mutant_name: str | None, tests: Iterable[str]) -> int:
    gc.freeze()  # or pytest's own collections go through all that was imported, in every child
    duration = state().duration_by_test
    in_order = sorted(tests, key=lambda test: (duration.get(test, 0.0), test))
    return _run_tests(self, mutant_name=mutant_name, tests=in_order)


if __name__ == "__main__":
    PytestRunner.run_tests = _fast_first
    cli()
