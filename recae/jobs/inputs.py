"""What `train` and `compare` accept as INPUT: a log, a split that recae wrote, or a folder that came split."""

from __future__ import annotations

from pathlib import Path

from recae.data.prepared_split import is_prepared_split, open_prepared_split
from recae.data.ready_made import ready_made
from recae.data.split import Split
from recae.data.split_folder import is_split_folder, read_split
from recae.errors import ConfigError
from recae.jobs.reading import AS_FOUND, Reading, Source, part_file
from recae.progress import SILENT, Progress

UNSPLIT = "none"
"""The `spec` of a log that is not split."""


def open_input(
    source: Source,
    *,
    valid: Source | None = None,
    test: Source | None = None,
    reading: Reading = AS_FOUND,
    progress: Progress = SILENT,
) -> Split:
    """Training data with the held-out data that belongs to it, as far as there is any.

    `source` is a folder written by `data split`, or the prepared form of one; a folder with train.*, and perhaps
    valid.* and test.*; or a log, with `valid` and `test` as files of targets beside it.

    Raises:
        ConfigError: filters or target files were given for data that is split already.
        DataError: the data is malformed.
        StorageError: it cannot be read.
    """
    source = Path(source)
    open_whole = open_prepared_split if is_prepared_split(source) else read_split if is_split_folder(source) else None
    if open_whole is not None:
        _refuse(source, valid, test)
        if flags := reading.flags("min_rating", "min_user_items", "min_item_users", "dedupe"):
            raise ConfigError(f"{flags} cannot be used with {source}, which is split already: filter before.")
        return open_whole(source)
    files = {name: part_file(source, name) for name in ("train", "valid", "test")}
    train = files["train"]
    if train is not None:
        _refuse(source, valid if files["valid"] else None, test if files["test"] else None)
        return _ready_made(train, valid or files["valid"], test or files["test"], reading, progress)
    if valid is not None or test is not None:
        return _ready_made(source, valid, test, reading, progress)
    return Split(reading.interactions(source, progress), None, None, UNSPLIT)


def is_split(source: Source) -> bool:
    """Whether `source` is more than one log: a split folder, the prepared form of one, or a folder with train.*."""
    source = Path(source)
    return is_prepared_split(source) or is_split_folder(source) or part_file(source, "train") is not None


def beside(source: Source, name: str) -> Path | None:
    """A file `name`.* in the folder of `source`, or in `source` itself if that is a folder."""
    folder = Path(source)
    return part_file(folder if folder.is_dir() else folder.absolute().parent, name)


def _ready_made(
    train: Source, valid: Source | None, test: Source | None, reading: Reading, progress: Progress
) -> Split:
    if flags := reading.flags("min_user_items", "min_item_users"):
        raise ConfigError(f"{flags} cannot be used with data that is split already: filter before splitting.")
    return ready_made(
        reading.part(train, progress),
        None if valid is None else reading.part(valid, progress),
        None if test is None else reading.part(test, progress),
    )


def _refuse(folder: Path, valid: Source | None, test: Source | None) -> None:
    if valid is not None or test is not None:
        raise ConfigError(f"{folder} has its own validation or test data: leave out --valid and --test.")
