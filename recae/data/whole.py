"""A source held in memory whole, as lists and catalogues are, for as long as memory lasts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pyarrow as pa

from recae.data.formats import ParquetPart, Part
from recae.errors import CapacityError
from recae.resident import amount, free_memory
from recae.store.parquet import refuse_larger_than_memory


def whole_batches(part: Part, names: list[str]) -> list[pa.RecordBatch]:
    """All rows of `part` with the columns `names`.

    Raises:
        DataError: the content cannot be used.
        StorageError: the file cannot be read.
        CapacityError: memory cannot hold it twice, which is what it takes to work with it.
    """
    if isinstance(part, ParquetPart):
        refuse_larger_than_memory(part.label, part.rows, part.schema, names)
    return list(_guarded(part.label, part.batches(names)))


def _guarded(label: str, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    rows = taken = 0
    for batch in batches:
        rows, taken = rows + batch.num_rows, taken + batch.nbytes
        refuse_more(label, rows, taken)
        yield batch


def refuse_more(label: str, rows: int, taken: int) -> None:
    """Refuse to read on where the rows that were read take `taken` bytes, and working with them would take as much.

    Compressed text does not tell how long it is, and few bytes can stand for any number of rows.

    Raises:
        CapacityError: there is not so much memory left.
    """
    free = free_memory()
    if taken > free:
        raise CapacityError(
            f"{label} has more than {rows:,} rows: they take {amount(taken)} of memory already, as much again is "
            f"needed and {amount(free)} may be used. Leave rows out, or take a machine with more."
        )
