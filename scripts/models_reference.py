"""Write docs/models.md from the models themselves: `python scripts/models_reference.py [--check]`."""

from __future__ import annotations

import json
import statistics
import sys
from pathlib import Path
from typing import Any

from recipes import DATA_SETS, DataSet

from recae.jobs.model_cards import ModelCard, model_cards
from recae.models.registry import model_class

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE, FIGURES = DOCS / "models.md", DOCS / "reproduced.json"
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


def reproduced(stored: dict[str, Any]) -> str:
    """The tables of published and measured figures, a data set each."""
    head = (
        "\n# Figures\n\nMeasured by `python scripts/reproduce.py`; the full record, with every setting that was tried, "
        "is in `reproduced.json`. Settings that are not named are the defaults. *Tried*: how many settings were "
        "compared on validation data; 0 means that there was one setting, named in `scripts/recipes.py`.\n"
    )
    parts = [head]
    for data, rows in stored.items():
        parts.append(f"\n## {DATA_SETS[data].title}\n\n{DATA_SETS[data].split}\n\n" + figures(DATA_SETS[data], rows))
    return "".join(parts)


def figures(about: DataSet, rows: dict[str, Any]) -> str:
    recipes = {recipe.name: recipe for recipe in about.recipes}
    first = about.metrics[0]
    refits = any(f"refitted {first}" in row["runs"][0] for row in rows.values())
    heads = ["model", "published", *map(shown, about.metrics), *([f"refitted {shown(first)}"] if refits else [])]
    text = ["| " + " | ".join([*heads, "settings", "tried", "fit, s", "command"]) + " |"]
    text.append("|---|---|" + "--:|" * (len(heads) - 2) + "---|--:|--:|---|")
    down = first != "rmse"
    for name, row in sorted(rows.items(), key=lambda pair: pair[1]["metrics"][first], reverse=down):
        recipe, runs = recipes.get(name), row["runs"]
        published = f"{recipe.published} ({recipe.source})" if recipe and recipe.published else ""
        measured = [f"{row['metrics'][metric]:.4f}" for metric in about.metrics]
        if refits:
            again = runs[0].get(f"refitted {first}")
            measured.append("" if again is None else f"{again:.4f}")
        settings = ", ".join(f"{key}={value}" for key, value in row["settings"].items()) or "defaults"
        seconds = statistics.fmean(run["fit seconds"] for run in runs)
        cells = [name, published, *measured, settings, len(row["tried on validation data"]), f"{seconds:.1f}"]
        text.append("| " + " | ".join(map(str, cells)) + f" | `{row['command']}` |")
    latest = max(rows.values(), key=lambda row: row["date"])
    versions = ", ".join(f"{name} {version}" for name, version in latest["versions"].items())
    seeds = "seed " + ", ".join(map(str, about.seeds)) if len(about.seeds) == 1 else f"mean of seeds {about.seeds}"
    return "\n".join(text) + f"\n\n{seeds}, {latest['date']}, {latest['machine']}; {versions}.\n"


def shown(metric: str) -> str:
    return metric.upper().replace("RECALL", "Recall")


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
    stored = json.loads(FIGURES.read_text(encoding="utf-8")) if FIGURES.exists() else {}
    return HEAD + overview(cards) + "".join(section(card) for card in cards) + (reproduced(stored) if stored else "")


def write_page() -> None:
    PAGE.write_text(page(), encoding="utf-8")


def main() -> None:
    if "--check" in sys.argv[1:]:
        if PAGE.read_text(encoding="utf-8") != page():
            sys.exit(f"{PAGE} is not up to date: run python {sys.argv[0]}")
    else:
        write_page()


if __name__ == "__main__":
    main()
