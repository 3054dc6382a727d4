"""Columns by their usual names, by choice and by position."""

from __future__ import annotations

import pytest

from recae.data.columns import ColumnChoice, Roles, find_roles
from recae.errors import DataError


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["user_id", "item_id"], Roles("user_id", "item_id")),
        (["userId", "movieId", "rating", "timestamp"], Roles("userId", "movieId", "rating", "rating", "timestamp")),
        (["User-ID", "ISBN", "Book-Rating"], Roles("User-ID", "ISBN", "Book-Rating", "rating")),
        (["USER", "Item", "Stars", "Date"], Roles("USER", "Item", "Stars", "rating", "Date")),
        (["uid", "iid", "playcount", "ts"], Roles("uid", "iid", "playcount", "weight", "ts")),
        (["user", "artistID", "weight"], Roles("user", "artistID", "weight", "weight")),
        (
            ["reviewerID", "asin", "overall", "unixReviewTime"],
            Roles("reviewerID", "asin", "overall", "rating", "unixReviewTime"),
        ),
        (
            ["user_id:token", "item_id:token", "rating:float"],
            Roles("user_id:token", "item_id:token", "rating:float", "rating"),
        ),
        (["", "user_id", "item_id"], Roles("user_id", "item_id")),
        (["item_id", "rank", "user_id", "score"], Roles("user_id", "item_id", "score", "rating")),
        (["user_id", "user", "item_id"], Roles("user_id", "item_id")),
        (["user_id", "item_id", "timestamp", "date"], Roles("user_id", "item_id", time="timestamp")),
        (["memberid", "track", "quantity"], Roles("memberid", "track", "quantity", "weight")),
    ],
)
def test_usual_names(names: list[str], expected: Roles) -> None:
    assert find_roles(names, ColumnChoice(), "log.csv") == expected


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (ColumnChoice(user="a", item="b"), Roles("a", "b", "rating", "rating")),
        (ColumnChoice(user="a", item="b", weight="c"), Roles("a", "b", "c", "weight")),
        (ColumnChoice(user="a", item="rating"), Roles("a", "rating")),
        (ColumnChoice(user="c", item="a", rating="b", time="rating"), Roles("c", "a", "b", "rating", "rating")),
    ],
)
def test_chosen_names_win(choice: ColumnChoice, expected: Roles) -> None:
    assert find_roles(["a", "b", "c", "rating"], choice, "log.csv") == expected


@pytest.mark.parametrize(
    ("names", "choice", "expected"),
    [
        (["1", "2"], ColumnChoice(), Roles("1", "2")),
        (["1", "2", "3", "4", "5"], ColumnChoice(), Roles("1", "2", "3", "rating", "4")),
        (["1", "2", "3"], ColumnChoice(user="2", item="1"), Roles("2", "1")),
        (["1", "2", "3"], ColumnChoice(weight="3"), Roles("1", "2", "3", "weight")),
        (["1", "2", "3"], ColumnChoice(time="1"), Roles("2", "3", time="1")),
    ],
)
def test_positions_without_a_header(names: list[str], choice: ColumnChoice, expected: Roles) -> None:
    assert find_roles(names, choice, "log.csv", header=False) == expected


def test_a_wrong_name_gets_the_nearest_one_whatever_its_case() -> None:
    with pytest.raises(DataError, match='Did you mean "userId"'):
        find_roles(["userId", "movieId"], ColumnChoice(user="USER_ID"), "log.csv")
    with pytest.raises(DataError) as far:
        find_roles(["userId", "movieId"], ColumnChoice(user="zzzzzz"), "log.csv")
    assert "Did you mean" not in str(far.value)
