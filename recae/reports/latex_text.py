"""Untrusted text as LaTeX: nothing in it is a command, and every engine can set it."""

from __future__ import annotations

import re
import unicodedata
from itertools import groupby

from recae.reports.text import one_line

NEEDED = r"\providecommand{\recaeunicode}[2]{\ifdefined\Umathchardef #1\else #2\fi}"
"""What must be defined where `escaped` gave a `\\recaeunicode`."""
_GREEK = (
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "iota", "kappa", "lamda", "mu", "nu", "xi",
    "pi", "rho", "sigma", "tau", "upsilon", "phi", "chi", "psi", "omega",
)  # fmt: skip
_CAPITAL = ("gamma", "delta", "theta", "lamda", "xi", "pi", "sigma", "phi", "psi", "omega")
"""The Greek capitals that TeX has; the others look like Latin letters, and have no command."""
_SPECIAL = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "#": r"\#", "_": r"\_", "%": r"\%",
    "^": r"\textasciicircum{}", "~": r"\textasciitilde{}", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedblright{}", "`": r"\textasciigrave{}",
    "\N{EN DASH}": "--", "\N{EM DASH}": "---", "\N{MINUS SIGN}": "$-$", "\N{HORIZONTAL ELLIPSIS}": r"\dots{}",
    "\N{MULTIPLICATION SIGN}": r"$\times$", "\N{PLUS-MINUS SIGN}": r"$\pm$",
    "\N{LEFT SINGLE QUOTATION MARK}": r"\textquoteleft{}", "\N{RIGHT SINGLE QUOTATION MARK}": "'",
    "\N{LEFT DOUBLE QUOTATION MARK}": r"\textquotedblleft{}",
    "\N{RIGHT DOUBLE QUOTATION MARK}": r"\textquotedblright{}",
    "\N{LATIN SMALL LETTER DOTLESS I}": r"\i{}", "ß": r"\ss{}", "æ": r"\ae{}", "Æ": r"\AE{}", "œ": r"\oe{}",
    "Œ": r"\OE{}", "ø": r"\o{}", "Ø": r"\O{}", "ł": r"\l{}", "Ł": r"\L{}",
    "¿": r"\textquestiondown{}", "¡": r"\textexclamdown{}",
    **{unicodedata.lookup(f"GREEK SMALL LETTER {name}"): rf"$\{name.replace('lamda', 'lambda')}$" for name in _GREEK},
    **{unicodedata.lookup(f"GREEK CAPITAL LETTER {name}"): rf"$\{name.replace('lamda', 'lambda').title()}$"
       for name in _CAPITAL},
}  # fmt: skip
_ACCENTS = dict(
    zip("\u0300\u0301\u0302\u0303\u0308\u030a\u0327\u030c\u0304\u0306\u0307\u030b", "`'^~\"rcv=u.H", strict=True)
)
_LIGATURE = re.compile(r"([-',])(?=\1)")


def escaped(text: str) -> str:
    r"""Text from outside as LaTeX that sets it as it is, on one line, in ASCII where there is a command for it.

    What pdfLaTeX has no command for becomes `\recaeunicode{text}{code points}`: XeLaTeX and LuaLaTeX set the text,
    pdfLaTeX the code points.
    """
    letters = unicodedata.normalize("NFC", one_line(text))
    parts = []
    for known, run in groupby(letters, key=lambda letter: _command(letter) is not None):
        if known:
            parts.append("".join(_command(letter) or "" for letter in run))
        else:
            raw = "".join(run)
            parts.append(rf"\recaeunicode{{{raw}}}{{{' '.join(f'U+{ord(letter):04X}' for letter in raw)}}}")
    return _LIGATURE.sub(r"\1{}", "".join(parts))


def protected(cell: str) -> str:
    r"""A cell whose first letter cannot be taken for an argument of the `\\` or rule before it."""
    return f"{{{cell[0]}}}{cell[1:]}" if cell[:1] in ("[", "*", "(") else cell


def _command(letter: str) -> str | None:
    """One letter as LaTeX; None where it has no command that every engine knows."""
    if letter in _SPECIAL or letter.isascii():
        return _SPECIAL.get(letter, letter)
    kind, _, parts = unicodedata.decomposition(letter).rpartition("> ")
    points = [chr(int(point, 16)) for point in parts.split()]
    if kind == "<super" and len(points) == 1 and points[0].isascii():
        return rf"\textsuperscript{{{points[0]}}}"
    if not kind and len(points) == 2 and points[0].isascii() and points[1] in _ACCENTS:
        return rf"\{_ACCENTS[points[1]]}{{{_SPECIAL.get(points[0], points[0])}}}"
    return None
