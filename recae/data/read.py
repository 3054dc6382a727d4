"""`read`: an interactions log in any usual form, as one sparse matrix with the caller's ids."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
from scipy import sparse

from recae.data.canonical import Coded, Dedupe, canonical_matrix, first_repeat
from recae.data.columns import USUAL_NAMES, ColumnChoice
from recae.data.filters import rated_at_least
from recae.data.ids import IdIndex
from recae.data.interactions import Columns, Interactions
from recae.data.prepared_part import is_prepared, open_prepared
from recae.data.rows import OnBad, Rows, Source, collect
from recae.errors import ConfigError, DataError
from recae.progress import SILENT, Progress

__all__ = ["ColumnChoice", "from_rows", "read"]


def read(
    source: Any,
    *,
    columns: ColumnChoice = USUAL_NAMES,
    min_rating: float | None = None,
    dedupe: Dedupe | None = None,
    on_bad: OnBad = "error",
    header: bool | None = None,
    delimiter: str | None = None,
    progress: Progress = SILENT,
) -> Interactions:
    """Read a log of interactions.

    Args:
        source: a file or folder (CSV, TSV, any other delimiter, MovieLens `::`, JSON lines, Parquet; also gzip,
            zstd or bzip2), a folder of prepared data, which is opened and not read, a list of such paths, whose rows
            are joined, a pandas DataFrame, a dict of lists, an Arrow table, or a SciPy sparse matrix of users x items.
        columns: the columns to use; those not named are found by their usual names, or by position (user, item,
            rating, timestamp) in a file without a header.
        min_rating: leave out what is rated (or weighs) lower, after repeated pairs are merged.
        dedupe: which of several rows of one user and item counts: "last" or "first" in time (in row order where
            there is none), "max" of the values, "sum" of them, or "error". Default: "sum" of weights, else "last".
        on_bad: "error" refuses the first row that is malformed or has a missing id or a missing, infinite or
            unreadable value, with its file, line and column; "drop" leaves such rows out and counts them.
        header: whether text files have a header; found out if None.
        delimiter: of text files; found out if None.
        progress: where to report to.

    Ids keep their type and spelling. Those of text files are text, unless every id of the column is a whole number
    written the plain way (7 and -3, but not 007): then they are int64. In text files nan, NaN, NULL, null, None,
    <NA> and \\N stand for a missing id. Times are epoch numbers, whose unit the largest one tells (below 1e8 plain
    numbers such as years, 1e11 seconds, 1e14 milliseconds, 1e17 microseconds, else nanoseconds), or ISO 8601, in UTC
    where no zone is named. The columns of JSON lines are those of the first thousand lines.

    Returns:
        Users and items are numbered by their sorted ids, so the result does not depend on the order of the
        rows (but for "last" and "first" without times). `counts` says what was left out.

    Raises:
        DataError: the content cannot be used; the sentence names file, line and column.
        StorageError: a file cannot be read.
        ConfigError: an argument is not one of its choices.
    """
    if dedupe is not None and dedupe not in get_args(Dedupe):
        raise ConfigError(f'dedupe is one of {", ".join(get_args(Dedupe))}, not "{dedupe}".')
    if isinstance(source, (str, Path)) and is_prepared(source) and dedupe != "sum":
        part = open_prepared(Path(source))
        log = part.log if part.fits(columns) else from_rows(collect(Source(source, columns, on_bad)), dedupe)
    elif sparse.issparse(source):
        log = _from_matrix(source, columns, dedupe)
    else:
        log = from_rows(collect(Source(source, columns, on_bad, header, delimiter), progress=progress), dedupe)
    return log if min_rating is None else rated_at_least(log, min_rating)


def from_rows(rows: Rows, dedupe: Dedupe | None) -> Interactions:
    """The canonical log of coded rows.

    Raises:
        DataError: `dedupe` is "error" and a user has an item twice, or a sum is too large.
    """
    rule = dedupe or ("sum" if rows.columns.value_kind == "weight" else "last")
    if rule == "error":
        _refuse_repeats(rows)
    matrix, times, repeats = canonical_matrix(rows.coded, len(rows.users), len(rows.items), rule)
    columns = rows.columns
    if rule == "sum" and columns.value is None:
        taken = (columns.user, columns.item, columns.time)
        free = next(name for name in ("count", "weight", "plays", "n") if name not in taken)
        columns = replace(columns, value=free, value_kind="weight")
    counts = {name: count for name, count in (("bad rows", rows.bad_rows), ("duplicates", repeats)) if count}
    return Interactions(matrix, rows.users, rows.items, times, columns, counts, rows.unread)


def _refuse_repeats(rows: Rows) -> None:
    repeat = first_repeat(rows.coded, len(rows.users), len(rows.items))
    if repeat is None:
        return
    earlier, later = repeat
    user = rows.users.take([rows.coded.users[later]])[0].as_py()
    item = rows.items.take([rows.coded.items[later]])[0].as_py()
    raise DataError(
        f"{rows.place(later)}: user {user} has item {item} already at {rows.place(earlier)}. "
        "Choose which one counts with --dedupe last, first, max or sum."
    )


def _from_matrix(matrix: Any, choice: ColumnChoice, dedupe: Dedupe | None) -> Interactions:
    """A bare users x items matrix: ids are the positions, entries are weights, or ratings if `choice` says so."""
    entries = sparse.coo_array(matrix)
    if entries.nnz == 0:
        raise DataError("The matrix has no entries.")
    values = np.asarray(entries.data, dtype=np.float32)
    is_rating = choice.rating is not None
    bad = ~np.isfinite(values) if is_rating else ~(np.isfinite(values) & (values > 0))
    if bad.any():
        at = int(np.argmax(bad))
        raise DataError(
            f"The matrix, row {entries.row[at]}, column {entries.col[at]}: {entries.data[at]} is not a finite number"
            f"{'' if is_rating else ' above 0'}."
        )
    columns = Columns()
    if is_rating:
        columns = Columns(value=choice.rating, value_kind="rating")
    elif (values != 1).any():
        columns = Columns(value=choice.weight or "weight", value_kind="weight")
    coded = Coded(entries.row.astype(np.int32), entries.col.astype(np.int32), values, None)
    users, items = IdIndex.range(matrix.shape[0]), IdIndex.range(matrix.shape[1])
    rows = Rows(coded, users, items, columns, 0, lambda row: f"entry {row + 1} of the matrix")
    return from_rows(rows, dedupe)
