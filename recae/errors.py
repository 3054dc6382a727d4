"""Everything that can go wrong for a user, each with the exit code that a scheduler sees."""

from __future__ import annotations

import os
import re

_NUMBER = re.compile(r"\b(?:os error|errno) (\d{1,5})\b", re.IGNORECASE)
"""The system's number of a failure within the words of a library."""


class RecaeError(Exception):
    """One clear sentence for a person: what is wrong, where, and what to do about it."""

    exit_code = 1


class ConfigError(RecaeError):
    """A command, option or hyper-parameter that cannot be used as it was given."""

    exit_code = 2


class DataError(RecaeError):
    """Input data that is malformed, or empty after the filters."""

    exit_code = 3


class CapacityError(RecaeError):
    """The work would not fit in memory; the sentence names an estimate and an alternative."""

    exit_code = 4


class StorageError(RecaeError):
    """A file or folder that could not be read or written."""

    exit_code = 5


class DamagedFileError(StorageError):
    """A file that could be read but does not hold what it should: cut short, or of another format."""


class QualityError(RecaeError):
    """A quality gate was not met."""

    exit_code = 6


class ModelFormatError(RecaeError):
    """A model folder that is damaged, incomplete or of another format version."""

    exit_code = 7


class UnsoundModelError(RecaeError):
    """A model whose scores are no numbers that can be ranked."""

    exit_code = 7


class ReportFormatError(RecaeError):
    """A comparison's folder that is damaged, incomplete or of another format version."""

    exit_code = 7


class OutputLockedError(RecaeError):
    """Another run is writing to the same output."""

    exit_code = 75


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of Python's or of a library's says that there was no memory left."""
    # torch's own classes are not imported for this: OutOfMemoryError on a GPU, a plain RuntimeError elsewhere.
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or (isinstance(error, RuntimeError) and "can't allocate memory" in str(error))
    )


def reason(error: Exception) -> str:
    """Why something could not be read or written, in the system's words also where a library has put it in its own."""
    number, told = getattr(error, "errno", None), getattr(error, "strerror", None) or str(error)
    if found := _NUMBER.search(told):
        number = int(found[1])
    return os.strerror(number) if number else told
