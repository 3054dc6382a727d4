"""UUIDs, as every release of Arrow keeps them."""

from __future__ import annotations

import uuid

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import recae.data.formats as formats_module
import recae.data.ids as ids_module
from recae.data.ids import IdIndex
from recae.data.read import read
from recae.data.uuids import as_uuids
from recae.errors import DataError

NAMES = [uuid.UUID(int=k) for k in (7, 1 << 100, 3)]


@pytest.mark.parametrize("kind", [list, tuple, np.array, pd.Series], ids=lambda kind: kind.__name__)
def test_they_come_back(kind) -> None:
    found = as_uuids(kind([*NAMES, None]))
    assert found is not None
    assert found.type == pa.uuid()
    assert found.to_pylist() == [*NAMES, None]


@pytest.mark.parametrize("nothing", [None, float("nan"), pd.NA, pd.NaT], ids=str)
def test_what_stands_for_no_value_is_none(nothing) -> None:
    found = as_uuids([nothing, NAMES[0]])
    assert found is not None
    assert found.to_pylist() == [None, NAMES[0]]


@pytest.mark.parametrize("odd", [[pd.NA, 1, "a"], [np.array([1, 2]), "a"], [pd.NaT, uuid.UUID(int=1), 3]], ids=str)
def test_values_of_several_types_are_refused_in_a_sentence(odd) -> None:
    assert as_uuids(odd) is None
    with pytest.raises(DataError):
        IdIndex.of(odd)
    with pytest.raises(DataError, match='column "item_id"'):
        read(pd.DataFrame({"user_id": range(len(odd)), "item_id": pd.Series(odd, dtype=object)}))


@pytest.mark.parametrize("values", [[*NAMES, "x"], ["x"], [1, NAMES[0]], iter(NAMES), 7])
def test_others_are_none(values) -> None:
    assert as_uuids(values) is None


def test_a_log_is_read_where_arrow_knows_them_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in the releases before 24."""

    class Older:
        def __getattr__(self, name):
            return getattr(pa, name)

        def array(self, values, *arguments, **options):
            if any(isinstance(value, uuid.UUID) for value in values):
                raise pa.ArrowInvalid("Could not convert UUID")
            return pa.array(values, *arguments, **options)

    for module in (formats_module, ids_module):
        monkeypatch.setattr(module, "pa", Older())
    log = read({"user_id": [1, 1, 2], "item_id": [NAMES[0], NAMES[1], NAMES[2]]})
    assert sorted(log.items.values.to_pylist()) == sorted(NAMES)
    assert IdIndex.of(NAMES).positions(NAMES[::-1]).tolist() == [2, 1, 0]
