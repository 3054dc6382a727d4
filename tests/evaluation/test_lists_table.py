"""Tables of anybody's lists: what orders them, what keeps its place, what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from recae.data.columns import ColumnChoice
from recae.data.ids import IdIndex
from recae.errors import DataError
from recae.evaluation.lists_table import JudgeableLists, lists_from_table

ITEMS = IdIndex.of(["a", "b", "c"])


def lists_of(table: dict[str, Any], users: list[Any] | None = None, **options: Any) -> JudgeableLists:
    return lists_from_table(pa.table(table), IdIndex.of(users or [1, 2]), ITEMS, **options)


def test_ranks_order_the_lists_whatever_the_order_of_rows() -> None:
    read = lists_of({"user_id": [2, 1, 2, 1], "item_id": ["a", "b", "c", "a"], "rank": [2, 1, 1, 7]})
    assert read.lists.items.tolist() == [[1, 0], [2, 0]]
    assert read.order == "rank"


def test_ranks_win_over_scores_and_scores_over_the_order_of_rows() -> None:
    table = {"user": [1, 1, 1], "item": ["a", "b", "c"], "score": [0.5, 0.25, 0.75], "Rank": [1, 3, 2]}
    assert lists_of(table).lists.items[0].tolist() == [0, 2, 1]
    del table["Rank"]
    by_score = lists_of(table)
    assert by_score.lists.items[0].tolist() == [2, 0, 1]
    assert by_score.lists.scores[0].tolist() == [0.75, 0.5, 0.25]
    del table["score"]
    assert lists_of(table).lists.items[0].tolist() == [0, 1, 2]
    assert lists_of(table).order == "row"


def test_equal_scores_stay_in_the_order_of_rows() -> None:
    read = lists_of({"user_id": [1, 1, 1], "item_id": ["c", "a", "b"], "score": [1, 1, 2]})
    assert read.lists.items[0].tolist() == [1, 2, 0]


def test_unknown_items_keep_their_place_and_strangers_are_counted() -> None:
    read = lists_of({"user_id": [1, 9, 1, 1, 2], "item_id": ["x", "a", "b", "y", "x"]}, users=[2, 1, 3])
    np.testing.assert_array_equal(read.lists.items[:, 1:], [[-1, -1], [1, read.lists.items[1, 2]], [-1, -1]])
    x, y = read.lists.items[1, 0], read.lists.items[1, 2]
    assert read.lists.items[0, 0] == x
    assert min(x, y) >= len(ITEMS)
    assert x != y
    assert (read.unknown_users, read.unknown_items, read.without_list) == (1, 2, 1)


def test_ids_of_another_type_are_found() -> None:
    assert lists_of({"user_id": ["1", "2"], "item_id": ["a", "b"]}).lists.items.tolist() == [[0], [1]]


def test_columns_can_be_named() -> None:
    columns = ColumnChoice(user="who", item="what", rating="how")
    table = {"who": [1, 1], "what": ["a", "b"], "how": [1, 2]}
    assert lists_of(table, columns=columns).lists.items[0].tolist() == [1, 0]


def test_a_table_without_any_wanted_user_gives_empty_lists() -> None:
    for table in (
        {"user_id": [7], "item_id": ["a"]},
        {"user_id": pa.array([], pa.int64()), "item_id": pa.array([], pa.string())},
    ):
        read = lists_of(table)
        assert read.lists.items.shape == (2, 0)
        assert read.without_list == 2


@pytest.mark.parametrize(
    ("table", "sentence"),
    [
        ({"user_id": [1, 2, 1], "item_id": ["a", "a", "a"]}, "mine.csv: user 1 has item 'a' twice in one list"),
        ({"user_id": [2, 2], "item_id": ["x", "x"]}, "user 2 has item 'x' twice"),
        ({"user_id": [1, None], "item_id": ["a", "b"]}, "column 'user_id' has no value in row 2"),
        ({"user_id": [1, 2], "item_id": [None, "b"]}, "column 'item_id' has no value in row 1"),
        ({"user_id": [1], "item_id": ["a"], "rank": [None]}, "column 'rank' has no value in row 1"),
        ({"user_id": [1], "item_id": ["a"], "rank": ["first"]}, "column 'rank' must hold numbers"),
        ({"user_id": [1], "item_id": ["a"], "score": [float("nan")]}, "column 'score' has no value in row 1"),
        ({"user_id": [1], "title": ["a"]}, "no item column"),
    ],
)
def test_malformed_lists_are_refused_in_a_sentence(table: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        lists_of(table, where="mine.csv")
