"""The settings that were tried: what stands beside each model on a page and in a Markdown report."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from recae.reports.comparison import Comparison, ModelRun, Trial
from recae.reports.standing import failed_words
from recae.reports.text import name_of, one_line
from recae.reports.wording import duration, lower_is_better, metric_label, score, setting, settings, size, whole

MOST_TRIALS = 200


def settings_context(run: ModelRun, metric: str) -> dict[str, Any]:
    """What the template settings.html.j2 shows of one model."""
    names = list(dict.fromkeys(name for trial in run.trials for name in trial.settings))
    chosen = _chosen(run, lower_is_better(metric)) if run.trials else None
    spent = duration(sum(trial.seconds for trial in run.trials))
    return {
        "name": one_line(run.name),
        "first": "ascending" if lower_is_better(metric) else "descending",
        "chosen": one_line(settings({name: run.config.get(name) for name in names} or run.config)),
        "search": f"{len(run.trials)} tried in {spent}{failed_words(run)}" if run.trials else "not tuned",
        "cost": f"{size(run.size_bytes)}, {whole(run.users_per_second)} users/s",
        "names": [name_of(name) for name in names],
        "rows": [
            {
                "settings": [_value(trial, name) for name in names],
                "value": score(trial.value),
                "failed": one_line(trial.failed),
                "raw": trial.value if math.isfinite(trial.value) else "",
                "seconds": duration(trial.seconds),
                "spent": trial.seconds,
                "chosen": trial is chosen,
            }
            for trial in run.trials[:MOST_TRIALS]
        ],
        "more": whole(len(run.trials) - MOST_TRIALS) if len(run.trials) > MOST_TRIALS else "",
    }


def _value(trial: Trial, name: str) -> str:
    """Older files leave out what was at its default, whatever that was."""
    return one_line(setting(trial.settings[name])) if name in trial.settings else "default"


def _chosen(run: ModelRun, lower: bool) -> Trial:
    judged = [trial for trial in run.trials if not trial.failed]
    fitting = [t for t in judged if all(run.config.get(key) == value for key, value in t.settings.items())]
    return (min if lower else max)(fitting or judged or run.trials, key=lambda trial: trial.value)


def settings_markdown(comparison: Comparison, escape: Callable[[str], str]) -> list[str]:
    """The chosen settings as a list, then a table of those tried; `escape` makes any text safe on one line of one."""
    metric, board = comparison.metrics[0], comparison.leaderboard()
    parts = ["## Chosen settings", "\n".join(f"- {_line(run, escape)}" for run in board)]
    for run in board:
        if run.trials:
            parts += [f"### Tried: {escape(run.name)}", _grid(settings_context(run, metric), metric, escape)]
    return parts


def _line(run: ModelRun, escape: Callable[[str], str]) -> str:
    tried = f"{len(run.trials)} tried on validation data{failed_words(run)}" if run.trials else "not tuned"
    return (
        f"**{escape(run.name)}**: {escape(settings(run.config))} ({tried}; {size(run.size_bytes)}, "
        f"{whole(run.users_per_second)} users per second)"
    )


def _grid(shown: dict[str, Any], metric: str, escape: Callable[[str], str]) -> str:
    lines = [[*map(escape, shown["names"]), f"validation {escape(metric_label(metric))}", "time"]]
    lines.append(["--:" for _ in lines[0]])
    for row in shown["rows"]:
        reached = f"failed: {escape(row['failed'])}" if row["failed"] else row["value"]
        value = f"**{reached}** (chosen)" if row["chosen"] else reached
        lines.append([*map(escape, row["settings"]), value, row["seconds"]])
    table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
    return f"{table}\n\nAnd {shown['more']} more." if shown["more"] else table
