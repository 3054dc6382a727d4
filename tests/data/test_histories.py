from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recae.data.coding import IdCoder
from recae.data.columns import ColumnChoice
from recae.data.histories import read_held_out, read_histories, rows_for
from recae.data.id_lists import read_id_list
from recae.data.ids import IdIndex
from recae.data.read import read
from recae.errors import DataError

ITEMS = IdIndex.of(["c", "a", "b"])


def saved(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def test_histories_are_rows_over_the_given_items_and_unknown_items_are_counted() -> None:
    source = {"user": [9, 2, 9, 9, 2, 5], "item": ["a", "b", "c", "x", "y", "x"], "rating": [1, 2, 3, 4, 5, 1]}
    found = read_histories([source], ITEMS)
    assert found.users.values.to_pylist() == [9, 2, 5]
    assert found.matrix.toarray().tolist() == [[3, 1, 0], [0, 0, 2], [0, 0, 0]]
    assert found.matrix.dtype == np.float32
    assert found.matrix.has_sorted_indices
    assert (found.unknown_items.count, found.unknown_items.items, found.unknown_items.first) == (3, 2, ("x", "y"))
    assert found.unknown_items.sentence() == "3 interactions are with 2 items that are not known (such as 'x', 'y')."
    assert found.columns.value == "rating"


def test_when_all_items_are_known() -> None:
    assert read_histories([{"user": [1], "item": ["a"]}], ITEMS).unknown_items.sentence() == "All items are known."


def test_files_are_joined_and_repeated_pairs_count_once() -> None:
    one = {"user": [1, 2], "item": ["a", "b"]}
    two = {"user": [2, 1], "item": ["c", "a"]}
    found = read_histories([one, two], ITEMS)
    assert found.matrix.toarray().tolist() == [[0, 1, 0], [1, 0, 1]]


def test_only_what_all_files_have_is_read() -> None:
    rated = {"user": [1], "item": ["a"], "rating": [5], "time": [2_000_000_000]}
    bare = {"user": [1], "item": ["b"]}
    assert read_histories([rated, bare], ITEMS).matrix.toarray().tolist() == [[0, 1, 1]]
    assert read_histories([rated], ITEMS).matrix.toarray().tolist() == [[0, 5, 0]]


def test_values_of_another_kind_count_as_1_and_needed_ratings_are_demanded() -> None:
    played = {"user": [1], "item": ["a"], "plays": [7]}
    assert read_histories([played], ITEMS).matrix.data.tolist() == [7]
    assert read_histories([played], ITEMS, value_kind="weight").matrix.data.tolist() == [7]
    other = read_histories([played], ITEMS, value_kind="rating")
    assert (other.matrix.data.tolist(), other.columns.value) == ([1], None)
    with pytest.raises(DataError, match="--rating-col"):
        read_histories([played], ITEMS, needs_ratings=True)


def test_item_ids_match_across_types() -> None:
    items = IdIndex.of(pa.array([7, 8], pa.int32()))
    assert read_histories([{"user": ["u"], "item": ["8"]}], items).matrix.toarray().tolist() == [[0, 1]]
    assert read_histories([{"user": ["u"], "item": ["08"]}], items).unknown_items.count == 1


def test_one_source_need_not_be_a_list(tmp_path: Path) -> None:
    path = tmp_path / "log.csv"
    path.write_text("user_id,item_id\n7,2\n")
    for source in (path, str(path), pd.DataFrame({"user_id": [7], "item_id": [2]})):
        assert read_histories(source, IdIndex.of([1, 2])).matrix.toarray().tolist() == [[0, 1]]


def test_options_are_those_of_read() -> None:
    source = {"who": [1, 1, 2, None], "what": ["a", "b", "c", "a"], "r": [5, 2, 4, 3]}
    choice = ColumnChoice(user="who", item="what", rating="r")
    found = read_histories([source], ITEMS, columns=choice, min_rating=3, on_bad="drop")
    assert found.matrix.toarray().tolist() == [[0, 5, 0], [4, 0, 0]]


def test_rows_for_any_users() -> None:
    found = read_histories([{"user": [1, 2], "item": ["a", "b"]}], ITEMS)
    rows = rows_for(IdIndex.of([2, 3, 1]), found)
    assert rows.toarray().tolist() == [[0, 0, 1], [0, 0, 0], [0, 1, 0]]


def test_held_out_users_are_those_with_targets_and_no_target_is_in_the_history() -> None:
    history = {"user": [1, 2, 3, 4], "item": ["a", "b", "c", "a"]}
    target = {
        "user": [5, 2, 2, 2, 1, 3, 3],
        "item": ["a", "b", "x", "c", "a", "a", "y"],
        "rating": [5, 4, 3, 2, 1, 2, 3],
    }
    held_out = read_held_out([history], [target], ITEMS)
    assert held_out.users.values.to_pylist() == [5, 2, 3]
    assert held_out.history.toarray().tolist() == [[0, 0, 0], [0, 0, 1], [1, 0, 0]]
    assert held_out.target.toarray().tolist() == [[0, 5, 0], [2, 0, 0], [0, 2, 0]]
    assert held_out.unknown_targets.tolist() == [0, 1, 1]
    assert held_out.relevant_counts().tolist() == [1, 2, 2]
    assert held_out.outside is not None
    assert held_out.outside.to_arrow().to_pydict() == {"user": [2, 3], "item": ["x", "y"], "rating": [3, 3]}
    assert held_out.notes == {
        "targets already in the history": 2,
        "users without other targets": 1,
        "targets among unknown items": 2,
    }


def test_targets_without_any_history() -> None:
    held_out = read_held_out([], [{"user": [1], "item": ["b"]}], ITEMS)
    assert held_out.history.nnz == 0
    assert held_out.target.toarray().tolist() == [[0, 0, 1]]
    assert held_out.notes == {}


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("user_id\n3\n1\n3\n", [3, 1]),
        ("3\n1\n", [3, 1]),
        ("007\n7\n", ["007", "7"]),
        ("id\nx\n", ["x"]),
        ("alice\nbob\n", ["alice", "bob"]),
        ("name,user_id\nAda,5\n", [5]),
        ("id,name\n5,Ada\n", [5]),
        ('"a b"\n"c"\n', ["a b", "c"]),
    ],
)
def test_lists_of_ids(content: str, expected: list[object], tmp_path: Path) -> None:
    assert read_id_list(saved(tmp_path / "users.txt", content), prefer="user").values.to_pylist() == expected


def test_lists_of_ids_in_other_forms(tmp_path: Path) -> None:
    assert read_id_list({"item_id": ["b", "a"]}, prefer="item").values.to_pylist() == ["b", "a"]
    assert read_id_list({"x": ["b"], "y": ["a"]}, prefer="item", column="y").values.to_pylist() == ["a"]
    both = {"user_id": [1], "item_id": [2]}
    assert read_id_list(both, prefer="item").values.to_pylist() == [2]
    assert read_id_list(both, prefer="user").values.to_pylist() == [1]
    with pytest.raises(DataError, match='no column "z"'):
        read_id_list({"x": ["b"]}, prefer="item", column="z")
    with pytest.raises(DataError, match="holds no ids"):
        read_id_list(saved(tmp_path / "users.csv", "user_id\n"), prefer="user")


@pytest.mark.real_data
def test_the_published_split_of_ml_1m(real_data: Callable[[str], Path]) -> None:
    train = read(real_data("ml-1m/train.parquet"))
    histories = [real_data("ml-1m/train.parquet"), real_data("ml-1m/valid.parquet")]
    held_out = read_held_out(histories, [real_data("ml-1m/test.parquet")], train.items)
    rows = [len(pa.parquet.read_table(real_data(f"ml-1m/{name}.parquet"))) for name in ("train", "valid", "test")]
    assert train.nnz == rows[0]
    assert held_out.history.nnz + held_out.target.nnz + held_out.unknown_targets.sum() <= sum(rows)
    assert held_out.target.nnz + held_out.unknown_targets.sum() == rows[2]
    assert held_out.notes == {"targets among unknown items": int(held_out.unknown_targets.sum())}


def test_sentences_count_one_as_one() -> None:
    found = read_histories([{"user": [1, 1], "item": ["a", "x"]}], ITEMS)
    assert found.unknown_items.sentence() == "1 interaction is with 1 item that is not known (such as 'x')."
    assert repr(found) == "Histories(1 user, 1 interaction)"


def test_a_list_takes_memory_for_its_ids_and_not_for_its_rows(tmp_path, monkeypatch):
    kept = []
    keep = IdCoder.keep
    monkeypatch.setattr(IdCoder, "keep", lambda self, ids, **how: (kept.append(len(ids)), keep(self, ids, **how)))
    pq.write_table(pa.table({"item_id": [7, 3, 7] * 300_000}), tmp_path / "items.parquet")
    assert read_id_list(tmp_path / "items.parquet", prefer="item").values.to_pylist() == [7, 3]
    assert sum(kept) == 2 * len(kept) > 2
