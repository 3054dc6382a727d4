"""`recae models`."""

from __future__ import annotations

import textwrap

import click

from recae.cli import text
from recae.cli.base import command
from recae.cli.console import Console
from recae.cli.options import ModelName
from recae.jobs.model_cards import ModelCard, model_cards


@command("models", examples=("recae models", "recae models mult-vae", "recae models --json"))
@click.argument("name", required=False, type=ModelName())
def models(console: Console, name: str | None) -> None:
    """List the models, or tell one model's hyper-parameters.

    With their defaults, allowed values, tuning ranges, cost and source."""
    cards = model_cards(None if name is None else [name])
    shown = _one(cards[0], console.width) if name is not None else _all(cards, console.cut)
    console.finish(shown, models=cards)


def _all(cards: list[ModelCard], width: int) -> str:
    rows = [
        [card.name, card.family, card.needs, "any" if card.inductive else "of training", card.title] for card in cards
    ]
    listing = text.table(["name", "family", "learns from", "scores users", "title"], rows, width=width)
    return f"{listing}\n\n`recae models NAME` tells its hyper-parameters."


def _one(card: ModelCard, width: int) -> str:
    users = "any history" if card.inductive else "only users of its training data"
    about = [("source", card.source), ("learns from", card.needs), ("scores", users), ("cost", card.cost)]
    lines = [f"{card.name}: {card.title}", text.facts([pair for pair in about if pair[1]]), "", "Hyper-parameters:"]
    for setting in card.parameters:
        facts = [f"default {setting.default}", setting.allowed, f"tuned over {setting.tuned}" if setting.tuned else ""]
        lines.append(f"  {setting.name}  ({'; '.join(filter(None, facts))})")
        lines += textwrap.wrap(setting.meaning, width - 6, initial_indent=" " * 6, subsequent_indent=" " * 6)
    return "\n".join(lines if card.parameters else [*lines[:-1], "It has no hyper-parameters."])
