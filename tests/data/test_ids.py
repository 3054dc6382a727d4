from __future__ import annotations

import uuid
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recae.data.ids import UNKNOWN, IdIndex, as_arrow, as_texts
from recae.errors import DataError


@settings(max_examples=50, deadline=None)
@given(
    ids=st.one_of(
        st.lists(st.integers(-(2**63), 2**63 - 1), unique=True, min_size=1),
        st.lists(st.text(st.characters(exclude_categories=["Cs"])), unique=True, min_size=1),
        st.lists(st.uuids(), unique=True, min_size=1),
    ),
    data=st.data(),
)
def test_every_id_finds_its_position_and_back(ids: list[Any], data: st.DataObject) -> None:
    index = IdIndex.of(ids)
    positions = data.draw(st.lists(st.integers(0, len(ids) - 1)))
    chosen = [ids[position] for position in positions]
    assert index.take(positions).to_pylist() == chosen
    assert index.positions(index.take(positions)).tolist() == positions
    if chosen:
        assert index.positions(chosen).tolist() == positions


@pytest.mark.parametrize(
    ("known", "asked", "expected"),
    [
        (["b", "007", "a"], ["a", "7", "b", "c"], [2, UNKNOWN, 0, UNKNOWN]),
        ([7, 8], ["8", "007", "7"], [1, UNKNOWN, 0]),
        (["7", "007"], [7], [0]),
        (pa.array([7, 8], pa.int32()), np.array([8, 9], dtype=np.int64), [1, UNKNOWN]),
        (pa.array([2**64 - 1], pa.uint64()), [-1, 5], [UNKNOWN, UNKNOWN]),
        (pa.array(["a"], pa.large_string()), pa.array(["a"], pa.string()), [0]),
        (["a", "b"], pd.Series(["b", None]), [1, UNKNOWN]),
        (["a", "b"], pa.chunked_array([["b"], ["a"]]), [1, 0]),
        (["a", "b"], pd.Categorical(["b", "a"]), [1, 0]),
        ([], ["a"], [UNKNOWN]),
        (["a"], [], []),
        ([1], [None], [UNKNOWN]),
    ],
)
def test_positions(known: Any, asked: Any, expected: list[int]) -> None:
    found = IdIndex.of(known).positions(asked)
    assert found.dtype == np.int64
    assert found.tolist() == expected


@pytest.mark.parametrize(
    ("ids", "word"),
    [
        ([1, 1], "twice"),
        ([1, None], "missing"),
        (pa.array([1.0, float("nan")]), "missing"),
        ([1, "a"], "different types"),
        ([2**70], "types"),
        ([[1], [2]], "cannot be ids"),
    ],
)
def test_what_cannot_be_an_index(ids: Any, word: str) -> None:
    with pytest.raises(DataError, match=word):
        IdIndex.of(ids)


def test_an_index_is_a_value() -> None:
    one, same, other = IdIndex.of(["a", "b"]), IdIndex.of(["a", "b"]), IdIndex.of(["b", "a"])
    assert one == same
    assert hash(one) == hash(same)
    assert one != other
    assert one != ["a", "b"]
    assert repr(one) == "IdIndex(2 ids of type string)"
    assert IdIndex.range(3).values.to_pylist() == [0, 1, 2]
    assert one.subset([1]) == IdIndex.of(["b"])


def test_texts_are_what_a_person_would_write() -> None:
    one = uuid.UUID(int=7)
    assert IdIndex.of([one]).texts().to_pylist() == [str(one)]
    assert IdIndex.of([7, -3]).texts().to_pylist() == ["7", "-3"]
    assert as_texts(pa.array(["é"])).to_pylist() == ["é"]


def test_as_arrow_unpacks_dictionaries_chunks_and_extensions() -> None:
    assert as_arrow(pa.array(["a", "a"]).dictionary_encode()).equals(pa.array(["a", "a"]))
    assert as_arrow(pa.chunked_array([[1], [2]])).equals(pa.array([1, 2]))
    assert as_arrow([uuid.UUID(int=1)]).type == pa.binary(16)
