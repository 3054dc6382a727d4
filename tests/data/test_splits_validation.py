"""The validation part that a model gets when it was given none."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from recae.data import strategies
from recae.data.ids import IdIndex
from recae.data.interactions import Interactions
from recae.data.strategies import random_ranks, random_ranks_of, stream
from recae.data.validation import validation_cut
from recae.errors import DataError


def log_of(make_log, n_users, n_items=10):
    return make_log([(u, (u + i) % 50) for u in range(n_users) for i in range(n_items)])


@pytest.mark.parametrize(("n_users", "held"), [(5, 1), (100, 10), (700, 50), (6000, 60)])
def test_whole_users_are_held_out(make_log, n_users, held):
    train = log_of(make_log, n_users) if n_users < 1000 else log_of(make_log, n_users, 3)
    rest, valid = validation_cut(train, seed=1, kind="users")
    assert valid.n_users == held
    assert rest.n_users == n_users - held
    assert rest.items == train.items
    assert valid.history.shape[1] == train.n_items
    assert not np.isin(valid.users.values.to_pylist(), rest.users.values.to_pylist()).any()
    assert valid.history.nnz + valid.target.nnz + rest.nnz == train.nnz
    assert (np.diff(valid.target.indptr) == (2 if n_users < 1000 else 1)).all()
    assert not valid.unknown_targets.any()


def test_single_entries_are_held_out(make_log):
    train = log_of(make_log, 400)
    rest, valid = validation_cut(train, seed=1, kind="entries")
    assert rest.users == train.users
    assert rest.items == train.items
    assert rest.nnz + valid.target.nnz == train.nnz
    assert 0.04 < valid.target.nnz / train.nnz < 0.06
    assert rest.user_counts().min() >= 1
    row = int(train.users.positions(valid.users.take([0]))[0])
    assert np.array_equal(valid.history[[0]].indices, rest.matrix[[row]].indices)


@pytest.mark.parametrize("kind", ["users", "entries"])
def test_the_seed_decides(make_log, kind):
    train = log_of(make_log, 100)
    first, again, other = (validation_cut(train, seed=seed, kind=kind)[1] for seed in (1, 1, 2))
    assert first.users == again.users
    assert np.array_equal(first.target.indices, again.target.indices)
    assert first.users != other.users or not np.array_equal(first.target.indices, other.target.indices)


@pytest.mark.parametrize("kind", ["users", "entries"])
def test_tiny_data(make_log, kind):
    _, valid = validation_cut(make_log([(1, 1), (1, 2), (2, 1)]), kind=kind)
    assert valid.users.values.to_pylist() == [1]
    assert (valid.history.nnz, valid.target.nnz) == (1, 1)
    with pytest.raises(DataError, match="at least 2 interactions"):
        validation_cut(make_log([(1, 1), (2, 1)]), kind=kind)


def test_ranks_of_a_few_users_are_those_among_all(make_log, monkeypatch):
    monkeypatch.setattr(strategies, "_DRAWN", 7)
    log = log_of(make_log, 40)
    log = log.keep(np.random.default_rng(0).random(log.nnz) < 0.5)
    for users in (np.arange(40) % 3 == 0, np.zeros(40, dtype=bool), np.ones(40, dtype=bool)):
        every = random_ranks(log, stream(3, "ranks"))
        some = random_ranks_of(log, users, stream(3, "ranks"))
        np.testing.assert_array_equal(some, every[log.entries_of(users)])


def test_equal_random_numbers_keep_the_order_of_the_entries(make_log):
    class Coin:
        def random(self, n):
            return np.where(np.arange(n) % 2, 0.25, 0.75)

    log = log_of(make_log, 40, 50)
    users = np.arange(40) != 7
    of_each = [rank for pair in zip(range(25, 50), range(25), strict=True) for rank in pair]
    ranks, some = random_ranks(log, Coin()), random_ranks_of(log, users, Coin())
    assert ranks.tolist() == of_each * 40
    assert some.tolist() == of_each * 39
    last = random_ranks(log, Coin(), among=np.arange(log.nnz) % 2 == 0)
    assert last.tolist() == [rank for pair in zip(range(25), range(25, 50), strict=True) for rank in pair] * 40
    assert ranks.dtype == last.dtype == some.dtype == np.int64


def test_users_are_held_out_unless_entries_are_asked_for(make_log):
    train = log_of(make_log, 100)
    (rest, plain), (same_rest, said) = validation_cut(train), validation_cut(train, seed=42, kind="users")
    assert rest.users == same_rest.users
    assert plain.users == said.users
    assert (plain.target != said.target).nnz == 0


def test_a_single_user_gives_entries_and_is_not_held_out(make_log):
    train = make_log([(1, item) for item in range(4)])
    rest, valid = validation_cut(train, kind="entries")
    assert (rest.nnz, valid.target.nnz) == (3, 1)
    with pytest.raises(DataError, match="1 user"):
        validation_cut(train, kind="users")


def test_no_more_than_two_thousand_users_are_held_out():
    n = 201_000
    pairs = sparse.csr_array((np.ones(2 * n, np.float32), np.tile([0, 1], n), np.arange(0, 2 * n + 1, 2)), shape=(n, 2))
    _, valid = validation_cut(Interactions(pairs, IdIndex.range(n), IdIndex.range(2)))
    assert valid.n_users == 2000


def test_where_chance_draws_no_entry_the_longest_history_gives_one(make_log):
    train = make_log([(1, 0), (1, 1), *((2, item) for item in range(4)), (3, 0), (3, 1)])
    given = {1: 0, 2: 0, 3: 0}
    for seed in range(40):
        _, valid = validation_cut(train, seed=seed, kind="entries")
        assert valid.relevant_counts().tolist() == [1] * valid.n_users
        assert valid.n_users >= 1
        for user in valid.users.values.to_pylist():
            given[user] += 1
    assert given[2] > 25 > given[1] + given[3]
