"""Text from outside (titles, ids, names, paths) as it may stand in a report: one printable line, not too long."""

from __future__ import annotations

import unicodedata

LONGEST = 300
"""Letters of one untrusted text that are shown; the rest becomes an ellipsis."""
_JOINERS = "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}"
"""Invisible, but Persian, Hindi and many emoji are not written right without them."""
_MOST_MARKS = 4
"""Accents that one letter may carry; no script needs more, and a tower of them covers the lines above."""


def one_line(text: str, longest: int = LONGEST) -> str:
    """`text` without line breaks, control characters and changes of direction, at most `longest` letters of it."""
    shown: list[str] = []
    marks = 0
    for letter in text[: longest + 1]:
        marks = marks + 1 if unicodedata.category(letter) in ("Mn", "Me") else 0
        if marks <= _MOST_MARKS:
            shown.append(letter if letter.isprintable() or letter in _JOINERS else " ")
    return "".join(shown[:longest]).rstrip() + "…" if len(text) > longest else "".join(shown)


def name_of(text: str, longest: int = 40) -> str:
    """A name for an axis or a column: shorter than `one_line`, and never empty."""
    return one_line(text, longest).strip() or "(no name)"


def columns_of(text: str) -> int:
    """How many columns of a terminal printable text takes: two for each letter of East Asia, none for an accent."""
    return sum(map(_columns, text))


def _columns(letter: str) -> int:
    if unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in "WF" else 1
