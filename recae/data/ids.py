"""The caller's own ids on one side, matrix positions on the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from recae.errors import DataError

UNKNOWN = -1


@dataclass(frozen=True, eq=False)
class IdIndex:
    """An immutable two-way map between ids of any Arrow type and the positions 0 ... n-1.

    >>> index = IdIndex.of(["b", "007", "a"])
    >>> index.positions(["a", "zzz", "b"]).tolist()
    [2, -1, 0]
    >>> index.take([1]).to_pylist()
    ['007']
    """

    values: pa.Array
    """The ids by position, without nulls and without duplicates, in the type in which they were read."""

    @classmethod
    def of(cls, ids: Any) -> IdIndex:
        """Make an index of distinct `ids`: a list, NumPy array, pandas Series or Arrow array.

        Raises:
            DataError: an id is missing or occurs twice, or ids of different types are mixed.
        """
        values = as_arrow(ids)
        if values.null_count:
            raise DataError(f"{values.null_count} ids are missing; every id must have a value.")
        if len(values) != pc.count_distinct(values).as_py():
            raise DataError("The same id occurs twice in a list of ids that must be distinct.")
        return cls(values)

    @classmethod
    def range(cls, size: int) -> IdIndex:
        """The ids 0 ... size-1, for data that comes as a bare matrix."""
        return cls(pa.array(np.arange(size, dtype=np.int64)))

    def __len__(self) -> int:
        return len(self.values)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, IdIndex) and self.values.equals(other.values)

    def __hash__(self) -> int:
        return hash((len(self), str(self.values.type)))

    def __repr__(self) -> str:
        return f"IdIndex({len(self)} ids of type {self.values.type})"

    def positions(self, ids: Any) -> np.ndarray:
        """int64 array of the position of each id, -1 (`UNKNOWN`) where it is not in the index.

        Ids of another type are the same id when they are written the same way: 7 finds "7", but not "007".
        """
        if len(self) == 0:
            return np.full(len(ids), UNKNOWN, dtype=np.int64)
        wanted, known = _comparable(as_arrow(ids), self.values)
        found = pc.index_in(wanted, value_set=known)
        return found.fill_null(UNKNOWN).to_numpy(zero_copy_only=False).astype(np.int64)

    def take(self, positions: np.ndarray | Sequence[int]) -> pa.Array:
        """Arrow array of the ids at `positions`, in the type in which they were read."""
        return self.values.take(pa.array(np.asarray(positions, dtype=np.int64)))

    def subset(self, positions: np.ndarray | Sequence[int]) -> IdIndex:
        """The index of the ids at distinct `positions`, in that order."""
        return IdIndex(self.take(positions))


def as_arrow(ids: Any) -> pa.Array:
    """`ids` as one contiguous Arrow array, dictionaries unpacked.

    Raises:
        DataError: the values cannot be ids (mixed types, lists, structs).
    """
    if isinstance(ids, (pa.Array, pa.ChunkedArray)):
        array = ids
    else:
        try:
            array = pa.Array.from_pandas(ids) if isinstance(ids, (pd.Series, pd.Index)) else pa.array(ids)
        except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
            raise DataError(f"Ids of different types cannot be mixed in one column: {error}.") from error
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if pa.types.is_nested(array.type):
        raise DataError(f"Values of type {array.type} cannot be ids.")
    return array


def _comparable(left: pa.Array, right: pa.Array) -> tuple[pa.Array, pa.Array]:
    if left.type == right.type:
        return left, right
    if pa.types.is_null(left.type):
        return left.cast(right.type), right
    if pa.types.is_integer(left.type) and pa.types.is_integer(right.type):
        wide = pa.uint64() if pa.types.is_uint64(left.type) and pa.types.is_uint64(right.type) else pa.int64()
        try:
            return left.cast(wide), right.cast(wide)
        except pa.ArrowInvalid:
            pass
    return left.cast(pa.large_string()), right.cast(pa.large_string())
