"""Files that come split are put together as their makers meant them."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest

from recae.data.interactions import Columns
from recae.data.ready_made import read_ready_made, ready_made
from recae.errors import DataError


def pairs(matrix, users, items):
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    return set(zip(users.take(rows).to_pylist(), items.take(matrix.indices).to_pylist(), strict=True))


def test_history_is_train_and_for_the_test_validation_too(make_log):
    train = make_log([("ann", "a", 5), ("ann", "b", 0), ("bob", "a", 3)])
    valid = make_log([("ann", "c", 4), ("bob", "b", 4)])
    test = make_log([("bob", "c", 2), ("cid", "a", 1), ("ann", "new", 5)])
    split = ready_made(train, valid, test)
    items = split.train.items
    assert items.values.to_pylist() == ["a", "b"]
    assert pairs(split.valid.history, split.valid.users, items) == {("ann", "a"), ("ann", "b"), ("bob", "a")}
    assert pairs(split.valid.target, split.valid.users, items) == {("bob", "b")}
    assert split.valid.unknown_targets.tolist() == [1, 0]
    assert pairs(split.test.history, split.test.users, items) == {
        ("ann", "a"), ("ann", "b"), ("bob", "a"), ("bob", "b"),
    }  # fmt: skip
    assert dict(zip(split.test.users.values.to_pylist(), split.test.unknown_targets.tolist(), strict=True)) == {
        "ann": 1, "bob": 1, "cid": 0,
    }  # fmt: skip
    assert split.notes == {"test users without history": 1}
    assert split.valid.history.data.tolist() == [5, 0, 3]


def test_targets_that_are_in_the_history_are_left_out_and_counted(make_log):
    train = make_log([("ann", "a", 5), ("ann", "b", 0), ("bob", "a", 3)])
    test = make_log([("ann", "b", 5), ("bob", "a", 3), ("bob", "b", 3)])
    split = ready_made(train, None, test)
    assert pairs(split.test.target, split.test.users, split.train.items) == {("bob", "b")}
    assert split.notes == {"test targets that are in the history": 2}
    with pytest.raises(DataError, match="no targets"):
        ready_made(train, None, make_log([("ann", "b", 5)]))


def test_ids_of_another_width_are_the_same_ids(tmp_path):
    pd.DataFrame({"user_id": np.array([1, 1, 2], np.int32), "item_id": np.array([7, 8, 7], np.int32)}).to_parquet(
        tmp_path / "train.parquet"
    )
    (tmp_path / "test.csv").write_text("user_id,item_id\n2,8\n")
    split = read_ready_made(tmp_path / "train.parquet", None, tmp_path / "test.csv")
    assert split.test.target.nnz == split.test.history.nnz == 1
    assert split.train.items.take(split.test.target.indices).to_pylist() == [8]
    assert split.valid is None


def test_a_history_is_not_joined_from_ratings_and_none(make_log):
    train, test = make_log([("ann", "a", 5), ("ann", "b", 1)]), make_log([("ann", "d", 5)])
    valid = dataclasses.replace(make_log([("ann", "c", 1)]), columns=Columns())
    with pytest.raises(DataError, match="training data are ratings, those of the validation data neither"):
        ready_made(train, valid, test)
    assert ready_made(train, valid).valid.columns.value_kind is None


@pytest.mark.real_data
def test_movielens_1m_has_the_published_sizes(real_data):
    split = read_ready_made(*(real_data(f"ml-1m/{name}.parquet") for name in ("train", "valid", "test")))
    assert (split.train.n_users, split.train.nnz) == (6040, 791718)
    assert split.test.relevant_counts().sum() == 108799
    assert split.test.history.nnz == 791718 + split.valid.target.nnz
    assert split.notes == {}
