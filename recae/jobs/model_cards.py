"""What there is to know about each model before choosing one, derived from the model itself."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from recae.models.registry import model_class, model_names

if TYPE_CHECKING:
    from pydantic.fields import FieldInfo

_BOUNDS = (("gt", "> {}"), ("ge", ">= {}"), ("lt", "< {}"), ("le", "<= {}"))


@dataclass(frozen=True)
class ParameterCard:
    """One hyper-parameter."""

    name: str
    meaning: str
    default: Any
    allowed: str
    """The values it may take, in words: "whole number, >= 1"."""
    tuned: str
    """Where tuning searches; empty where it does not."""


@dataclass(frozen=True)
class ModelCard:
    """One model."""

    name: str
    title: str
    source: str
    reference: str
    """The source in short: "Steck 2019"."""
    family: str
    needs: str
    inductive: bool
    cost: str
    parameters: tuple[ParameterCard, ...]


def model_cards(names: Sequence[str] | None = None) -> list[ModelCard]:
    """The cards of these models, or of all.

    Raises:
        ConfigError: there is no such model.
    """
    return [_card(name) for name in (model_names() if names is None else names)]


def _card(name: str) -> ModelCard:
    model = model_class(name)
    info = model.info
    parameters = tuple(_parameter(key, field) for key, field in model.Config.model_fields.items())
    return ModelCard(
        name,
        info.title,
        info.source,
        reference(info.source),
        info.family,
        info.needs,
        info.inductive,
        info.cost,
        parameters,
    )


def reference(source: str) -> str:
    """Authors and year of the first paper that a source names, or all of it where it names none.

    >>> reference("Sarwar, Karypis, Konstan, Riedl (2001): Item-based collaborative filtering. WWW 2001")
    'Sarwar et al. 2001'
    >>> reference("Deshpande, Karypis 2004: Item-based top-N recommendation algorithms"), reference("as they were seen")
    ('Deshpande, Karypis 2004', 'as they were seen')
    """
    found = re.match(r"([^:(]+?)[ ,(]+([0-9]{4})\b", source)
    if found is None:
        return source
    authors = found[1].split(", ")
    return f"{found[1] if len(authors) < 3 else f'{authors[0]} et al.'} {found[2]}"


def _parameter(name: str, field: FieldInfo) -> ParameterCard:
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    meaning = " ".join((field.description or "").split())
    return ParameterCard(name, meaning, field.default, _allowed(field), _tuned(extra.get("tune"), extra.get("scale")))


def _allowed(field: FieldInfo) -> str:
    bounds = [text.format(getattr(part, key)) for part in field.metadata for key, text in _BOUNDS if hasattr(part, key)]
    return ", ".join([_kind(field.annotation), *bounds])


def _kind(annotation: Any) -> str:
    names = {int: "whole number", float: "number", bool: "true or false", str: "text"}
    if annotation in names:
        return names[annotation]
    choices = getattr(annotation, "__args__", ())
    if choices and all(isinstance(choice, (str, int)) for choice in choices):
        return " or ".join(map(str, choices))
    parts = [_kind(choice) for choice in choices if choice not in (type(None), ...)]
    origin = getattr(annotation, "__origin__", None)
    if origin is tuple:
        return f"list of {parts[0]}s" if parts else "list"
    none = ["none"] if type(None) in choices else []
    return " or ".join([*parts, *none]) if parts else str(annotation)


def _tuned(values: Any, scale: Any) -> str:
    if not isinstance(values, list):
        return ""
    if scale == "choice":
        return ", ".join(map(str, values))
    low, high = values
    return f"{low} ... {high}" + (", log" if scale == "log" else "")
