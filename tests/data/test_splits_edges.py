"""Where a strategy's rule just holds and just does not: shares, numbers of users, moments, folds."""

from __future__ import annotations

import re

import numpy as np
import pytest
from scipy import sparse

from recae.data.ids import IdIndex
from recae.data.parts import Cut, Parts, assemble, place
from recae.data.split import HeldOut
from recae.data.splits import make_split, split_names
from recae.data.strategies import floor_share, random_share, stream
from recae.errors import ConfigError, DataError


def square(make_log, n_users, n_items=4):
    return make_log([(u, i, 1 + (u + i) % 5, i) for u in range(n_users) for i in range(n_items)])


def sizes(split):
    return tuple(0 if part is None else part.n_users for part in (split.train, split.valid, split.test))


@pytest.mark.parametrize(
    ("spec", "n_users", "expected"),
    [
        ("user-holdout:valid=0.01,test=1", 10, (8, 1, 1)),
        ("user-holdout:valid=0.29,test=0", 100, (71, 29, 0)),
        ("user-holdout:valid=0,test=9", 10, (1, 0, 9)),
        ("user-holdout:valid=4,test=5", 10, (1, 4, 5)),
    ],
)
def test_numbers_of_users(make_log, spec, n_users, expected):
    assert sizes(make_split(square(make_log, n_users), spec)) == expected


def test_users_of_whom_nothing_is_drawn_are_no_targets(make_log):
    """A fifth of 4 interactions is none."""
    with pytest.raises(DataError, match="no valid targets"):
        make_split(square(make_log, 9), "liang2018:heldout=4,above=0,min_user_items=4")


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("user-holdout:observed=0", "user-holdout: observed=0 must lie between 0 and 1"),
        ("user-holdout:valid=inf", "user-holdout: valid=inf must be a share below 1 or a whole number of users"),
        ("per-user:test=1", "per-user: valid=0.1, test=1 must be shares from 0 to below 1"),
        ("per-user:valid=-0.1", "valid=-0.1"),
        ("per-user:valid=0.5,test=0.5", "together above 0 and below 1"),
        ("leave-last-out:valid=-1,test=2", "numbers of interactions"),
        ("leave-last-out:valid=2,test=-1", "numbers of interactions"),
        ("time:valid=0.5,test=0.5", "time: valid=0.5, test=0.5 must be"),
        ("kfold:1", "k=1 must be at least 2"),
        ("kfold:3,fold=-1", "fold=-1"),
        ("kfold:3,valid=1", "kfold: valid=1 must be a share from 0 to below 1"),
        ("lightgcn:core=1,valid=1", "lightgcn: valid=1 must be a share from 0"),
        ("autorec:valid=1", "autorec: valid=1 must be a share from 0"),
        ("autorec:test=0", "autorec: test=0 must be a share above 0"),
        ("kfold:3,fold=", "kfold: 'fold=' is not of the form key=value; known are k, fold, valid."),
        ("kfold:=3", "kfold has no parameter ''; known are k, fold, valid."),
        ("kfold:3,zzzz=1", "kfold has no parameter 'zzzz'; known are k, fold, valid."),
        ("kfold:3,folt=1", "kfold has no parameter 'folt': did you mean 'fold'? Known are k, fold, valid."),
        ("user-holdot:0.2", "There is no split 'user-holdot': did you mean 'user-holdout'? Known are user-holdout, "),
        ("inf-ae:0.1", "inf-ae: '0.1' is not of the form key=value; it has no parameters."),
        ("per-user:test=lots", "per-user: test=lots must be a number."),
        ("kfold:k=2.5", "kfold: k=2.5 must be a whole number."),
    ],
)
def test_what_is_wrong_is_said_with_the_strategy_and_the_value(make_log, spec, said):
    with pytest.raises(ConfigError, match=re.escape(said)):
        make_split(square(make_log, 10), spec)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("user-holdout:valid=5,test=5", "would hold out 10 of 10 users, 10 of whom have 2 interactions or more"),
        ("leave-last-out", "leave-last-out needs times"),
        ("time", "time needs times"),
        ("liang2018:heldout=5", "liang2018 would hold out 2 x 5 of 10 users"),
        ("liang2018:above=9", "users with at least 5 items"),
        ("liang2018:min_item_users=11", "items with at least 11 users"),
    ],
)
def test_data_that_is_too_small_is_told_with_its_numbers(make_log, spec, said):
    log = make_log([(u, i) for u in range(10) for i in range(6)])
    if "above" in spec:
        log = make_log([(u, i, 3) for u in range(10) for i in range(6)])
    with pytest.raises(DataError) as caught:
        make_split(log, spec)
    assert said in str(caught.value)


def test_held_out_users_keep_a_history_and_a_target_whatever_the_share(make_log):
    log = make_log([(u, i) for u in range(20) for i in range(2 + u % 4)])
    for observed, targets in (("0.8", lambda n: 1), ("1e-12", lambda n: n - 1), ("0.5", lambda n: n // 2)):
        part = make_split(log, f"user-holdout:valid=0,test=10,observed={observed}").test
        n = log.user_counts()[log.users.positions(part.users.values)]
        assert part.relevant_counts().tolist() == [targets(one) for one in n.tolist()]
        assert np.diff(part.history.indptr).tolist() == [one - targets(one) for one in n.tolist()]


def test_shares_of_small_users_are_taken_whole(make_log):
    rows = [(0, i) for i in range(4)] + [(1, 0), (1, 1), (2, 0)] + [(9, i) for i in range(4)]
    split = make_split(make_log(rows), "per-user:valid=0.25,test=0.5")
    assert (split.test.users.values.to_pylist(), split.test.relevant_counts().tolist()) == ([0, 1, 9], [2, 1, 2])
    assert (split.valid.users.values.to_pylist(), split.valid.relevant_counts().tolist()) == ([0, 9], [1, 1])
    only_valid = make_split(make_log(rows), "per-user:valid=0.25,test=0")
    assert only_valid.test is None
    assert only_valid.valid.relevant_counts().tolist() == [1, 1]


def test_users_with_too_few_interactions_cannot_be_held_out(make_log):
    log = make_log([(u, i) for u in range(4) for i in range(2)] + [(9, 0), (10, 1)])
    assert sizes(make_split(log, "user-holdout:valid=0,test=4")) == (2, 0, 4)
    with pytest.raises(DataError, match="4 of whom"):
        make_split(log, "user-holdout:valid=0,test=5")


def test_users_with_just_enough_interactions_leave_their_last_out(make_log):
    log = make_log(
        [(1, i, 1, i) for i in range(4)] + [(2, i, 1, i) for i in range(3)] + [(3, i, 1, i) for i in range(2)]
    )
    split = make_split(log, "leave-last-out:valid=1,test=2")
    assert split.test.users.values.to_pylist() == [1]
    split = make_split(log, "leave-last-out:valid=0,test=2")
    assert split.valid is None
    assert split.test.users.values.to_pylist() == [1, 2]
    assert make_split(log, "leave-last-out:valid=2,test=0").test is None


def test_shares_of_time_hold_so_many_interactions(make_log):
    log = make_log([(u, i, 1, 10 * u + i) for u in range(2) for i in range(10)] + [(0, 99, 1, 99), (1, 98, 1, 98)])
    split = make_split(log, "time:valid=0,test=0.1")
    assert split.valid is None
    assert split.train.nnz == 20
    assert split.test.relevant_counts().tolist() == [1, 1]
    split = make_split(log, "time:valid=0.1,test=0")
    assert split.test is None
    assert split.valid.relevant_counts().tolist() == [1, 1]


def test_a_moment_can_be_that_of_an_interaction_and_may_be_both(make_log):
    log = make_log([(1, 1, 1, 10), (1, 2, 1, 20), (1, 3, 1, 30), (2, 1, 1, 10), (2, 2, 1, 5)])
    split = make_split(log, "time:at=30,valid_at=20")
    assert (split.train.nnz, split.valid.relevant_counts().tolist()) == (3, [1])
    assert split.test.relevant_counts().tolist() == [1]
    with pytest.raises(DataError, match="no valid targets"):
        make_split(log, "time:at=30,valid_at=30")
    with pytest.raises(ConfigError, match="valid_at=31 must lie before at=30"):
        make_split(log, "time:at=30,valid_at=31")


def test_folds_take_users_with_two_interactions_and_not_those_with_one(make_log):
    log = make_log([(u, i) for u in range(6) for i in range(2)] + [(u, 0) for u in range(6, 12)])
    folds = [make_split(log, f"kfold:2,fold={fold},valid=0") for fold in (0, 1)]
    assert sum(fold.test.relevant_counts().sum() for fold in folds) == 12
    assert all(fold.valid is None for fold in folds)
    assert all(max(fold.test.users.values.to_pylist()) < 6 for fold in folds)


def test_shares_are_rounded_down_whatever_binary_fractions_make_of_them():
    counts = np.array([15, 14, 10, 0, 1])
    assert floor_share(counts, 0.2).tolist() == [3, 2, 2, 0, 0]
    assert floor_share(counts, 0.2).dtype == np.int64
    assert floor_share(np.array([10]), 1 - 0.8).tolist() == [2]
    drawn = random_share(np.full(1000, 10), 0.25, stream(1, "any"))
    assert set(drawn.tolist()) == {2, 3}
    assert 400 < (drawn == 3).sum() < 600
    assert random_share(np.array([1, 2, 0]), 0.999, stream(1, "any")).tolist() == [0, 1, 0]


def log_of(make_log, said):
    """From "ua ub", user and item."""
    return make_log([(pair[0], pair[1]) for pair in said.split()])


def masks(log, **wanted):
    """One mask for each name, of the entries that are named in the same way."""
    users, items = log.users.take(log.row_of_entry()).to_pylist(), log.items.take(log.matrix.indices).to_pylist()
    pairs = [user + item for user, item in zip(users, items, strict=True)]
    return {name: np.array([pair in said.split() for pair in pairs]) for name, said in wanted.items()}


def test_what_is_left_out_is_noted(make_log):
    log = log_of(make_log, "Aa Ab Ac Ae Ba Bd Cd Ce Db Ec Ed")
    of = masks(log, train="Aa Ab Db", history="Aa Ae Ba Bd Ce", target="Ac Cd Ec Ed")
    cut = Cut(of["history"], of["target"])
    split = assemble(Parts(log, of["train"], test=cut, notes={"made up": 2}), "spec", 3)
    assert split.notes == {
        "made up": 2,
        "test users without targets": 1,
        "test history of unknown items": 3,
        "test users without history": 2,
        "test targets of users without history": 3,
    }
    assert (split.spec, split.seed, split.valid) == ("spec", 3, None)
    assert split.test.unknown_targets.tolist() == [1]
    kept = assemble(Parts(log, of["train"], test=cut, keep_cold=True), "spec", 3)
    assert kept.test.users.values.to_pylist() == ["A", "C", "E"]
    with pytest.raises(DataError, match="spec finds no test targets: none of 5 users has both"):
        assemble(Parts(log, of["train"], test=cut, drop_unknown=True), "spec", 3)
    with pytest.raises(DataError, match="spec leaves no interactions to train on"):
        assemble(Parts(log, np.zeros(log.nnz, dtype=bool), test=cut), "spec", 3)


def test_targets_of_unknown_items_are_counted_where_they_are_dropped(make_log):
    log = log_of(make_log, "Aa Ab Ba Bb Bd Be")
    of = masks(log, train="Aa Ab", history="Ba", target="Bb Bd Be")
    split = assemble(Parts(log, of["train"], valid=Cut(of["history"], of["target"]), drop_unknown=True), "spec", None)
    assert split.notes == {"valid targets of unknown items dropped": 2}
    assert (split.valid.target.nnz, split.valid.unknown_targets.tolist(), split.test) == (1, [0], None)


def test_held_out_data_that_does_not_fit_together_is_refused():
    two, three = sparse.csr_array((2, 4)), sparse.csr_array((2, 3))
    users, nothing = IdIndex.range(2), np.zeros(2, dtype=int)
    assert HeldOut(two, two, users, nothing, last_seen=nothing).n_users == 2
    for wrong in (
        lambda: HeldOut(two, three, users, nothing),
        lambda: HeldOut(two, two, IdIndex.range(3), nothing),
        lambda: HeldOut(two, three, IdIndex.range(3), nothing),
        lambda: HeldOut(two, two, users, nothing, last_seen=np.zeros(3, dtype=int)),
    ):
        with pytest.raises(ValueError, match=r"2 users|3 users"):
            wrong()


def test_placed_values_are_single_precision_and_in_order():
    rows, columns, chosen = np.array([0, 0, 1, 1]), np.array([2, 1, 0, 2]), np.array([True, True, False, True])
    found = place(rows, columns, np.array([5.0, 0.0, 7.0, 2.0]), chosen, (2, 3))
    assert found.dtype == np.float32
    assert (found.indices.tolist(), found.data.tolist(), found.indptr.tolist()) == ([1, 2, 2], [0, 5, 2], [0, 2, 3])


def test_strategies_are_described_in_one_line_with_their_defaults():
    names = split_names()
    assert names["kfold"] == (
        "Every user's interactions are dealt to `k` folds at random; fold number `fold` (from 0) is the test. "
        "(k=5, fold=0, valid=0.1)"
    )
    assert names["time"].endswith("from it on is the test. (valid=0.1, test=0.1)")
    assert names["inf-ae"].endswith("all ratings count as 1.")


def test_the_specification_is_kept_without_spaces_around_it(make_log):
    split = make_split(square(make_log, 10), " per-user:test=0.5,valid=0 ", seed=3)
    assert (split.spec, split.seed) == ("per-user:test=0.5,valid=0", 3)
    assert make_split(square(make_log, 10), "per-user:test=0.5,valid=0").seed == 42


@pytest.mark.parametrize("name", split_names())
def test_what_is_not_said_has_the_defaults_of_the_description(make_log, name):
    log = make_log([(u, i, 1 + (u + i) % 5, u * i % 17) for u in range(30) for i in range(30) if u * i % 7 < 5])
    said = split_names()[name].rpartition("(")[2].rstrip(")").replace(" ", "") if "=" in split_names()[name] else ""
    plain, whole = make_split(log, name), make_split(log, f"{name}:{said}")
    assert whole.train.fingerprint() == plain.train.fingerprint()
    for one, other in ((plain.valid, whole.valid), (plain.test, whole.test)):
        assert one.users == other.users
        assert (one.target != other.target).nnz == (one.history != other.history).nnz == 0
