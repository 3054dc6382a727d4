"""Ids to integer codes: batch by batch, exact for every type, numbered in sorted order at the end."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from recae.data.ids import IdIndex, written_out
from recae.data.values import is_text as holds_text
from recae.errors import DataError

Order = Literal["sorted", "appearance"]
MISSING_TEXTS = ("nan", "NaN", "NULL", "null", "None", "<NA>", "\\N")
"""How other programs write a missing value into a text file; in typed files these are texts like any other."""
_WHOLE = r"^(0|-?[1-9][0-9]{0,18})$"


class IdCoder:
    """Collects the ids of one column and gives each a code.

    Every batch is dictionary-encoded on its own; the dictionaries are merged once at the end, so the work
    per row does not grow with the number of ids.
    """

    def __init__(self) -> None:
        self._chunks: list[pa.DictionaryArray] = []
        self._extension: pa.DataType | None = None
        self._texts: list[bool] = []

    @property
    def is_empty(self) -> bool:
        """Whether no id was kept so far."""
        return not any(len(chunk) for chunk in self._chunks)

    def encode(self, ids: pa.Array, *, is_text: bool) -> tuple[pa.DictionaryArray, np.ndarray | None]:
        """The ids of a batch as a dictionary array, and a bool mask of the rows without a proper id (None: all have).

        Raises:
            DataError: values of this type cannot be ids.
        """
        if isinstance(ids, pa.ExtensionArray):
            self._extension = ids.type
            ids = ids.storage
        ids = written_out(ids)
        if pa.types.is_nested(ids.type):
            raise DataError(f"values of type {ids.type} cannot be ids")
        encoded = ids.dictionary_encode()
        improper = _improper(encoded.dictionary, is_text)
        if not improper.any() and encoded.null_count == 0:
            return encoded, None
        codes = encoded.indices.fill_null(len(improper)).to_numpy(zero_copy_only=False)
        bad = np.append(improper, True)[codes]
        return encoded, bad if bad.any() else None

    def keep(self, encoded: pa.DictionaryArray, *, is_text: bool, rows: np.ndarray | None = None) -> None:
        """Add the ids of a batch, if `rows` (bool) is given only those: never one that `encode` found improper."""
        if rows is not None:
            # Encoded anew, so that ids of other rows alone are not among the distinct ones.
            encoded = encoded.filter(pa.array(rows)).dictionary_decode().dictionary_encode()
        self._chunks.append(encoded)
        self._texts.append(is_text)

    def keep_distinct(self, encoded: pa.DictionaryArray, *, is_text: bool) -> None:
        """Add each id of a batch once, where the rows do not matter: memory then grows with the ids alone."""
        each = pa.array(np.arange(len(encoded.dictionary), dtype=np.int32))
        self.keep(pa.DictionaryArray.from_arrays(each, encoded.dictionary), is_text=is_text)

    def finish(self, order: Order = "sorted") -> tuple[IdIndex, np.ndarray]:
        """The index of all ids kept, and the int32 code of each row in it.

        "sorted" numbers ids by value (numbers by size, text by code points), whatever the order of the rows;
        "appearance" in the order of the rows. Ids from text files become int64 when every one of them is a
        whole number written the plain way (7 and -3, but not 007 or +7).

        Raises:
            DataError: files that are read together have ids of different types.
        """
        merged = pa.chunked_array(self._alike()).unify_dictionaries()
        self._chunks, self._texts = [], []
        codes = np.concatenate([chunk.indices.to_numpy(zero_copy_only=False) for chunk in merged.chunks])
        codes = codes.astype(np.int32, copy=False)
        values = merged.chunk(0).dictionary
        del merged
        if order == "sorted":
            by_value = pc.array_sort_indices(values).to_numpy()
            new_code = np.empty(len(values), dtype=np.int32)
            new_code[by_value] = np.arange(len(values), dtype=np.int32)
            values, codes = values.take(pa.array(by_value)), new_code[codes]
        return IdIndex(self._wrapped(values)), codes

    def _wrapped(self, values: pa.Array) -> pa.Array:
        return values if self._extension is None else pa.ExtensionArray.from_storage(self._extension, values)

    def _alike(self) -> list[pa.DictionaryArray]:
        """The chunks with dictionaries of one type."""
        chunks = self._chunks
        if any(self._texts):
            chunks = self._numbers_from_text()
        kinds = {chunk.dictionary.type for chunk in chunks}
        if len(kinds) > 1:
            chunks = [_recast(chunk, _common_type(kinds)) for chunk in chunks]
        return chunks

    def _numbers_from_text(self) -> list[pa.DictionaryArray]:
        numbers = []
        for chunk, is_text in zip(self._chunks, self._texts, strict=True):
            typed_text = not is_text and holds_text(chunk.dictionary.type)
            whole = _whole_numbers(chunk) if is_text else chunk
            if whole is None or typed_text:
                return self._chunks
            numbers.append(whole)
        return numbers


def _whole_numbers(chunk: pa.DictionaryArray) -> pa.DictionaryArray | None:
    """`chunk` with an int64 dictionary, None if some id is not a plainly written whole number."""
    words = chunk.dictionary
    if not pc.all(pc.match_substring_regex(words, _WHOLE)).as_py():
        return None
    try:
        return pa.DictionaryArray.from_arrays(chunk.indices, words.cast(pa.int64()))
    except pa.ArrowInvalid:  # more than 64 bits
        return None


def _improper(values: pa.Array, is_text: bool) -> np.ndarray:
    """Bool mask of distinct values that cannot be an id: empty, NaN, infinite or fractional."""
    kind = values.type
    if pa.types.is_floating(kind):
        numbers = values.to_numpy(zero_copy_only=False).astype(np.float64)
        return ~np.isfinite(numbers) | (np.trunc(numbers) != numbers)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        empty = pc.equal(pc.utf8_trim_whitespace(values), "")
        if is_text:
            empty = pc.or_(empty, pc.is_in(values, value_set=pa.array(MISSING_TEXTS, type=kind)))
        return empty.fill_null(True).to_numpy(zero_copy_only=False)
    return values.is_null().to_numpy(zero_copy_only=False)


def _common_type(kinds: set[pa.DataType]) -> pa.DataType:
    if all(pa.types.is_integer(kind) for kind in kinds):
        return pa.uint64() if all(pa.types.is_unsigned_integer(kind) for kind in kinds) else pa.int64()
    if all(pa.types.is_string(kind) or pa.types.is_large_string(kind) for kind in kinds):
        return pa.large_string()
    raise DataError(f"ids of different types are mixed ({', '.join(sorted(map(str, kinds)))})")


def _recast(chunk: pa.DictionaryArray, kind: pa.DataType) -> pa.DictionaryArray:
    try:
        return pa.DictionaryArray.from_arrays(chunk.indices, chunk.dictionary.cast(kind))
    except pa.ArrowInvalid as error:
        raise DataError(f"ids of different types are mixed ({error})") from error
