"""What became of the quality gates, for every form of a report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from recae.counted import counted
from recae.evaluation.gates import GateResult
from recae.reports.text import one_line


def gates_headline(gates: Sequence[GateResult]) -> str:
    """`"All 3 gates passed"`, `"1 of 3 gates failed"`; empty where there are none."""
    failed = sum(not gate.passed for gate in gates)
    if not gates:
        return ""
    if failed:
        return f"{failed} of {counted(len(gates), 'gate')} failed"
    return "The gate passed" if len(gates) == 1 else f"All {len(gates)} gates passed"


def gate_rows(gates: Sequence[GateResult]) -> list[dict[str, Any]]:
    """Rows for the template `gates`, those that failed first; names hold paths, which are untrusted text."""
    ordered = sorted(gates, key=lambda gate: gate.passed)
    return [{"name": one_line(gate.name), "passed": gate.passed, "reason": one_line(gate.reason)} for gate in ordered]


def gate_lines(gates: Sequence[GateResult]) -> list[str]:
    """One line for each gate, for the terminal, those that failed first."""
    return [f"{'passed' if row['passed'] else 'FAILED'}  {row['name']}: {row['reason']}" for row in gate_rows(gates)]


def gates_context(gates: Sequence[GateResult]) -> dict[str, Any]:
    """What the template `gates` is given."""
    return {"gates": {"headline": gates_headline(gates), "rows": gate_rows(gates)}}


def gates_markdown(gates: Sequence[GateResult], escaped: Callable[[str], str]) -> list[str]:
    """The section of a Markdown report; nothing where there are none."""
    if not gates:
        return []
    rows = [f"- {'passed' if r['passed'] else '**failed**'}: {escaped(r['reason'])}" for r in gate_rows(gates)]
    return [f"## {gates_headline(gates)}", "\n".join(rows)]
