"""Files that recae wrote itself and that hold something else now: told as damage, whatever the reader stumbled over."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa

from recae.errors import DamagedFileError, DataError, StorageError, reason

UNSOUND = (LookupError, TypeError, ValueError, ArithmeticError, NotImplementedError, AttributeError, pa.ArrowException)
"""What is raised where a key is missing, or a value is of another type, size or order than the one that was written."""


@contextmanager
def told_as_damage(place: Path, advice: str) -> Iterator[None]:
    """Within this, whatever a value from the files at `place` leads to is said of them; `advice` is a sentence.

    For reading alone: a mistake in other code would be taken for damage.

    Raises:
        DamagedFileError: something was not as it was written.
    """
    try:
        yield
    except MemoryError:  # Arrow's is one of its exceptions, too
        raise
    except (*UNSOUND, DataError) as error:
        raise DamagedFileError(f"{place} is damaged: {in_words(error)}. {advice}") from error


def in_words(error: Exception) -> str:
    """What was wrong with a value, by the error that it led to; on one line, without a full stop."""
    told = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
    if isinstance(error, KeyError):
        return f"{told} is missing"
    return f"a value is of another type ({told})" if isinstance(error, (TypeError, AttributeError)) else told


@contextmanager
def told_of(path: Path, kind: str = "Parquet") -> Iterator[None]:
    """Within this, what Arrow says of the file at `path` is told in the project's own words.

    Raises:
        StorageError: it could not be read.
        DamagedFileError: it is no file of this `kind`, is cut off, or holds what cannot be read.
    """
    try:
        yield
    except OSError as error:
        # Arrow reports both a refused file and a cut-off one as OSError; only the first has an error number.
        if error.errno is not None:
            raise StorageError(f"{path} could not be read: {reason(error)}.") from error
        raise DamagedFileError(f"{path} is cut short or damaged.") from error
    except MemoryError:
        raise
    except (pa.ArrowException, UnicodeDecodeError) as error:
        raise DamagedFileError(f"{path} is not a {kind} file that can be read.") from error
