"""Amounts of memory as people write them."""

from __future__ import annotations

import re


def bytes_of(text: str) -> int:
    """The bytes in an amount such as 500M, 8G or 1.5T; without a letter it is bytes.

    >>> bytes_of("8G")
    8589934592

    Raises:
        ValueError: it is no such amount.
    """
    found = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)\s*([KMGT]?)(?:i?B)?", text.strip(), re.IGNORECASE)
    if found is None:
        raise ValueError(f"{text!r} is not an amount of memory such as 8G")
    return int(float(found[1]) * 1024 ** " KMGT".index(found[2].upper() or " "))
