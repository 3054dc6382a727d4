"""Write docs/models.md from the models themselves: `python scripts/models_reference.py [--check]`."""

from __future__ import annotations

import sys
from pathlib import Path

from recae.jobs.model_cards import ModelCard, model_cards
from recae.models.registry import model_class

PAGE = Path(__file__).resolve().parent.parent / "docs" / "models.md"
HEAD = """\
# Models

Written by `python scripts/models_reference.py` from the models themselves; a test keeps the two alike. `recae models
NAME` tells the same on the command line.

Every model is fitted on an `Interactions` and scores rows of histories. *Implicit* models look only at which items are
in a history (use `--min-rating` where low ratings should not count); *rating* models predict ratings. Models that score
*any history* are used for new users without training again; the others know only the users they were trained on.

Defaults are the published ones where a paper names some. `recae compare` tries the settings listed under *tried by
compare* on validation data and keeps the best; one that is named there differs from the defaults only in what it says.

"""


def overview(cards: list[ModelCard]) -> str:
    rows = ["| model | family | learns from | scores | source |", "|---|---|---|---|---|"]
    for card in cards:
        scores = "any history" if card.inductive else "users of the training data"
        rows.append(f"| [`{card.name}`](#{card.name}) | {card.family} | {card.needs} | {scores} | {card.source} |")
    return "\n".join(rows) + "\n"


def section(card: ModelCard) -> str:
    model = model_class(card.name)
    text = [f"\n## {card.name}\n", f"**{card.title}.** {first_paragraph(model.__doc__)}\n", f"Cost: {card.cost}.\n"]
    if card.parameters:
        text += ["| hyper-parameter | default | allowed | tuned over | meaning |", "|---|---|---|---|---|"]
        for p in card.parameters:
            tuned = p.tuned or "-"
            text.append(f"| `{p.name}` | {p.default} | {p.allowed} | {tuned} | {p.meaning} |")
        text.append("")
    settings = [", ".join(f"{key}={value}" for key, value in trial.items()) or "the defaults" for trial in model.grid]
    if len(settings) > 1:
        text.append("Tried by compare: " + "; ".join(settings) + ".\n")
    return "\n".join(text)


def first_paragraph(text: str | None) -> str:
    return " ".join((text or "").split("\n\n")[0].split())


def page() -> str:
    cards = model_cards()
    return HEAD + overview(cards) + "".join(section(card) for card in cards)


def main() -> None:
    if "--check" in sys.argv[1:]:
        if PAGE.read_text(encoding="utf-8") != page():
            sys.exit(f"{PAGE} is not up to date: run python {sys.argv[0]}")
    else:
        PAGE.write_text(page(), encoding="utf-8")


if __name__ == "__main__":
    main()
