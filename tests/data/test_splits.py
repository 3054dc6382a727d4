"""Every strategy: disjoint parts, nothing lost, the same seed the same split; and what each one promises."""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recae.data.splits import make_split, parse_spec, split_names
from recae.data.validation import validation_cut
from recae.errors import ConfigError, DataError

SEEDED = ["user-holdout", "per-user", "kfold:5", "lightgcn:core=2", "inf-ae", "autorec"]
OTHERS = ["leave-last-out", "time", "time:test=0.2,valid=0", "liang2018:heldout=5,above=1.5", "kfold:3,fold=2,valid=0"]


def random_log(make_log, seed, n_users=40, n_items=25, density=0.3):
    rng = np.random.default_rng(seed)
    taken = rng.random((n_users, n_items)) < density
    taken[:, 0] = True
    return make_log(
        [(int(u) + 100, int(i) + 7, float(rng.integers(1, 6)), int(rng.integers(1000))) for u, i in np.argwhere(taken)]
    )


def pairs_of(matrix, users, items):
    rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
    return set(zip(users.take(rows).to_pylist(), items.take(matrix.indices).to_pylist(), strict=True))


def parts_of(split):
    train = pairs_of(split.train.matrix, split.train.users, split.train.items)
    parts = {"train": train, "valid": set(), "test": set()}
    for name, held in (("valid", split.valid), ("test", split.test)):
        if held is not None:
            known = pairs_of(held.target, held.users, split.train.items)
            parts[name] = known | pairs_of(held.outside.matrix, held.users, held.outside.items)
            parts[name + " history"] = pairs_of(held.history, held.users, split.train.items)
    return parts


@pytest.mark.parametrize("spec", SEEDED + OTHERS)
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_parts_are_disjoint_and_targets_fit_their_users(make_log, spec, seed):
    log = random_log(make_log, seed, density=0.5)
    split = make_split(log, spec, seed=seed)
    parts = parts_of(split)
    whole = pairs_of(log.matrix, log.users, log.items)
    assert not parts["train"] & parts["valid"]
    assert not parts["train"] & parts["test"]
    assert not parts["valid"] & parts["test"]
    assert parts["train"] | parts["valid"] | parts["test"] <= whole
    assert split.train.item_counts().min() > 0
    assert split.train.user_counts().min() > 0
    counts = dict(zip(log.users.values.to_pylist(), log.user_counts().tolist(), strict=True))
    for held in filter(None, (split.valid, split.test)):
        assert held.history.shape == held.target.shape == (held.n_users, split.train.n_items)
        assert held.history.multiply(held.target).nnz == 0
        for user, n in zip(held.users.values.to_pylist(), held.relevant_counts().tolist(), strict=True):
            assert 0 < n <= counts[user] - (spec != "autorec")


@pytest.mark.parametrize("spec", ["per-user", "kfold:5", "lightgcn:core=0", "inf-ae", "autorec", "leave-last-out"])
@settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_no_interaction_is_lost(make_log, spec, seed):
    log = random_log(make_log, seed, density=0.5)
    parts = parts_of(make_split(log, spec, seed=seed))
    assert parts["train"] | parts["valid"] | parts["test"] == pairs_of(log.matrix, log.users, log.items)


@pytest.mark.parametrize("spec", ["per-user", "kfold:5", "lightgcn:core=0", "inf-ae", "autorec", "leave-last-out"])
def test_history_is_train_and_at_test_time_validation_too(make_log, spec):
    log = random_log(make_log, 3, density=0.6)
    split = make_split(log, spec)
    parts = parts_of(split)
    in_test = set(split.test.users.values.to_pylist())
    known = set(split.train.items.values.to_pylist())
    expected = {(u, i) for u, i in parts["train"] | parts["valid"] if u in in_test and i in known}
    assert parts["test history"] == expected
    in_valid = set(split.valid.users.values.to_pylist())
    assert parts["valid history"] == {(u, i) for u, i in parts["train"] if u in in_valid}


@pytest.mark.parametrize("spec", SEEDED)
def test_the_seed_decides(make_log, spec):
    log = random_log(make_log, 1)
    first, again, other = (parts_of(make_split(log, spec, seed=seed)) for seed in (5, 5, 6))
    assert first == again
    assert first != other


def plain_log(make_log):
    """No chance in it: 40 users with 1 to 16 items, 1 to 5 stars, and times some of which are equal."""
    cells = [(u, i) for u in range(40) for i in range(1 + u * 7 % 23) if (u * u + 3 * i + u * i) % 7 < 5]
    return make_log([(u + 100, i + 7, (2 * u + i) % 5 + 1, (u * 5 + i * i) % 40) for u, i in cells])


def checksum(parts):
    return zlib.crc32(repr([sorted(part) for part in parts]).encode())


PINNED = {
    "user-holdout:valid=3,test=0.2,observed=0.7": 1_651_962_204,
    "per-user": 4_193_354_337,
    "leave-last-out:valid=2,test=1": 2_845_247_504,
    "time:valid=0.1,test=0.2": 3_190_310_506,
    "kfold:4,fold=2": 194_625_134,
    "liang2018:heldout=4,above=2.5": 4_051_653_615,
    "lightgcn:core=3,valid=0.2": 2_489_761_531,
    "inf-ae": 1_975_843_386,
    "autorec": 3_708_880_142,
}
"""Specification -> checksum of all its parts. A change here gives everybody other splits under the same seed."""


@pytest.mark.parametrize("spec", PINNED)
def test_the_same_seed_cuts_the_same_in_every_release(make_log, spec):
    parts = parts_of(make_split(plain_log(make_log), spec, seed=7))
    assert checksum(parts.values()) == PINNED[spec]


def test_the_validation_cut_is_the_same_in_every_release(make_log):
    found = [validation_cut(plain_log(make_log), seed=7, kind=kind) for kind in ("users", "entries")]
    cut = [
        pairs_of(matrix, users, rest.items)
        for rest, valid in found
        for matrix, users in ((rest.matrix, rest.users), (valid.history, valid.users), (valid.target, valid.users))
    ]
    assert checksum(cut) == 741_820_567


def test_user_holdout_is_strong_generalization(make_log):
    log = random_log(make_log, 2, n_users=50, density=0.5)
    split = make_split(log, "user-holdout:valid=0.1,test=8,observed=0.8")
    assert (split.train.n_users, split.valid.n_users, split.test.n_users) == (37, 5, 8)
    names = [set(part.users.values.to_pylist()) for part in (split.train, split.valid, split.test)]
    assert not names[0] & names[1]
    assert not names[0] & names[2]
    assert not names[1] & names[2]
    counts = dict(zip(log.users.values.to_pylist(), log.user_counts().tolist(), strict=True))
    for user, n in zip(split.test.users.values.to_pylist(), split.test.relevant_counts().tolist(), strict=True):
        assert n == max(1, counts[user] // 5)


def test_the_test_users_do_not_depend_on_the_size_of_the_validation_part(make_log):
    log = random_log(make_log, 2)
    small, none = make_split(log, "user-holdout:valid=0.1"), make_split(log, "user-holdout:valid=0")
    assert none.valid is None
    assert parts_of(small)["test"] - parts_of(none)["test"] == set()


def test_user_holdout_keeps_users_with_one_interaction_in_training(make_log):
    rows = [(u, i) for u in range(10) for i in range(3)] + [(u, 0) for u in range(100, 130)]
    split = make_split(make_log(rows), "user-holdout:test=5,valid=4")
    assert set(range(100, 130)) <= set(split.train.users.values.to_pylist())
    assert max(split.test.users.values.to_pylist()) < 10


def test_per_user_rounds_down_and_leaves_one_for_training(make_log):
    rows = [(1, i) for i in range(15)] + [(2, i) for i in range(4)] + [(3, 0)]
    split = make_split(make_log(rows), "per-user:test=0.2,valid=0.1")
    assert dict(zip(split.test.users.values.to_pylist(), split.test.relevant_counts().tolist(), strict=True)) == {1: 3}
    assert split.valid.relevant_counts().tolist() == [1]
    assert split.train.n_users == 3
    assert split.notes["test users without targets"] == 2


def test_leave_last_out_takes_the_newest_and_breaks_ties_by_item(make_log):
    rows = [
        ("ann", "a", 5, 30), ("ann", "b", 5, 10), ("ann", "c", 5, 20),
        ("bob", "a", 5, 7), ("bob", "b", 5, 7), ("bob", "c", 5, 7), ("bob", "d", 5, 6),
        ("cid", "a", 5, 1), ("cid", "d", 5, 2),
    ]  # fmt: skip
    parts = parts_of(make_split(make_log(rows), "leave-last-out"))
    assert parts["test"] == {("ann", "a"), ("bob", "c")}
    assert parts["valid"] == {("ann", "c"), ("bob", "b")}
    assert parts["test history"] == {("ann", "b"), ("bob", "a"), ("bob", "d"), ("bob", "b")}
    assert {("cid", "a"), ("cid", "d")} <= parts["train"]


def test_items_that_training_never_saw_count_as_missed_targets(make_log):
    rows = [("ann", "a", 5, 1), ("ann", "new", 5, 2), ("bob", "a", 5, 1), ("bob", "b", 5, 2), ("bob", "c", 5, 3)]
    split = make_split(make_log(rows), "leave-last-out:valid=0,test=1")
    assert split.train.items.values.to_pylist() == ["a", "b"]
    assert split.test.unknown_targets.tolist() == [1, 1]
    assert split.test.relevant_counts().tolist() == [1, 1]
    assert split.test.target.nnz == 0
    assert split.test.outside.items.take(split.test.outside.matrix.indices).to_pylist() == ["new", "c"]


def test_a_user_whose_whole_history_is_unknown_is_left_out_and_counted(make_log):
    rows = [("ann", "a", 5, 1), ("ann", "b", 5, 4), ("ann", "a2", 5, 9), ("bob", "new", 5, 4), ("bob", "a", 5, 9)]
    split = make_split(make_log(rows), "time:at=5,valid_at=2")
    assert split.test.users.values.to_pylist() == ["ann"]
    assert split.notes["test users without history"] == 1
    assert split.notes["test targets of users without history"] == 1


def test_time_cuts_everybody_at_one_moment(make_log):
    day = 86_400
    rows = [("ann", "a", 5, 0), ("ann", "b", 5, day), ("ann", "c", 5, 3 * day), ("bob", "a", 5, 3 * day),
            ("bob", "b", 5, 0), ("cid", "c", 5, day), ("cid", "b", 5, 3 * day), ("dan", "b", 5, 3 * day)]  # fmt: skip
    split = make_split(make_log(rows), "time:at=1970-01-04,valid_at=1970-01-02")
    parts = parts_of(split)
    assert parts["train"] == {("ann", "a"), ("bob", "b")}
    assert parts["valid"] == {("ann", "b")}
    assert parts["test"] == {("ann", "c"), ("bob", "a")}  # all that cid had before is an item that nobody trained on
    assert split.notes["valid users without history"] == 1
    assert split.notes["test users without history"] == 2
    assert split.notes["test targets of users without history"] == 2
    assert parts_of(make_split(make_log(rows), f"time:{3 * day}"))["test"] == parts["test"] | {("cid", "b")}
    by_number = make_log(rows, time_unit="number")
    assert parts_of(make_split(by_number, f"time:{3 * day}"))["test"] == parts["test"] | {("cid", "b")}
    with pytest.raises(ConfigError, match="number"):
        make_split(by_number, "time:1970-01-04")


def test_time_by_share_keeps_equal_moments_together(make_log):
    log = make_log([(u, i, 1, i) for u in range(4) for i in range(10)])
    parts = parts_of(make_split(log, "time:test=0.13,valid=0.2"))
    assert {i for _, i in parts["test"]} == {8, 9}
    assert {i for _, i in parts["valid"]} == {6, 7}


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10**6), k=st.integers(2, 6))
def test_over_the_folds_every_interaction_is_a_target_once(make_log, seed, k):
    log = random_log(make_log, seed, density=0.1)
    seen = [parts_of(make_split(log, f"kfold:{k},fold={fold},valid=0", seed=1))["test"] for fold in range(k)]
    counts = dict(zip(log.users.values.to_pylist(), log.user_counts().tolist(), strict=True))
    expected = {(u, i) for u, i in pairs_of(log.matrix, log.users, log.items) if counts[u] >= 2}
    assert sum(map(len, seen)) == len(expected)
    assert set().union(*seen) == expected


@pytest.mark.parametrize("seed", range(3))
def test_validation_entries_are_drawn_at_random(make_log, seed):
    log = make_log([(u, i) for u in range(300) for i in range(10)])
    split = make_split(log, "per-user:test=0.2,valid=0.1", seed=seed)
    # 300 users hold out 2 of 10 items: each item is a target 60 times on average, with a deviation of about 7.
    assert np.abs(np.diff(split.test.target.tocsc().indptr) - 60).max() < 30


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("user-holdot", "did you mean 'user-holdout'"),
        ("nothing-like-it", "known are user-holdout"),
        ("per-user:tets=0.1", "did you mean 'test'"),
        ("per-user:test=lots", "must be a number"),
        ("kfold:2.5", "must be a whole number"),
        ("kfold:5,fold=5", "fold=5"),
        ("per-user:test=0.5,test=0.5", "twice"),
        ("per-user:test=0.9,valid=0.2", "together"),
        ("per-user:test=nan", "shares"),
        ("per-user:test=0,valid=0", "above 0"),
        ("user-holdout:observed=1", "observed=1"),
        ("user-holdout:test=-1", "test=-1"),
        ("user-holdout:test=1.5", "whole number of users"),
        ("user-holdout:0.1,0.2", "key=value"),
        ("inf-ae:valid=0.1", "no parameters"),
        ("leave-last-out:valid=0,test=0", "above 0"),
        ("time:at=yesterday", "2021-01-31"),
        ("time:at=2021-01-01,valid_at=2022-01-01", "before"),
        ("time:valid_at=2022-01-01", "at="),
        ("lightgcn:core=-1", "negative"),
        ("autorec:test=0", "above 0"),
    ],
)
def test_a_wrong_specification_is_refused(make_log, spec, said):
    with pytest.raises(ConfigError, match=said):
        make_split(random_log(make_log, 0), spec)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("leave-last-out", "no time column"),
        ("time", "no time column"),
        ("autorec", "no rating column"),
        ("user-holdout:test=9", "choose smaller parts"),
        ("lightgcn", "at least 10"),
        ("inf-ae", "at least 3"),
        ("liang2018", "at least 5"),
        ("per-user:test=0.1,valid=0", "no test targets"),
    ],
)
def test_data_that_does_not_fit_is_refused(make_log, spec, said):
    with pytest.raises(DataError, match=said):
        make_split(make_log([(u, i) for u in range(4) for i in range(2)]), spec)


def test_names_come_with_their_parameters():
    names = split_names()
    assert set(names) == {
        "user-holdout", "per-user", "leave-last-out", "time", "kfold", "liang2018", "lightgcn", "inf-ae", "autorec",
    }  # fmt: skip
    assert "observed=0.8" in names["user-holdout"]
    assert parse_spec(" per-user : test = 0.3 ".replace(" :", ":")) == ("per-user", {"test": 0.3})


def test_every_specification_in_the_docs_can_be_used():
    text = (Path(__file__).resolve().parents[2] / "docs" / "splits.md").read_text(encoding="utf-8")
    specs = [code for code in re.findall(r"`([a-z0-9-]+(?::[^`]*)?)`", text) if code.split(":")[0] in split_names()]
    assert {spec.split(":")[0] for spec in specs} == set(split_names())
    for spec in specs:
        parse_spec(spec)
