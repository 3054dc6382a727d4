"""What each model holds to be like a few items, side by side, and which of it all models agree on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from recae.counted import counted
from recae.insight.neighbours import NamedItem
from recae.reports.comparison import Comparison, ModelRun
from recae.reports.examples import lists_markdown
from recae.reports.text import one_line


def similar_context(comparison: Comparison) -> list[dict[str, Any]]:
    """Every asked item for the template `section` of similar.html.j2; empty where no model has an answer."""
    runs = _answering(comparison)
    if not runs:
        return []
    return [_card(item, place, runs) for place, item in enumerate(comparison.asked)]


def similar_markdown(comparison: Comparison, escaped: Callable[[str], str]) -> list[str]:
    """A table for each asked item as parts of a Markdown text; what all models list is in bold."""
    cards = similar_context(comparison)
    parts = ["## Items that go together", "What all models list is in bold."] if cards else []
    for card in cards:
        parts += [f"### {escaped(card['title'])} ({card['users']})", lists_markdown(card["lists"], escaped)]
    return parts


def silent(comparison: Comparison) -> list[str]:
    """The models that tell no items apart, best first."""
    return [run.name for run in comparison.leaderboard() if not run.similar] if comparison.asked else []


def _answering(comparison: Comparison) -> list[ModelRun]:
    return [run for run in comparison.leaderboard() if run.similar and len(run.similar) == len(comparison.asked)]


def _card(item: NamedItem, place: int, runs: list[ModelRun]) -> dict[str, Any]:
    near = {run.name: run.similar[place] for run in runs}
    common = set.intersection(*({one.id for one in found} for found in near.values())) if len(runs) > 1 else set()
    return {
        "title": one_line(item.title),
        "users": counted(item.users, "user"),
        "lists": [
            {"name": one_line(name), "places": [(one_line(one.title), one.id in common) for one in found]}
            for name, found in near.items()
        ],
    }
