"""The caller's own ids on one side, matrix positions on the other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from recae.counted import counted
from recae.data.uuids import as_uuids
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
        values = _one_array(ids)
        plain = as_arrow(values)
        missing = plain.null_count + _nan_count(plain)
        if missing:
            raise DataError(f"{counted(missing, 'id')} missing; every id must have a value.")
        if len(plain) and len(plain) != pc.count_distinct(plain).as_py():
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
        return f"IdIndex({counted(len(self), 'id')} of type {self.values.type})"

    def positions(self, ids: Any) -> np.ndarray:
        """int64 array of the position of each id, -1 (`UNKNOWN`) where it is not in the index.

        Ids of another type are the same id when they are written the same way: 7 finds "7", but not "007".
        """
        wanted = _one_array(ids)
        if len(self) == 0:
            return np.full(len(wanted), UNKNOWN, dtype=np.int64)
        wanted, known = _comparable(wanted, self.values)
        found = pc.index_in(wanted, value_set=known)
        return found.fill_null(UNKNOWN).to_numpy(zero_copy_only=False).astype(np.int64)

    def take(self, positions: np.ndarray | Sequence[int]) -> pa.Array:
        """Arrow array of the ids at `positions`, in the type in which they were read."""
        return self.values.take(pa.array(np.asarray(positions, dtype=np.int64)))

    def texts(self) -> pa.Array:
        """Arrow array of the ids as text, by position."""
        return as_texts(self.values)

    def subset(self, positions: np.ndarray | Sequence[int]) -> IdIndex:
        """The index of the ids at distinct `positions`, in that order."""
        return IdIndex(self.take(positions))


def as_arrow(ids: Any) -> pa.Array:
    """`ids` as one contiguous Arrow array without dictionaries and extension types (UUIDs are 16 bytes).

    Raises:
        DataError: the values cannot be ids (mixed types, lists, structs).
    """
    return _storage(_one_array(ids))


def joined_ids(parts: Iterable[IdIndex]) -> IdIndex:
    """All ids of several indexes, each once, in the order in which they first occur.

    Raises:
        DataError: the ids are of types that cannot be compared.
    """
    arrays = [part.values for part in parts]
    types = {array.type for array in arrays}
    if len(types) > 1:
        arrays = [as_texts(array) for array in arrays]
    return IdIndex(as_arrow(pa.chunked_array(arrays).unique()))


def written_out(array: pa.Array) -> pa.Array:
    """`array` with plain values where it holds categories, runs or views of them."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if pa.types.is_run_end_encoded(array.type):
        array = pc.run_end_decode(array)
    return array.cast(pa.large_string()) if pa.types.is_string_view(array.type) else array


def as_texts(array: pa.Array) -> pa.Array:
    """large_string array of ids as they are written: 7 is "7", a UUID is in its usual form."""
    raw = (pa.types.is_fixed_size_binary, pa.types.is_binary, pa.types.is_large_binary)
    if isinstance(array, pa.ExtensionArray) or any(is_raw(array.type) for is_raw in raw):
        return pa.array([None if value is None else str(value) for value in array.to_pylist()], pa.large_string())
    return array.cast(pa.large_string())


def _one_array(ids: Any) -> pa.Array:
    array = ids
    if not isinstance(ids, (pa.Array, pa.ChunkedArray)):
        try:
            array = pa.Array.from_pandas(ids) if isinstance(ids, (pd.Series, pd.Index)) else pa.array(ids)
        except (pa.ArrowInvalid, pa.ArrowTypeError, ValueError, OverflowError) as error:
            array = as_uuids(ids)
            if array is None:
                raise DataError(f"Ids of different types cannot be mixed in one column: {error}.") from error
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    array = written_out(array)
    if pa.types.is_nested(array.type):
        raise DataError(f"Values of type {array.type} cannot be ids.")
    return array


def _storage(array: pa.Array) -> pa.Array:
    return array.storage if isinstance(array, pa.ExtensionArray) else array


def _nan_count(array: pa.Array) -> int:
    return pc.sum(pc.is_nan(array)).as_py() or 0 if pa.types.is_floating(array.type) else 0


def _comparable(left: pa.Array, right: pa.Array) -> tuple[pa.Array, pa.Array]:
    """Two arrays as arrays of one type that `pc.index_in` can look up."""
    if pa.types.is_null(left.type):
        left = left.cast(_storage(right).type)
    if _storage(left).type == _storage(right).type:
        return _storage(left), _storage(right)
    if pa.types.is_integer(left.type) and pa.types.is_integer(right.type):
        wide = pa.uint64() if pa.types.is_uint64(left.type) and pa.types.is_uint64(right.type) else pa.int64()
        try:
            return left.cast(wide), right.cast(wide)
        except pa.ArrowInvalid:
            pass
    return as_texts(left), as_texts(right)
