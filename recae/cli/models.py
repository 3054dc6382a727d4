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

    The list tells what each model learns from, which users it scores, where it was published and what it costs in time
    and memory. For one model: the whole source, and every hyper-parameter with its default, allowed values and tuning
    range."""
    cards = model_cards(None if name is None else [name])
    shown = _one(cards[0], console.width) if name is not None else _all(cards, console.width)
    console.finish(shown, models=cards)


def _all(cards: list[ModelCard], width: int) -> str:
    rows = [
        [card.name, card.family, card.needs, "any" if card.inductive else "of training", card.reference]
        for card in cards
    ]
    header, *lines = text.table(["name", "family", "learns from", "scores users", "source"], rows, width=width).split(
        "\n"
    )
    entries = [
        "\n".join([line, *_indented(card.title, width), *_indented(card.cost, width)])
        for line, card in zip(lines, cards, strict=True)
    ]
    return "\n".join([header, *entries, "", "`recae models NAME` tells its hyper-parameters and its source in full."])


def _indented(words: str, width: int) -> list[str]:
    return textwrap.wrap(words, width, initial_indent=" " * 6, subsequent_indent=" " * 6)


def _one(card: ModelCard, width: int) -> str:
    users = "any history" if card.inductive else "only users of its training data"
    about = [("source", card.source), ("learns from", card.needs), ("scores", users), ("cost", card.cost)]
    lines = [f"{card.name}: {card.title}", text.facts([pair for pair in about if pair[1]]), "", "Hyper-parameters:"]
    for setting in card.parameters:
        facts = [f"default {setting.default}", setting.allowed, f"tuned over {setting.tuned}" if setting.tuned else ""]
        lines.append(f"  {setting.name}  ({'; '.join(filter(None, facts))})")
        lines += _indented(setting.meaning, width)
    return "\n".join(lines if card.parameters else [*lines[:-1], "It has no hyper-parameters."])
