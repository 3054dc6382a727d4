"""A split comes back from disk exactly as it went there."""

from __future__ import annotations

import dataclasses
import json
import shutil
import uuid

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recae.data.ids import IdIndex
from recae.data.ready_made import ready_made
from recae.data.split_folder import is_split_folder, read_split, write_split
from recae.data.splits import make_split
from recae.data.uuids import as_uuids
from recae.errors import DamagedFileError, StorageError


def same_matrix(left, right):
    return (
        left.shape == right.shape
        and np.array_equal(left.indptr, right.indptr)
        and np.array_equal(left.indices, right.indices)
        and np.array_equal(left.data, right.data)
    )


def assert_same_held_out(left, right):
    assert same_matrix(left.history, right.history)
    assert same_matrix(left.target, right.target)
    assert left.users == right.users
    assert left.users.values.type == right.users.values.type
    assert left.columns == right.columns
    assert np.array_equal(left.unknown_targets, right.unknown_targets)
    order = right.outside.items.positions(left.outside.items.values)
    used = left.outside.item_counts() > 0
    assert np.array_equal(np.flatnonzero(order >= 0), np.flatnonzero(used))
    assert same_matrix(
        left.outside.select(items=np.flatnonzero(used)).matrix, right.outside.select(items=order[used]).matrix
    )


def assert_same_split(left, right):
    assert same_matrix(left.train.matrix, right.train.matrix)
    assert left.train.users == right.train.users
    assert left.train.items == right.train.items
    assert left.train.columns == right.train.columns
    assert left.train.counts == right.train.counts
    assert (left.train.timestamps is None) == (right.train.timestamps is None)
    if left.train.timestamps is not None:
        assert np.array_equal(left.train.timestamps, right.train.timestamps)
    assert (left.spec, left.seed, left.notes) == (right.spec, right.seed, right.notes)
    for mine, other in ((left.valid, right.valid), (left.test, right.test)):
        assert (mine is None) == (other is None)
        if mine is not None:
            assert_same_held_out(mine, other)


def sample_log(make_log, **options):
    rng = np.random.default_rng(0)
    taken = np.argwhere(rng.random((30, 20)) < 0.4)
    return make_log([(int(u), int(i), float(rng.integers(0, 3)), int(rng.integers(100))) for u, i in taken], **options)


@pytest.mark.parametrize(
    "spec", ["user-holdout", "per-user:test=0.2,valid=0", "leave-last-out", "time", "kfold:3", "inf-ae", "autorec"]
)
def test_round_trip(make_log, tmp_path, spec):
    split = make_split(sample_log(make_log), spec)
    assert write_split(split, tmp_path / "split") == tmp_path / "split"
    assert is_split_folder(tmp_path / "split")
    assert_same_split(split, read_split(tmp_path / "split"))


def test_weights_come_back(make_log, tmp_path):
    split = make_split(sample_log(make_log, value_kind="weight"), "per-user")
    assert_same_split(split, read_split(write_split(split, tmp_path / "split")))


IDS = {
    "int32": pa.array(range(7, 37), pa.int32()),
    "uint64": pa.array([2**63 + k for k in range(30)], pa.uint64()),
    "leading zeros": pa.array([f"{k:05d}" for k in range(30)]),
    "unicode": pa.array([f"müller-{chr(0x4E00 + k)}" for k in range(30)], pa.large_string()),
    "16 bytes": pa.array([uuid.UUID(int=k).bytes for k in range(30)], pa.binary(16)),
    "uuid": as_uuids([uuid.UUID(int=k) for k in range(30)]),
}


@pytest.mark.parametrize("kind", IDS)
def test_ids_of_any_type_come_back(make_log, tmp_path, kind):
    log = sample_log(make_log)
    # Ids in descending order: positions must not depend on how the ids sort.
    ids = IDS[kind].take(pa.array(range(29, -1, -1)))
    log = dataclasses.replace(log, users=IdIndex(ids))
    log = dataclasses.replace(log, items=IdIndex(pa.array([f"i{k}" for k in range(log.n_items)][::-1])))
    split = make_split(log, "user-holdout:valid=3,test=3")
    assert_same_split(split, read_split(write_split(split, tmp_path / "split")))


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns", "number", "datetime", "date"])
def test_times_come_back_whatever_their_unit(make_log, tmp_path, unit):
    log = sample_log(make_log)
    ticks = 86_400_000_000 if unit == "date" else 1_000_000
    log = dataclasses.replace(
        log, timestamps=log.timestamps // 1_000_000 * ticks, columns=dataclasses.replace(log.columns, time_unit=unit)
    )
    split = make_split(log, "per-user")
    assert_same_split(split, read_split(write_split(split, tmp_path / "split")))


def test_times_finer_than_their_unit_are_not_rounded(make_log, tmp_path):
    log = sample_log(make_log)
    log = dataclasses.replace(log, timestamps=log.timestamps + 1)
    again = read_split(write_split(make_split(log, "per-user"), tmp_path / "split"))
    assert set((again.train.timestamps % 1_000_000).tolist()) == {1}


def test_targets_among_unknown_items_are_in_the_file(make_log, tmp_path):
    rows = [("ann", "a", 5, 1), ("ann", "new", 4, 2), ("bob", "a", 5, 1), ("bob", "b", 5, 2), ("bob", "c", 5, 3)]
    split = make_split(make_log(rows), "leave-last-out:valid=0,test=1")
    folder = write_split(split, tmp_path / "split")
    written = pq.read_table(folder / "test.parquet").to_pylist()
    assert written == [
        {"user_id": "ann", "item_id": "new", "rating": 4.0},
        {"user_id": "bob", "item_id": "c", "rating": 5.0},
    ]
    assert_same_split(split, read_split(folder))


def test_parts_that_came_in_other_types_and_without_ratings(make_log, tmp_path):
    train = make_log([(1, 10, 4), (1, 11, 5), (2, 10, 3)])
    test = make_log([("1", "x"), ("2", "11")])
    split = ready_made(train, None, test)
    again = read_split(write_split(split, tmp_path / "split"))
    for part in (split.test, again.test):
        assert part.columns.value_kind is None
        assert part.history.toarray().tolist() == [[4, 5], [3, 0]]
        assert part.target.toarray().tolist() == [[0, 0], [0, 1]]
        assert part.unknown_targets.tolist() == [1, 0]
        assert "x" in part.outside.items.values.to_pylist()


def test_no_foreign_folder_is_replaced(make_log, tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter.txt").write_text("dear")
    split = make_split(sample_log(make_log), "per-user")
    with pytest.raises(StorageError, match="not written by recae"):
        write_split(split, tmp_path / "mine")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["letter.txt"]
    write_split(split, tmp_path / "split")
    write_split(make_split(sample_log(make_log), "autorec"), tmp_path / "split")
    assert read_split(tmp_path / "split").spec == "autorec"


def replace_bytes(path, old, new):
    path.write_bytes(path.read_bytes().replace(old, new))


def test_a_damaged_folder_is_refused(make_log, tmp_path):
    whole = write_split(make_split(sample_log(make_log), "per-user"), tmp_path / "split")

    def damaged(name, change):
        copy = tmp_path / name
        shutil.copytree(whole, copy)
        change(copy)
        return copy

    missing = damaged("missing", lambda folder: (folder / "test.parquet").unlink())
    with pytest.raises(StorageError, match=r"test\.parquet could not be read"):
        read_split(missing)
    garbled = damaged("garbled", lambda folder: (folder / "train.parquet").write_bytes(b"PAR1 but not really"))
    with pytest.raises(DamagedFileError, match=r"train\.parquet"):
        read_split(garbled)
    renamed = damaged("renamed", lambda folder: replace_bytes(folder / "train.parquet", b"user_id", b"user_\xff\x80"))
    with pytest.raises(DamagedFileError, match=r"train\.parquet"):
        read_split(renamed)
    swapped = damaged("swapped", lambda folder: shutil.copy(folder / "test.parquet", folder / "train.parquet"))
    with pytest.raises(DamagedFileError, match="Make it again"):
        read_split(swapped)
    newer = damaged("newer", lambda folder: (folder / "split.json").write_text('{"format": 99}'))
    with pytest.raises(DamagedFileError, match="format 99"):
        read_split(newer)


def test_sizes_in_split_json_count_unknown_targets_among_all(make_log, tmp_path):
    split = ready_made(make_log([("u", "a")]), None, make_log([("u", "b"), ("u", "c"), ("v", "a")]))
    facts = json.loads((write_split(split, tmp_path / "s") / "split.json").read_text())

    assert facts["test"] == {"users": 2, "history": 1, "targets": 3, "unknown_targets": 2}
    assert pq.read_table(tmp_path / "s" / "test.parquet").num_rows == 3


def test_splits_are_short_to_look_at(make_log):
    split = ready_made(make_log([("u", "a")]), None, make_log([("u", "b"), ("v", "a")]))

    assert repr(split.test) == "HeldOut(2 users, 1 shown, 2 targets, 1 of them unknown)"
    assert repr(split) == (
        "Split(ready-made: train Interactions(1 user x 1 item, 1 interaction), valid None, "
        "test HeldOut(2 users, 1 shown, 2 targets, 1 of them unknown))"
    )
    assert repr(split.test.select(np.array([1]))) == "HeldOut(1 user, 0 shown, 1 target)"


def test_selected_users_keep_all_that_is_known_of_them(make_log):
    rows = [(user, item, 5, item) for user in range(6) for item in range(4 + user % 2)]
    log = make_log([*rows, *((user, 90 + user, 4, 9) for user in (0, 3))])
    split = make_split(dataclasses.replace(log, counts={"rows that say nothing": 3}), "leave-last-out:valid=0")
    assert split.test.outside.counts == {}
    part = dataclasses.replace(split.test, columns=dataclasses.replace(split.test.columns, user="who"))
    assert part.unknown_targets.any()
    assert part.relevant_counts().dtype == np.int64
    chosen = np.array([3, 5, 0])
    some = part.select(chosen)
    assert some.users.values.to_pylist() == [part.users.values.to_pylist()[user] for user in chosen]
    assert some.columns == part.columns
    assert some.unknown_targets.tolist() == part.unknown_targets[chosen].tolist()
    assert some.last_seen.tolist() == part.last_seen[chosen].tolist()
    assert same_matrix(some.outside.matrix, part.outside.matrix[chosen])
    assert dataclasses.replace(part, outside=None).select(chosen).outside is None


def doubled(table: pa.Table) -> pa.Table:
    return pa.concat_tables([table, table])


def with_column(name, values):
    return lambda table: table.set_column(table.column_names.index(name), name, values(table))


TAMPERED = {
    "every interaction twice": ("train.parquet", doubled),
    "a user id of another type": (
        "test_history.parquet",
        with_column("user_id", lambda table: table["user_id"].cast(pa.string())),
    ),
    "an item that is not listed": (
        "test_history.parquet",
        with_column("item_id", lambda table: pa.array([99] * len(table))),
    ),
    "training items that are not listed": ("vocabulary.parquet", lambda table: table.slice(1)),
    "items listed twice": ("vocabulary.parquet", doubled),
    "ratings of text": ("valid.parquet", with_column("rating", lambda table: pa.array(["good"] * len(table)))),
    "ratings that are no numbers": (
        "valid.parquet",
        with_column("rating", lambda table: pa.array([float("nan")] * len(table), pa.float32())),
    ),
    "times of text": ("train.parquet", with_column("timestamp", lambda table: pa.array(["now"] * len(table)))),
    "no users": ("train.parquet", lambda table: table.drop_columns(["user_id"])),
    "two columns of users": ("train.parquet", lambda table: table.append_column("user_id", table["user_id"])),
}


@pytest.mark.parametrize("what", TAMPERED)
def test_a_table_that_somebody_wrote_anew_is_damage(make_log, tmp_path, what):
    name, change = TAMPERED[what]
    folder = write_split(make_split(sample_log(make_log), "user-holdout:valid=3,test=3"), tmp_path / "split")
    pq.write_table(change(pq.read_table(folder / name)), folder / name)
    with pytest.raises(DamagedFileError, match=r"Make the split again|several columns of one name") as caught:
        read_split(folder)
    assert "\n" not in str(caught.value)
