"""One model's evaluation as an HTML page, or as Markdown."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recae.counted import counted
from recae.evaluation.gates import GateResult
from recae.evaluation.metrics import UNBOUNDED
from recae.evaluation.result import Evaluation
from recae.reports.comparison import ErrorExample
from recae.reports.error_section import errors_context, errors_markdown
from recae.reports.gates import gates_context, gates_markdown
from recae.reports.markdown import escaped
from recae.reports.model_plots import distribution_plot
from recae.reports.page import drawn, making, meter, write_page
from recae.reports.slice_section import slices_context, slices_markdown
from recae.reports.slices import slice_tables
from recae.reports.text import one_line
from recae.reports.wording import DASH, base_name, metric_label, metric_meaning, score

_MOST_PLOTS = 4


def write_evaluation_html(
    evaluation: Evaluation,
    facts: dict[str, Any],
    path: str | Path,
    *,
    gates: Sequence[GateResult] = (),
    errors: Sequence[ErrorExample] = (),
) -> None:
    """Write one evaluation as a page; `facts["what"]` names what was judged, `gates` are what it had to meet.

    `errors` are users who are served badly.

    Raises:
        ConfigError: jinja2 is not installed (`pip install 'recae[report]'`).
        StorageError: the file could not be written.
    """
    means, intervals = evaluation.means(), evaluation.intervals()
    first = next(iter(means))
    shown = [distribution_plot(metric, values) for metric, values in evaluation.per_user.items()]
    context = {
        "headline": _headline(evaluation, means),
        "detail": _detail(first, intervals.get(first)),
        "source": one_line(str(facts.get("what") or "")),
        "rows": [_row(metric, value, intervals.get(metric)) for metric, value in means.items()],
        "plots": [drawn(plot) for plot in shown[:_MOST_PLOTS]],
        **gates_context(gates),
        **slices_context(slice_tables({"": evaluation.slices}, list(means)), {"": "s1"}),
        **errors_context(errors, _judged(errors), first),
        **making(facts),
    }
    write_page("evaluation.html.j2", path, context)


def evaluation_markdown(
    evaluation: Evaluation,
    facts: dict[str, Any],
    *,
    gates: Sequence[GateResult] = (),
    errors: Sequence[ErrorExample] = (),
) -> str:
    """The same as Markdown, for a wiki page, a pull request or a mail."""
    means, intervals = evaluation.means(), evaluation.intervals()
    first, made = next(iter(means)), making(facts)
    rows = [["metric", "mean", "95% interval", "what it says"], [":--", "--:", "--:", ":--"]]
    for metric, value in means.items():
        span = _span(intervals.get(metric))
        rows.append([escaped(metric_label(metric)), score(value), span, escaped(metric_meaning(metric))])
    told = [("Command", made["command"]), *made["facts"]]
    parts = [
        f"# {escaped(_headline(evaluation, means))}",
        f"Evaluation of {escaped(str(facts.get('what') or 'lists'))}. {escaped(_detail(first, intervals.get(first)))}",
        *gates_markdown(gates, escaped),
        "## Metrics",
        "Means over the users that have targets, with 95% bootstrap intervals over users.",
        "\n".join(f"| {' | '.join(row)} |" for row in rows),
        *slices_markdown(slice_tables({"": evaluation.slices}, list(means)), escaped),
        *errors_markdown(errors, _judged(errors), first, escaped),
        "## How it was made",
        "\n".join(f"- {escaped(name)}: {escaped(value)}" for name, value in told if value),
        f"```json\n{made['configuration']}\n```" if made["configuration"] else "",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _headline(evaluation: Evaluation, means: dict[str, float]) -> str:
    first = next(iter(means))
    return one_line(f"{metric_label(first)} {score(means[first])} on {counted(len(evaluation.users), 'user')}")


def _judged(errors: Sequence[ErrorExample]) -> list[str]:
    return [next(iter(errors[0].values), "") if errors else ""]


def _span(interval: tuple[float, float] | None) -> str:
    return "" if interval is None else f"{score(interval[0])}{DASH}{score(interval[1])}"


def _detail(metric: str, interval: tuple[float, float] | None) -> str:
    if interval is None:
        return metric_meaning(metric)
    return f"95% interval {score(interval[0])} to {score(interval[1])}. {metric_meaning(metric)}"


def _row(metric: str, value: float, interval: tuple[float, float] | None) -> dict[str, Any]:
    bounded = base_name(metric) not in UNBOUNDED
    return {
        "label": metric_label(metric),
        "text": score(value),
        "raw": value if math.isfinite(value) else "",
        "bar": meter(value, interval, 1.0 if bounded else None),
        "meaning": metric_meaning(metric),
    }
