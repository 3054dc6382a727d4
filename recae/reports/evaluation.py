"""One model's evaluation as an HTML page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from recae.counted import counted
from recae.evaluation.gates import GateResult
from recae.evaluation.metrics import UNBOUNDED
from recae.evaluation.result import Evaluation
from recae.reports.comparison import ErrorExample
from recae.reports.error_section import errors_context
from recae.reports.gates import gates_context
from recae.reports.model_plots import distribution_plot
from recae.reports.page import drawn, making, meter, write_page
from recae.reports.slice_section import slices_context
from recae.reports.slices import slice_tables
from recae.reports.text import one_line
from recae.reports.wording import base_name, metric_label, metric_meaning, score

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
    name = next(iter(errors[0].values), "") if errors else ""
    shown = [distribution_plot(metric, values) for metric, values in evaluation.per_user.items()]
    context = {
        "headline": one_line(
            f"{metric_label(first)} {score(means[first])} on {counted(len(evaluation.users), 'user')}"
        ),
        "detail": _detail(first, intervals.get(first)),
        "source": one_line(str(facts.get("what") or "")),
        "rows": [_row(metric, value, intervals.get(metric)) for metric, value in means.items()],
        "plots": [drawn(plot) for plot in shown[:_MOST_PLOTS]],
        **gates_context(gates),
        **slices_context(slice_tables({"": evaluation.slices}, list(means)), {"": "s1"}),
        **errors_context(errors, [name], first),
        **making(facts),
    }
    write_page("evaluation.html.j2", path, context)


def _detail(metric: str, interval: tuple[float, float] | None) -> str:
    if interval is None:
        return metric_meaning(metric)
    return f"95% interval {score(interval[0])} to {score(interval[1])}. {metric_meaning(metric)}"


def _row(metric: str, value: float, interval: tuple[float, float] | None) -> dict[str, Any]:
    bounded = base_name(metric) not in UNBOUNDED
    return {
        "label": metric_label(metric),
        "text": score(value),
        "bar": meter(value, interval, 1.0 if bounded else None),
        "meaning": metric_meaning(metric),
    }
