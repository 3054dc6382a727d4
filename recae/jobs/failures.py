"""What goes wrong with one setting or one model, and does not end the others."""

from __future__ import annotations

from recae.counted import counted
from recae.errors import CapacityError, RecaeError, StorageError, is_out_of_memory
from recae.reports.comparison import Trial


class NothingFittedError(RecaeError):
    """None of a model's settings could be fitted and judged."""

    def __init__(self, name: str, trials: tuple[Trial, ...]) -> None:
        first = next((trial.failed for trial in trials if trial.failed), "There was none.")
        super().__init__(f"None of {counted(len(trials), 'setting')} of {name} could be judged. The first: {first}")
        self.trials = trials


def reason_of(error: Exception) -> str:
    """Why a setting or a model failed, in a sentence.

    Raises:
        OSError, StorageError: the error itself, where every other setting and model would fail by it as well.
    """
    if isinstance(error, (OSError, StorageError)):
        raise error
    if isinstance(error, RecaeError):
        return str(error)
    first = (str(error).strip().splitlines() or [""])[0].rstrip(".")
    if of_memory(error):
        return f"There was not enough memory{f': {first}' if first else ''}."
    return f"{type(error).__name__}{f': {first}' if first else ''}."


def of_memory(error: Exception) -> bool:
    """Whether it may go better at another time, or on another machine."""
    return isinstance(error, CapacityError) or is_out_of_memory(error)
