"""Numbers with their nouns, as sentences need them."""

from __future__ import annotations


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """`"1 user"`, `"1,000 users"`, `"2 histories"`; `plural` is needed where the noun does not just take an s."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"
