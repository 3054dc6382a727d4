"""A prepared log is the log: opened without a copy, readable wherever a file is, and refused where it is damaged."""

from __future__ import annotations

import dataclasses
import json
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import recae
from recae.data.columns import ColumnChoice
from recae.data.csr_checks import csr_complaint
from recae.data.histories import read_histories
from recae.data.interactions import Interactions
from recae.data.prepared import open_log, verify, write_log
from recae.data.prepared_split import is_prepared_split, open_prepared_split, write_prepared_split
from recae.data.ready_made import ready_made
from recae.data.splits import make_split
from recae.errors import DamagedFileError, DataError, StorageError


def assert_same(left: Interactions, right: Interactions) -> None:
    assert left.matrix.shape == right.matrix.shape
    for name in ("indptr", "indices", "data"):
        np.testing.assert_array_equal(getattr(left.matrix, name), getattr(right.matrix, name), err_msg=name)
    for one, other in ((left.users, right.users), (left.items, right.items)):
        assert one == other
        assert one.values.type == other.values.type
    assert (left.columns, left.counts, left.unread) == (right.columns, right.counts, right.unread)
    assert (left.timestamps is None) == (right.timestamps is None)
    if left.timestamps is not None:
        np.testing.assert_array_equal(left.timestamps, right.timestamps)


@pytest.fixture
def log(make_log):
    rng = np.random.default_rng(0)
    taken = np.argwhere(rng.random((30, 20)) < 0.4)
    rows = [(f"u{u:02d}", int(i), float(rng.integers(0, 6)), 10**9 + int(rng.integers(100))) for u, i in taken]
    made = make_log(rows)
    return dataclasses.replace(made, counts={"duplicates": 3}, unread=("title",))


@pytest.fixture
def folder(log, tmp_path):
    path = tmp_path / "prepared"
    path.mkdir()
    write_log(log, path)
    return path


def changed(folder, **facts):
    path = folder / "prepared.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | facts))


def test_a_log_comes_back_as_it_was(log, folder):
    found = open_log(folder)
    assert_same(found, log)
    assert found.fingerprint() == log.fingerprint()
    verify(found, folder)


def test_a_log_without_values_times_and_entries_comes_back(make_log, tmp_path):
    small = make_log([("ann", "a"), ("bob", "b")])
    for name, one in (("plain", small), ("empty", small.keep(np.zeros(2, dtype=bool)))):
        (tmp_path / name).mkdir()
        write_log(one, tmp_path / name)
        assert_same(open_log(tmp_path / name), one)


def test_nothing_is_copied_and_nothing_can_be_written(folder):
    found = open_log(folder)
    for array in (found.matrix.indptr, found.matrix.indices, found.matrix.data, found.timestamps):
        assert not array.flags.writeable
        root = array
        while root.base is not None and isinstance(root.base, np.ndarray):
            root = root.base
        assert isinstance(root, np.memmap)
    with pytest.raises(ValueError, match="read-only"):
        found.matrix.data[0] = 7


def test_the_binary_matrix_shares_what_it_can(log, folder, make_log):
    rated = open_log(folder)
    assert np.shares_memory(rated.binary().indices, rated.matrix.indices)
    assert set(rated.binary().data.tolist()) == {1.0}
    plain = make_log([("ann", "a"), ("bob", "b")])
    assert np.shares_memory(plain.binary().data, plain.matrix.data)
    assert not plain.binary().data.flags.writeable
    plain.matrix.data[0] = 2  # still its own


def test_the_fingerprint_is_taken_from_the_manifest_until_the_log_changes(folder, log):
    changed(folder, fingerprint="0" * 32)
    found = open_log(folder)

    assert found.fingerprint() == "0" * 32
    assert found.keep(np.ones(found.nnz, dtype=bool)).fingerprint() == log.fingerprint()
    with pytest.raises(DamagedFileError, match="was changed after it was prepared"):
        verify(found, folder)


def test_read_opens_what_was_prepared(folder, log):
    assert_same(recae.read(folder), log)
    assert_same(recae.read(str(folder), columns=ColumnChoice(rating="rating", user="user_id"), dedupe="max"), log)
    rated = recae.read(folder, min_rating=3)
    assert rated.matrix.data.min() >= 3
    assert rated.nnz == np.count_nonzero(log.matrix.data >= 3)


def test_other_columns_than_prepared_are_read_row_by_row(folder, log):
    turned = recae.read(folder, columns=ColumnChoice(user="item_id", item="user_id"))
    assert (turned.n_users, turned.n_items, turned.nnz) == (log.n_items, log.n_users, log.nnz)
    with pytest.raises(DataError, match='no column "uid"'):
        recae.read(folder, columns=ColumnChoice(user="uid"))


def test_a_prepared_log_is_one_of_several_sources(folder, log, make_log):
    more = {"user_id": ["zoe"], "item_id": [1], "rating": [2.0], "timestamp": [10**9]}
    joined = recae.read([folder, more])
    assert joined.nnz == log.nnz + 1
    found = read_histories([folder], log.items)
    order = found.users.positions(log.users.values)
    assert (found.matrix[order] != log.matrix).nnz == 0


def test_columns_of_any_name_are_known(log, tmp_path):
    odd = dataclasses.replace(log, columns=dataclasses.replace(log.columns, user="wer", item="was"))
    write_log(odd, tmp_path)
    assert_same(recae.read(tmp_path), odd)
    assert read_histories([tmp_path], log.items).columns.user == "wer"


def damage(folder, name, change):
    array = np.load(folder / name)
    change(array)
    np.save(folder / name, array)


def test_a_damaged_folder_is_refused(folder, tmp_path):
    def copy(name):
        return shutil.copytree(folder, tmp_path / name)

    def refused(name, change, match, error=DamagedFileError):
        one = copy(name)
        change(one)
        with pytest.raises(error, match=match):
            open_log(one)

    refused("gone", lambda one: (one / "indices.npy").unlink(), "indices.npy could not be read", StorageError)
    refused("cut", lambda one: (one / "values.npy").write_bytes(b"\x93NUMPY"), "values.npy is damaged")
    refused("beyond", lambda one: damage(one, "indices.npy", lambda a: a.__setitem__(3, 20)), "outside of its columns")
    refused("below", lambda one: damage(one, "indices.npy", lambda a: a.__setitem__(0, -1)), "outside of its columns")
    refused("swapped", lambda one: damage(one, "indices.npy", swap), "columns of a row are not in order")
    refused("rows", lambda one: damage(one, "indptr.npy", lambda a: a.__setitem__(1, 10**6)), "rows do not follow")
    refused("last", lambda one: damage(one, "indptr.npy", lambda a: a.__setitem__(-1, 1)), "rows do not follow")
    refused("nan", lambda one: damage(one, "values.npy", lambda a: a.__setitem__(0, np.nan)), "not finite")
    refused("newer", lambda one: changed(one, format=99), "is of format 99")
    refused("other", lambda one: changed(one, holds="letters"), "should say that it holds a log")
    refused("sizes", lambda one: changed(one, interactions=-1), "interactions is missing or wrong")
    refused(
        "columns", lambda one: changed(one, columns={"time_unit": "weeks"}), "columns.time_unit is missing or wrong"
    )
    refused("more", lambda one: changed(one, users=31), r"indptr.npy should hold 32 numbers")
    refused("items", lambda one: changed(one, items=21), r"items.arrow should hold 21 values")


def swap(indices):
    indices[:2] = indices[1::-1].copy()


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_what_passes_the_check_is_canonical_and_nothing_else(data):
    n_rows, n_columns = data.draw(st.integers(0, 4)), data.draw(st.integers(1, 4))
    indptr = np.array(data.draw(st.lists(st.integers(-1, 5), min_size=n_rows + 1, max_size=n_rows + 1)), dtype=np.int32)
    if data.draw(st.booleans()):
        indptr = np.sort(np.clip(indptr, 0, None))
        indptr[0] = 0
    n = max(int(indptr[-1]), 0) if data.draw(st.booleans()) else 3
    indices = np.array(data.draw(st.lists(st.integers(-1, n_columns), min_size=n, max_size=n)), dtype=np.int32)
    follow = indptr[0] == 0 and indptr[-1] == n and bool((np.diff(indptr) >= 0).all())
    canonical = follow and all(
        row.tolist() == sorted(set(row.tolist())) and all(0 <= column < n_columns for column in row)
        for row in np.split(indices, indptr[1:-1])
    )
    assert (csr_complaint(indptr, indices, n_columns) is None) == canonical


@pytest.mark.parametrize("spec", ["user-holdout", "per-user:test=0.2,valid=0", "leave-last-out"])
def test_a_split_comes_back_as_it_was(log, tmp_path, spec):
    split = make_split(log, spec)
    write_prepared_split(split, tmp_path)
    assert is_prepared_split(tmp_path)
    found = open_prepared_split(tmp_path)

    assert_same(found.train, split.train)
    assert (found.spec, found.seed, found.notes) == (split.spec, split.seed, split.notes)
    for name in ("valid", "test"):
        left, right = getattr(found, name), getattr(split, name)
        assert (left is None) == (right is None)
        if left is None:
            continue
        for matrix in ("history", "target"):
            assert (getattr(left, matrix) != getattr(right, matrix)).nnz == 0
            assert not getattr(left, matrix).indices.flags.writeable
        assert left.users == right.users
        assert left.columns == right.columns
        np.testing.assert_array_equal(left.unknown_targets, right.unknown_targets)
        assert_same(left.outside, right.outside)


def test_a_split_whose_parts_do_not_fit_is_refused(make_log, tmp_path):
    split = ready_made(make_log([("u", "a"), ("v", "b")]), None, make_log([("u", "b"), ("w", "a"), ("x", "a")]))
    write_prepared_split(split, tmp_path)
    with pytest.raises(DataError, match=r"holds a prepared split: name one of its parts, e.g. .*train"):
        recae.read(tmp_path)
    assert_same(recae.read(tmp_path / "train"), split.train)
    shutil.rmtree(tmp_path / "test" / "history")
    shutil.copytree(tmp_path / "train", tmp_path / "test" / "history")
    with pytest.raises(DamagedFileError, match="parts are of different sizes"):
        open_prepared_split(tmp_path)
    changed(tmp_path, parts=None)
    with pytest.raises(DamagedFileError, match="is damaged"):
        open_prepared_split(tmp_path)
