from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from recae.data import interactions
from recae.data.ids import IdIndex
from recae.data.interactions import Columns, Interactions, add_counts
from recae.data.read import read

DENSE = np.array([[0, 2, 0, 3], [0, 0, 0, 0], [5, 0, 0, 0], [1, 4, 0, 0]], dtype=np.float32)


def log() -> Interactions:
    matrix = sparse.csr_array(DENSE)
    users, items = IdIndex.of(["u0", "u1", "u2", "u3"]), IdIndex.of([10, 11, 12, 13])
    columns = Columns("user", "item", "stars", "rating", "when", "s")
    return Interactions(matrix, users, items, np.arange(5, dtype=np.int64) * 1_000_000, columns, {"bad rows": 1})


def test_sizes_and_counts() -> None:
    assert (log().n_users, log().n_items, log().nnz, log().has_ratings) == (4, 4, 5, True)
    assert log().user_counts().tolist() == [2, 0, 1, 2]
    assert log().item_counts().tolist() == [2, 2, 0, 1]
    assert log().row_of_entry().tolist() == [0, 0, 2, 3, 3]
    assert log().binary().toarray().tolist() == (DENSE != 0).astype(int).tolist()
    assert repr(log()) == "Interactions(4 users x 4 items, 5 interactions)"


def test_what_does_not_fit_together_is_refused() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        Interactions(sparse.csr_array(DENSE), IdIndex.range(3), IdIndex.range(4))
    with pytest.raises(ValueError, match="timestamps"):
        Interactions(sparse.csr_array(DENSE), IdIndex.range(4), IdIndex.range(4), np.zeros(4, dtype=np.int64))


def test_keep_leaves_out_entries_and_counts_them() -> None:
    kept = log().keep(np.array([True, False, True, False, True]), low_rating=2, nothing=0)
    assert kept.matrix.toarray().tolist() == [[0, 2, 0, 0], [0, 0, 0, 0], [5, 0, 0, 0], [0, 4, 0, 0]]
    assert kept.timestamps is not None
    assert kept.timestamps.tolist() == [0, 2_000_000, 4_000_000]
    assert kept.counts == {"bad rows": 1, "low rating": 2}
    assert log().counts == {"bad rows": 1}


@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_select_is_what_numpy_would_give(data: st.DataObject) -> None:
    users = np.array(data.draw(st.permutations(range(4)))[: data.draw(st.integers(0, 4))], dtype=np.int64)
    items = np.array(data.draw(st.permutations(range(4)))[: data.draw(st.integers(0, 4))], dtype=np.int64)
    part = log().select(users, items)
    assert np.array_equal(part.matrix.toarray(), DENSE[users][:, items])
    times = np.full(DENSE.shape, -1)
    times[DENSE != 0] = np.arange(5) * 1_000_000
    wanted = times[users][:, items]
    assert part.timestamps is not None
    assert part.timestamps.tolist() == wanted[wanted >= 0].tolist()
    assert part.users.values.to_pylist() == [f"u{user}" for user in users]
    assert part.items.values.to_pylist() == [10 + item for item in items]
    assert part.matrix.has_sorted_indices


def test_select_keeps_entries_of_value_0() -> None:
    zero = read({"user": [1, 2], "item": [1, 2], "rating": [0, 0]})
    assert zero.select(np.array([1])).nnz == 1
    assert zero.select(items=np.array([1, 0])).nnz == 2


def test_drop_empty() -> None:
    dropped = log().drop_empty()
    assert dropped.matrix.toarray().tolist() == [[0, 2, 3], [5, 0, 0], [1, 4, 0]]
    assert dropped.users.values.to_pylist() == ["u0", "u2", "u3"]
    assert dropped.items.values.to_pylist() == [10, 11, 13]
    assert dropped.drop_empty() is dropped


def test_to_arrow_has_the_columns_of_the_input() -> None:
    table = log().to_arrow()
    assert table.column_names == ["user", "item", "stars", "when"]
    assert table.to_pydict() == {
        "user": ["u0", "u0", "u2", "u3", "u3"],
        "item": [11, 13, 10, 10, 11],
        "stars": [2, 3, 5, 1, 4],
        "when": [0, 1, 2, 3, 4],
    }
    bare = Interactions(sparse.csr_array(DENSE), IdIndex.range(4), IdIndex.range(4))
    assert bare.to_arrow().column_names == ["user_id", "item_id"]


def test_fractions_of_seconds_are_not_lost() -> None:
    source = {"user": [1, 2], "item": [1, 2], "time": [1.6e9 + 0.25, 1.6e9]}
    assert read(source).to_arrow()["time"].to_pylist() == [1.6e9 + 0.25, 1.6e9]


def test_the_fingerprint_is_of_the_content_alone(tmp_path: Path) -> None:
    source = {"user": ["a", "b", "a"], "item": [3, 1, 2], "rating": [1.0, 2.0, 3.0]}
    first = read(source)
    (tmp_path / "log.csv").write_text("rating,item,user\n3,2,a\n1,3,a\n2,1,b\n")
    assert read(tmp_path / "log.csv").fingerprint() == first.fingerprint()
    large = pa.table(source).cast(pa.schema([("user", pa.large_string()), ("item", pa.int32()), ("rating", pa.int8())]))
    assert read(large).fingerprint() == first.fingerprint()
    others = [
        {**source, "rating": [1.0, 2.0, 4.0]},
        {**source, "user": ["a", "c", "a"]},
        {**source, "item": [3, 1, 4]},
        {**source, "item": [3, 2, 1]},
    ]
    prints = {read(other).fingerprint() for other in others}
    assert len(prints) == 4
    assert first.fingerprint() not in prints


def test_counts_add_up() -> None:
    assert add_counts({"bad rows": 1}, {"bad_rows": 2, "other": 0, "new": 3}) == {"bad rows": 3, "new": 3}


def test_users_in_rising_order_are_selected_like_any(make_log):
    log = make_log([(u, i, 1 + (u + i) % 5, 10 * u + i) for u in range(8) for i in range(6) if (u + i) % 3])
    log = log.keep(log.row_of_entry() != 2)  # a user without entries
    for users in ([0, 2, 3, 7], [5], [], list(range(8))):
        rising = np.array(users, dtype=np.int64)
        turned = log.select(rising[::-1])
        found = log.select(rising)
        assert found.users == log.users.subset(rising)
        assert found.items == log.items
        np.testing.assert_array_equal(found.matrix.toarray(), log.matrix.toarray()[rising])
        np.testing.assert_array_equal(found.matrix.toarray(), turned.matrix.toarray()[::-1])
        np.testing.assert_array_equal(found.timestamps, found.matrix.indices * 1_000_000 + times_of_rows(found))


def times_of_rows(log):
    return np.array([10_000_000 * user for user in log.users.take(log.row_of_entry()).to_pylist()], dtype=np.int64)


def test_a_table_of_some_entries_is_that_part_of_the_table(make_log):
    log = make_log([(u, i, 1 + i, 10**9 + u) for u in range(5) for i in range(4) if u != 2 and (u + i) % 2])
    whole = log.to_arrow()
    for start, stop in ((0, 3), (3, 100), (2, 2), (1, log.nnz)):
        assert log.to_arrow(start, stop).equals(whole.slice(start, max(0, min(stop, log.nnz) - start)))


def test_counts_and_fingerprints_do_not_depend_on_blocks(make_log, monkeypatch):
    log = make_log([(u, i) for u in range(9) for i in range(7) if (u * i) % 4])
    counts, fingerprint = log.item_counts(), log.fingerprint()
    monkeypatch.setattr(interactions, "_BLOCK", 5)
    again = replace(log)
    np.testing.assert_array_equal(again.item_counts(), counts)
    assert again.fingerprint() == fingerprint
    np.testing.assert_array_equal(counts, np.diff(log.matrix.tocsc().indptr))
