"""One user as the template `card` of examples.html.j2 shows it: history, hidden items, lists side by side."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from recae.reports.comparison import Comparison, ExampleUser
from recae.reports.text import one_line
from recae.reports.wording import whole

MOST_EXAMPLES = 12
MOST_TARGETS = 10
"""More are shown only if they are hits."""


def example(user: ExampleUser, order: Sequence[str]) -> dict[str, Any]:
    """`user` for the template, with the lists of the models that have one in the `order` of their names."""
    lists = [
        {
            "name": one_line(name),
            "hits": sum(hit for _, hit in user.lists[name]),
            "places": [(one_line(title), hit) for title, hit in user.lists[name]],
        }
        for name in order
        if name in user.lists
    ]
    shown = targets_shown(user)
    return {
        "user": one_line(user.user),
        "history": [one_line(title) for title in user.history],
        "targets": [one_line(title) for title in shown],
        "more": whole(len(user.targets) - len(shown)) if len(user.targets) > len(shown) else "",
        "lists": lists,
    }


def examples_markdown(comparison: Comparison, escaped: Callable[[str], str]) -> list[str]:
    """The users with their lists side by side as parts of a Markdown text; hits are in bold."""
    order = [run.name for run in comparison.leaderboard()]
    parts = ["## What users would see", "Hits in bold."] if comparison.examples else []
    for user in comparison.examples[:MOST_EXAMPLES]:
        card = example(user, order)
        more = f" and {card['more']} more" if card["more"] else ""
        history, targets = (" · ".join(escaped(title) for title in card[part]) for part in ("history", "targets"))
        parts += [
            f"### User {escaped(card['user'])}",
            f"- Had already: {history or 'nothing'}\n- Hidden, to be found: {targets}{more}",
            *([lists_markdown(card["lists"], escaped)] if card["lists"] else []),
        ]
    return parts


def lists_markdown(lists: Sequence[Mapping[str, Any]], escaped: Callable[[str], str]) -> str:
    """A table with a column for each list; `lists` have a name and places, (title, marked), the marked in bold."""
    lines = [[escaped(found["name"]) for found in lists], [":--" for _ in lists]]
    for place in range(max(len(found["places"]) for found in lists)):
        cells = [found["places"][place] if place < len(found["places"]) else ("", False) for found in lists]
        lines.append(
            [f"**{escaped(title)}**" if marked and title.strip() else escaped(title) for title, marked in cells]
        )
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def targets_shown(user: ExampleUser) -> list[str]:
    """Every target that a list found, and others up to `MOST_TARGETS`, in the order in which they are given."""
    hits = {title for places in user.lists.values() for title, hit in places if hit}
    room = MOST_TARGETS - sum(title in hits for title in user.targets)
    shown = []
    for title in user.targets:
        if title not in hits:
            room -= 1
        if title in hits or room >= 0:
            shown.append(title)
    return shown
