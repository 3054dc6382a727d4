"""When a held-out user was last seen: the latest time in the history, and never that of a target."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recae.data.histories import read_held_out
from recae.data.interactions import Interactions
from recae.data.prepared_split import open_prepared_split, write_prepared_split
from recae.data.read import read
from recae.data.ready_made import ready_made
from recae.data.split import NO_TIME, HeldOut
from recae.data.split_folder import read_split, write_split
from recae.data.splits import make_split
from recae.errors import DamagedFileError

DAY = 86_400 * 1000
"""Seconds, as the data is written, long enough to be taken for them; microseconds inside."""


@pytest.fixture(scope="module")
def log() -> Interactions:
    random = np.random.default_rng(3)
    users, items = np.repeat(np.arange(40), 10), np.tile(np.arange(10), 40)
    return read({"user_id": users, "item_id": items, "timestamp": random.integers(10**9, 2 * 10**9, 400)})


def expected(log: Interactions, part: HeldOut) -> list[int]:
    """The latest time of each user's history, entry by entry."""
    found = []
    for row, user in enumerate(log.users.positions(part.users.values).tolist()):
        start, stop = log.matrix.indptr[user : user + 2]
        times = dict(zip(log.matrix.indices[start:stop].tolist(), log.timestamps[start:stop].tolist(), strict=True))
        found.append(max(times[item] for item in part.history[[row]].indices.tolist()))
    return found


@pytest.mark.parametrize("spec", ["user-holdout:valid=0.2,test=0.3", "per-user:test=0.3", "leave-last-out"])
def test_it_is_the_latest_time_of_the_history(log: Interactions, spec: str) -> None:
    split = make_split(log, spec)
    assert split.test is not None
    assert split.test.last_seen is not None
    assert split.test.last_seen.tolist() == expected(log, split.test)
    some = split.test.select(np.array([3, 1]))
    assert some.last_seen is not None
    assert some.last_seen.tolist() == split.test.last_seen[[3, 1]].tolist()


def test_it_survives_both_kinds_of_split_folder(log: Interactions, tmp_path: Path) -> None:
    split = make_split(log, "user-holdout:valid=0.2,test=0.3")
    write_split(split, tmp_path / "split")
    (tmp_path / "prepared").mkdir()
    write_prepared_split(split, tmp_path / "prepared")
    for again in (read_split(tmp_path / "split"), open_prepared_split(tmp_path / "prepared")):
        for part, other in ((split.valid, again.valid), (split.test, again.test)):
            assert part is not None
            assert other is not None
            assert part.last_seen is not None
            assert other.last_seen is not None
            assert dict(zip(other.users.values.to_pylist(), other.last_seen.tolist(), strict=True)) == dict(
                zip(part.users.values.to_pylist(), part.last_seen.tolist(), strict=True)
            )


def test_a_damaged_file_of_times_is_told(log: Interactions, tmp_path: Path) -> None:
    write_split(make_split(log, "user-holdout:valid=0.2,test=0.3"), tmp_path / "split")
    path = tmp_path / "split" / "test_last_seen.parquet"
    table = pq.read_table(path)
    pq.write_table(table.set_column(1, "last_seen", pa.array(["soon"] * len(table))), path)
    with pytest.raises(DamagedFileError, match="last_seen"):
        read_split(tmp_path / "split")


def test_files_of_parts_have_it_where_all_have_times() -> None:
    train = read({"user_id": [1, 1, 2], "item_id": ["a", "b", "c"], "timestamp": [10 * DAY, 11 * DAY, 5 * DAY]})
    valid = read({"user_id": [1], "item_id": ["c"], "timestamp": [12 * DAY]})
    test = read({"user_id": [1, 2, 3], "item_id": ["d", "a", "a"]})
    both = ready_made(train, valid, test).test
    assert both is not None
    assert both.last_seen is not None
    assert both.last_seen.tolist() == [12 * DAY * 10**6, 5 * DAY * 10**6, NO_TIME]
    without = ready_made(train, read({"user_id": [1], "item_id": ["c"]}), test).test
    assert without is not None
    assert without.last_seen is None


def test_histories_that_are_read_have_it() -> None:
    train = read({"user_id": [1], "item_id": ["a"], "timestamp": [3 * DAY]})
    history = {"user_id": [7, 7, 8], "item_id": ["a", "new", "new"], "timestamp": [20 * DAY, 30 * DAY, 40 * DAY]}
    target = {"user_id": [8, 7], "item_id": ["a", "other"]}
    found = read_held_out([history], [target], train.items)
    assert found.last_seen is not None
    # What no model knows is no part of the history.
    assert dict(zip(found.users.values.to_pylist(), found.last_seen.tolist(), strict=True)) == {
        8: NO_TIME,
        7: 20 * DAY * 10**6,
    }
    assert read_held_out([{"user_id": [7], "item_id": ["a"]}], [target], train.items).last_seen is None
