"""From the parts of a source to coded rows: every value checked, every bad row refused by its place or counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from recae.data.canonical import Coded
from recae.data.coding import IdCoder, Order
from recae.data.columns import HEADERLESS_NAMES, USUAL_NAMES, ColumnChoice, Roles, find_roles, quoted
from recae.data.formats import ParquetPart, Part, open_parts
from recae.data.ids import IdIndex, written_out
from recae.data.interactions import Columns, ValueKind
from recae.data.prepared_part import PreparedPart
from recae.data.textfiles import TextPart
from recae.data.times import TimeParser, time_complaint
from recae.data.values import parse_values, value_complaint
from recae.data.whole import refuse_more
from recae.errors import ConfigError, DataError
from recae.progress import SILENT, Progress
from recae.store.parquet import refuse_rows_larger_than_memory

OnBad = Literal["error", "drop"]
_ROW_BYTES = 16
"""Of a coded row, user, item and value, and of its place when rows are sorted: the least that reading takes."""


@dataclass(frozen=True)
class Source:
    """What to read and how; the keyword arguments that every reading function takes."""

    what: Any
    columns: ColumnChoice = USUAL_NAMES
    on_bad: OnBad = "error"
    header: bool | None = None
    delimiter: str | None = None

    def __post_init__(self) -> None:
        if self.on_bad not in ("error", "drop"):
            raise ConfigError(f'on_bad is "error" or "drop", not "{self.on_bad}".')


@dataclass(frozen=True, eq=False)
class Rows:
    """All rows of a source, coded, before repeated pairs are merged."""

    coded: Coded
    users: IdIndex
    items: IdIndex
    columns: Columns
    bad_rows: int
    place: Callable[[int], str]
    """Where a row number of `coded` is, for messages."""
    unread: tuple[str, ...] = ()
    """Columns that play no part."""


def collect(source: Source, *, progress: Progress = SILENT, order: Order = "sorted", mixed: bool = False) -> Rows:
    """Read, check and code every row of `source`.

    `order` numbers users by sorted id or by appearance; items are always sorted. Files that are read together
    must all have ratings, weights or times, or none of them; if they may be `mixed`, only what all have is read.

    Raises:
        DataError: a bad row while they are not to be dropped, or no row at all.
        StorageError: a file cannot be read.
        CapacityError: Parquet files announce more rows than memory can hold.
    """
    parts = open_parts(source.what, header=source.header, delimiter=source.delimiter, choice=source.columns)
    roles = [_roles_of(part, source.columns) for part in parts]
    if mixed:
        roles = _in_common(roles)
    _refuse_differing(parts, roles)
    _refuse_too_many(parts)
    collector = _Collector(roles[0], drop=source.on_bad == "drop")
    for part, role in zip(parts, roles, strict=True):
        collector.read(part, role, progress)
    used = {name for role in roles for name in role.names()}
    unread = dict.fromkeys(name for part in parts for name in part.names if name not in used)
    return replace(collector.finish(_names(parts[0], roles[0]), order), unread=tuple(unread))


def _roles_of(part: Part, choice: ColumnChoice) -> Roles:
    header = part.dialect.header if isinstance(part, TextPart) else None
    if isinstance(part, TextPart) and part.dialect.times_third and choice == USUAL_NAMES:
        user, item, time = part.names
        return Roles(user, item, time=time)
    if isinstance(part, PreparedPart) and part.fits(choice):
        return part.roles()
    return find_roles(part.names, choice, part.label, header=header)


def _names(part: Part, roles: Roles) -> Columns:
    """The column names under which results are written."""
    user, item, value, time = roles.user, roles.item, roles.value, roles.time
    if isinstance(part, TextPart) and not part.dialect.header:
        user, item = HEADERLESS_NAMES[:2]
        value = None if value is None else str(roles.value_kind)
        time = None if time is None else HEADERLESS_NAMES[3]
    return Columns(user, item, value, roles.value_kind, time)


def _refuse_differing(parts: list[Part], roles: list[Roles]) -> None:
    for part, role in zip(parts, roles, strict=True):
        if role.shape() != roles[0].shape():
            raise DataError(
                f"{parts[0].label} has {_described(roles[0])}, but {part.label} has {_described(role)}: "
                "files that are read together must agree."
            )


def _refuse_too_many(parts: list[Part]) -> None:
    """Announced rows that cannot be held are refused before any is read: a table of few kilobytes can have billions."""
    told = [part for part in parts if isinstance(part, ParquetPart)]
    if told:
        largest = max(told, key=lambda part: part.rows)
        needed = sum(part.rows for part in told) * _ROW_BYTES
        refuse_rows_larger_than_memory(largest.label, largest.rows, needed)


def _in_common(roles: list[Roles]) -> list[Roles]:
    """The roles without values and times, unless all sources have them."""
    timed = all(one.time is not None for one in roles)
    valued = all(one.value_kind == roles[0].value_kind for one in roles)
    value = [(one.value, one.value_kind) if valued else (None, None) for one in roles]
    times = [one.time if timed else None for one in roles]
    return [Roles(one.user, one.item, *value[at], times[at]) for at, one in enumerate(roles)]


def _described(roles: Roles) -> str:
    value = f"a {roles.value_kind} column" if roles.value_kind else "neither rating nor weight column"
    return f"{value} and {'a' if roles.time else 'no'} time column"


@dataclass
class _Collector:
    roles: Roles
    drop: bool
    users: IdCoder = field(default_factory=IdCoder)
    items: IdCoder = field(default_factory=IdCoder)
    times: TimeParser = field(default_factory=TimeParser)
    values: list[np.ndarray] = field(default_factory=list)
    dropped: Counter[str] = field(default_factory=Counter)
    parts: list[tuple[Part, int]] = field(default_factory=list)
    rows: int = 0

    def read(self, part: Part, roles: Roles, progress: Progress) -> None:
        self.parts.append((part, self.rows))
        done = 0
        with progress.task(f"Reading {part.label}", unit="rows") as task:
            for batch in part.batches(roles.names(), self.dropped if self.drop else None):
                if batch.num_rows:
                    self._take(batch, part, roles, done)
                    done += batch.num_rows
                    refuse_more(part.label, self.rows, self.rows * _ROW_BYTES)
                    task.advance(batch.num_rows)

    def _take(self, batch: pa.RecordBatch, part: Part, roles: Roles, done: int) -> None:
        users, bad_users = self._ids(self.users, batch, roles.user, part)
        items, bad_items = self._ids(self.items, batch, roles.item, part)
        bad = {roles.user: bad_users, roles.item: bad_items}
        values = times = None
        if roles.value is not None and roles.value_kind is not None:
            values, bad[roles.value] = parse_values(written_out(batch.column(roles.value)), roles.value_kind)
        if roles.time is not None:
            times, bad[roles.time] = self.times.parse(written_out(batch.column(roles.time)))
        good = self._good_rows(bad, batch, part, roles, done)
        if good is not None:
            values = None if values is None else values[good]
            times = None if times is None else times[good]
        self.users.keep(users, is_text=part.ids_are_text, rows=good)
        self.items.keep(items, is_text=part.ids_are_text, rows=good)
        self.rows += len(users) if good is None else int(np.count_nonzero(good))
        if values is not None:
            self.values.append(values)
        if times is not None:
            self.times.keep(times)

    def _ids(
        self, coder: IdCoder, batch: pa.RecordBatch, name: str, part: Part
    ) -> tuple[pa.DictionaryArray, np.ndarray | None]:
        try:
            return coder.encode(batch.column(name), is_text=part.ids_are_text)
        except DataError as error:
            raise DataError(f"{part.label}, column {quoted(name)}: {error}.") from error

    def _good_rows(
        self, bad: dict[str, np.ndarray | None], batch: pa.RecordBatch, part: Part, roles: Roles, done: int
    ) -> np.ndarray | None:
        masks = {name: mask for name, mask in bad.items() if mask is not None}
        if not masks:
            return None
        if not self.drop:
            name = min(masks, key=lambda one: int(np.argmax(masks[one])))
            row = int(np.argmax(masks[name]))
            complaint = _complaint(name, batch.column(name)[row].as_py(), roles)
            raise DataError(
                f"{part.place(done + row)}, column {quoted(name)}: {complaint}. "
                "Mend the row, or drop such rows with --on-bad drop."
            )
        any_bad = np.logical_or.reduce(list(masks.values()))
        self.dropped["bad rows"] += int(np.count_nonzero(any_bad))
        return ~any_bad

    def finish(self, columns: Columns, order: Order) -> Rows:
        where = self.parts[0][0].label
        if self.rows == 0:
            raise DataError(f"{where} has {'no row without mistakes' if self.dropped else 'no rows'}.")
        users, user_codes = self._index(self.users, "user", self.roles.user, order)
        items, item_codes = self._index(self.items, "item", self.roles.item, "sorted")
        values = np.concatenate(self.values) if self.values else None
        self.values.clear()
        times = None
        if self.roles.time is not None:
            times, unit = self.times.finish(f"{where}, column {quoted(self.roles.time)}")
            columns = Columns(columns.user, columns.item, columns.value, columns.value_kind, columns.time, unit)
        coded = Coded(user_codes, item_codes, values, times)
        return Rows(coded, users, items, columns, self.dropped["bad rows"], self._place)

    def _index(self, coder: IdCoder, role: str, name: str, order: Order) -> tuple[IdIndex, np.ndarray]:
        try:
            return coder.finish(order)
        except DataError as error:
            where = ", ".join(part.label for part, _ in self.parts[:2])
            raise DataError(f"{where}, {role} column {quoted(name)}: {error}; write them in one type.") from error

    def _place(self, row: int) -> str:
        if self.dropped["bad rows"]:
            return f"row {row + 1} of those kept"
        part, start = next((part, start) for part, start in reversed(self.parts) if start <= row)
        return part.place(row - start)


def _complaint(name: str, value: Any, roles: Roles) -> str:
    for role, column in (("user", roles.user), ("item", roles.item)):
        if name == column:
            missing = value is None or str(value).strip().lower() in ("", "nan") or isinstance(value, str)
            return f"the {role} id is missing" if missing else f"{value} cannot be an id (whole numbers or text can)"
    if name == roles.time:
        return time_complaint(value)
    kind: ValueKind = roles.value_kind or "rating"
    return value_complaint(value, kind)
