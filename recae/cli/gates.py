"""Quality gates on the command line: the options, and how a command ends whose result does not meet them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from recae.cli.base import Decorator, option
from recae.cli.console import Console
from recae.cli.options import ModelName, NameList
from recae.errors import QualityError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from recae.evaluation.gates import GateResult

GATES = "Quality gates (exit code 6 if one is not met; results are written all the same)"

_BOUNDS: Sequence[Decorator] = (
    option(
        "--fail-under",
        multiple=True,
        metavar="METRIC=X",
        section=GATES,
        help="Fail if the metric is less, e.g. ndcg@100=0.30; any number of times.",
    ),
    option(
        "--fail-over",
        multiple=True,
        metavar="METRIC=X",
        section=GATES,
        help="Fail if it is more, e.g. rmse=0.9, for metrics of which less is better.",
    ),
)
_KEEPING: Sequence[Decorator] = (
    option(
        "--against",
        metavar="FORMER",
        section=GATES,
        help="Fail if significantly worse than an earlier result on the same targets: a --per-user table, the folder "
        "of a comparison or its report.json, or what --json printed; FORMER:MODEL where it tells of several models.",
    ),
    option(
        "--tolerance",
        type=float,
        metavar="X",
        section=GATES,
        help="How much worse than FORMER is no failure, in the metric's own units.  [default: 0.005]",
    ),
    option(
        "--gate-metrics",
        type=NameList(),
        metavar="NAMES",
        section=GATES,
        help="What --require-beats and --against go by.  [default: the first of --metrics]",
    ),
)

EVALUATE_GATES = (
    *_BOUNDS,
    option(
        "--require-beats",
        multiple=True,
        metavar="OTHER",
        section=GATES,
        help="Fail unless significantly better (paired test over the same users) than OTHER: a model folder, a "
        "--per-user table, or COMPARISON:MODEL; any number of times.",
    ),
    *_KEEPING,
)
COMPARE_GATES = (
    *_BOUNDS,
    option(
        "--require-beats",
        type=ModelName(),
        multiple=True,
        metavar="MODEL",
        section=GATES,
        help="Fail unless significantly better (paired test over the same users, corrected) than this one of the "
        "models; any number of times.",
    ),
    *_KEEPING,
    option(
        "--candidate",
        type=ModelName(),
        metavar="MODEL",
        section=GATES,
        help="The model that has to pass.  [default: the best one]",
    ),
)


def finish_with_gates(console: Console, text: str, results: Sequence[GateResult], **fields: Any) -> None:
    """Give the result as `Console.finish` does, with what became of each gate.

    Raises:
        QualityError: a gate was not met.
    """
    from recae.jobs.gates import failures, hold
    from recae.reports.gates import gate_lines

    lines = ["", *gate_lines(results)] if results else []
    outcome: dict[str, Any] = {"gates": results} if results else {}
    if not all(result.passed for result in results):
        outcome |= {"status": "error", "exit_code": QualityError.exit_code, "message": failures(results)}
    console.finish("\n".join([text, *lines]), **(fields | outcome))
    hold(results)
