"""`Reading`: how a raw interactions log is read, the same for every job and command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from recae.errors import StorageError
from recae.progress import SILENT, Progress

if TYPE_CHECKING:
    from recae.data.columns import ColumnChoice
    from recae.data.filters import Filters
    from recae.data.interactions import Interactions

Dedupe = Literal["last", "first", "max", "sum", "error"]
OnBad = Literal["error", "drop"]
Source = str | Path


@dataclass(frozen=True)
class Reading:
    """Column names (None: found by their usual names), filters, and what to do with bad or repeated rows."""

    user_col: str | None = None
    item_col: str | None = None
    rating_col: str | None = None
    weight_col: str | None = None
    time_col: str | None = None
    min_rating: float | None = None
    min_user_items: int = 0
    min_item_users: int = 0
    dedupe: Dedupe | None = None
    on_bad: OnBad = "error"
    header: bool | None = None
    delimiter: str | None = None

    def columns(self) -> ColumnChoice:
        """The column names alone."""
        from recae.data.columns import ColumnChoice

        return ColumnChoice(
            user=self.user_col,
            item=self.item_col,
            rating=self.rating_col,
            weight=self.weight_col,
            time=self.time_col,
        )

    def interactions(
        self, source: Source | Sequence[Source], progress: Progress = SILENT, more: Filters | None = None
    ) -> Interactions:
        """Read and filter a log; `more` adds filters that are not asked for by name here.

        Raises:
            DataError: it is malformed, or nothing is left after the filters.
            StorageError: it cannot be read.
        """
        from recae.data.filters import Filters

        counts = {"min_user_items": self.min_user_items, "min_item_users": self.min_item_users}
        filters = replace(more or Filters(), min_rating=self.min_rating, **counts)  # type: ignore[arg-type]
        return filters.apply(self._read(source, progress))

    def part(self, source: Source | Sequence[Source], progress: Progress = SILENT) -> Interactions:
        """Read one part of a log that came split: without the minimum counts, which belong to the whole.

        Raises:
            DataError: it is malformed, or nothing is left after the filters.
            StorageError: it cannot be read.
        """
        from recae.data.filters import Filters

        return Filters(min_rating=self.min_rating).apply(self._read(source, progress))

    def _read(self, source: Source | Sequence[Source], progress: Progress) -> Interactions:
        from recae.data.read import read

        return read(
            log_file(source) if isinstance(source, (str, Path)) else [log_file(one) for one in source],
            columns=self.columns(),
            dedupe=self.dedupe,
            on_bad=self.on_bad,
            header=self.header,
            delimiter=self.delimiter,
            progress=progress,
        )

    def for_histories(self) -> dict[str, Any]:
        """What `read_histories` and `read_held_out` are told."""
        return {
            "columns": self.columns(),
            "min_rating": self.min_rating,
            "dedupe": self.dedupe,
            "on_bad": self.on_bad,
            "header": self.header,
            "delimiter": self.delimiter,
        }

    def flags(self, *names: str) -> str:
        """Those of the options `names` that were given, as they are typed; empty if none was."""
        return ", ".join(f"--{name.replace('_', '-')}" for name in names if name in self.chosen())

    def chosen(self) -> dict[str, Any]:
        """What differs from the defaults, as JSON: the part of the configuration worth keeping."""
        defaults = {entry.name: entry.default for entry in fields(self)}
        return {name: value for name, value in asdict(self).items() if value != defaults[name]}


def log_file(source: Source) -> Path:
    """The log that `source` means: interactions.* in a folder that has such a file, else `source` itself."""
    found = part_file(Path(source), "interactions")
    return Path(source) if found is None else found


def part_file(folder: Path, name: str) -> Path | None:
    """The one file `name`.* in `folder`, whatever its format; None if there is none.

    Raises:
        StorageError: there are several.
    """
    found = sorted(path for path in folder.glob(f"{name}.*") if path.is_file()) if folder.is_dir() else []
    if len(found) > 1:
        raise StorageError(f"{folder} holds {len(found)} files {name}.*: keep one, or name the files themselves.")
    return found[0] if found else None


AS_FOUND = Reading()
"""Columns by their usual names, nothing filtered, bad rows refused."""
