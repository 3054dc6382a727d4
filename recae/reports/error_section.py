"""Users who are served badly or about whom models disagree, as a section of a page and of a Markdown report."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from recae.counted import counted
from recae.reports.comparison import ErrorExample
from recae.reports.examples import example, targets_shown
from recae.reports.text import one_line
from recae.reports.wording import lower_is_better, metric_label, score

HEADINGS = {"worst": "Served worst by {best}", "disagreed": "Where the models disagree most"}


def errors_context(errors: Sequence[ErrorExample], order: Sequence[str], metric: str) -> dict[str, Any]:
    """What the template errors.html.j2 shows; `order` names the models, the best first."""
    groups = [
        {
            "heading": one_line(heading.format(best=own[0].best or order[0])),
            "users": [(example(error.user, order), one_line(note(error, order, metric))) for error in own],
        }
        for kind, heading in HEADINGS.items()
        if (own := [error for error in errors if error.kind == kind])
    ]
    return {"errors": groups}


def errors_markdown(
    errors: Sequence[ErrorExample], order: Sequence[str], metric: str, escape: Callable[[str], str]
) -> list[str]:
    """The same as headings and lists, hits in bold; `escape` makes any text safe on one line."""
    parts = ["## Where it goes wrong"] if errors else []
    for kind, heading in HEADINGS.items():
        own = [error for error in errors if error.kind == kind]
        if own:
            parts.append(f"### {escape(heading.format(best=own[0].best or order[0]))}")
        for error in own:
            lines = [f"- User {escape(one_line(error.user.user))}: {escape(note(error, order, metric))}"]
            lines.append(f"  - history: {_titles([(title, False) for title in error.user.history], escape)}")
            lines.append(f"  - hidden: {_titles([(title, False) for title in targets_shown(error.user)], escape)}")
            lines += [
                f"  - {escape(name)}: {_titles(error.user.lists[name], escape)}"
                for name in order
                if name in error.user.lists
            ]
            parts.append("\n".join(lines))
    return parts


def note(error: ErrorExample, order: Sequence[str], metric: str) -> str:
    """What there is to know about a user: the figures, how much was known, how well known is what was hidden."""
    values = {name: error.values[name] for name in order if name in error.values}
    label = metric_label(metric)
    if len(values) == 1:
        told = f"{label} {score(next(iter(values.values())))}"
    else:
        first = error.best if error.best in values else next(iter(values))
        best, worst = max(values, key=_key(values)), min(values, key=_key(values))
        if lower_is_better(metric):
            best, worst = worst, best
        if error.kind == "worst":
            level = values[best] == values[first]
            others = "and no other does better" if level else f"best here: {best} {score(values[best])}"
            told = f"{label}: {first} {score(values[first])}, {others}"
        else:
            told = f"{label}: {best} {score(values[best])}, {worst} {score(values[worst])}"
    rare = f"a median of {counted(round(error.hidden_users), 'training user')}"
    return (
        f"{told}. {counted(error.history_items, 'item')} in the history, {error.hidden_items:,} hidden, which {rare} "
        f"had (of all hidden items: {error.usual_users:,.0f})."
    )


def _key(values: dict[str, float]) -> Callable[[str], float]:
    return lambda name: values[name]


def _titles(titles: Sequence[tuple[str, bool]], escape: Callable[[str], str]) -> str:
    shown = [f"**{escape(one_line(title))}**" if hit else escape(one_line(title)) for title, hit in titles]
    return " · ".join(shown) or "nothing"
