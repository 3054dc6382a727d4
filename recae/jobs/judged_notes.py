"""What an evaluation says of its input on the way: what was left out, and what looks like the wrong file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from recae.counted import counted
from recae.data.split import HeldOut
from recae.evaluation.lists_table import JudgeableLists
from recae.jobs.inputs import beside
from recae.jobs.reading import Source
from recae.progress import Progress

NOTES = {
    "targets already in the history": ": left out, they cannot be recommended",
    "users without other targets": ": left out",
    "targets among unknown items": ": counted as missed",
}
"""What becomes of that which `read_held_out` counts."""


def tell_lists(found: JudgeableLists, source: Source, progress: Progress) -> None:
    """Say whose lists and which listed items count for nothing."""
    for count, what in (
        (found.unknown_users, "with a list and no target: left out"),
        (found.without_list, "with a target and no list: counted as 0"),
    ):
        if count:
            progress.say(f"{source}: {counted(count, 'user')} {what}.")
    if found.unknown_items:
        progress.say(f"{source}: {counted(found.unknown_items, 'listed item')} in no history and no target.")


def tell_notes(held_out: HeldOut, target: Source, progress: Progress) -> None:
    """Say what was counted while the targets were read, and what became of it."""
    for what, count in held_out.notes.items():
        progress.say(f"{target}: {count:,} {what}{NOTES.get(what, '')}.")


def tell_without_history(
    held_out: HeldOut, histories: Sequence[Source], target: Source, progress: Progress
) -> None:  # fmt: skip
    """Warn where a tenth of the users or more are judged without any history: probably the wrong file was given."""
    without = int(np.count_nonzero(np.diff(held_out.history.indptr) == 0))
    if 10 * without < held_out.n_users or not histories:
        return
    named = ", ".join(map(str, histories))
    made_for_it = None if Path(target).is_dir() else beside(target, f"{Path(target).stem}_history")
    hint = "give the files that hold what these users had before, with --history"
    if made_for_it is not None and made_for_it not in {Path(source).absolute() for source in histories}:
        made_for_it = Path(target).with_name(made_for_it.name)
        hint = f"their histories are in {made_for_it}, so give --history {made_for_it}"
    have = "has" if without == 1 else "have"
    progress.say(
        f"Warning: {without:,} of {counted(held_out.n_users, 'user')} with targets {have} no history in {named}, so "
        f"that the figures say little about the model: {hint}."
    )
