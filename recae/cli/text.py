"""Small plain tables for the terminal; what comes from data cannot move the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

LONGEST_SENTENCE = 4000
"""Characters; an error that quotes an id of megabytes would fill the log of a month."""


def table(header: Sequence[str], rows: Sequence[Sequence[Any]], *, width: int = 100) -> str:
    """Aligned columns, numbers to the right; the last column is cut where the terminal ends.

    >>> print(table(["model", "users"], [["ease", 12], ["ials", 7]]))
    model  users
    ease      12
    ials       7
    """
    names, cells = [printable(name) for name in header], [[_shown(value) for value in row] for row in rows]
    right = [bool(rows) and all(isinstance(row[i], (int, float)) for row in rows) for i in range(len(header))]
    sizes = [max(len(line[i]) for line in [names, *cells]) for i in range(len(header))]

    def line(values: Sequence[str]) -> str:
        aligned = (v.rjust(n) if r else v.ljust(n) for v, n, r in zip(values, sizes, right, strict=True))
        text = "  ".join(aligned).rstrip()
        return text if len(text) <= width else text[: width - 1] + "…"

    return "\n".join(line(values) for values in [names, *cells])


def facts(pairs: Sequence[tuple[str, Any]]) -> str:
    """One name and value on each line, the values aligned."""
    size = max((len(name) for name, _ in pairs), default=0)
    return "\n".join(f"{printable(name).ljust(size)}  {_shown(value)}" for name, value in pairs)


def printable(text: str) -> str:
    """`text` without control characters, which could move the cursor or change colours."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in text)


def sentence(text: str) -> str:
    """What an error or warning says, as one printable line; too much of it loses its middle, as advice comes last."""
    kept = LONGEST_SENTENCE // 2
    short = text if len(text) <= LONGEST_SENTENCE else f"{text[:kept]} … {text[-kept:]}"
    return printable(" ".join(short.splitlines()))


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4f}" if abs(value) < 100 else f"{value:,.1f}"
    return printable(str(value))
