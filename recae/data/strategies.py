"""Strategies that cut a log into training data, validation and test; each answers with entry masks.

In the pictures a row is a user and a column an item: `t` trains, `h` is history of a held-out user, `v` and `T`
are targets of validation and test, `.` is an empty cell.
"""

from __future__ import annotations

import math
import zlib

import numpy as np

from recae.counted import counted
from recae.data.interactions import Interactions
from recae.data.moments import parse_time
from recae.data.parts import Cut, Parts, count_rows
from recae.errors import ConfigError, DataError

_DRAWN = 1 << 20
"""Random numbers that are drawn at a time where most of them are not kept."""


def user_holdout(
    log: Interactions, seed: int, *, valid: float = 0.1, test: float = 0.1, observed: float = 0.8
) -> Parts:
    """Some users are held out whole; a share of each one's items is history, the rest targets.

    Strong generalization: the model never trains on the users it is judged on.

        t t . t        trains
        t . t t        trains
        h h v h        valid: history (`observed`), then targets
        h T h h        test

    `valid` and `test` are shares of all users or, from 1 on, numbers of users; 0 leaves a part out. Users are
    drawn among those with at least 2 interactions, the others train. A held-out user keeps at least one
    interaction as history and at least one as target; the targets are drawn at random, their number is
    (1 - `observed`) of the interactions, rounded down.
    """
    _between("user-holdout", "observed", observed, 0, 1)
    counts = log.user_counts()
    n_valid, n_test = (_users("user-holdout", log.n_users, *part) for part in (("valid", valid), ("test", test)))
    able = stream(seed, "users").permutation(np.flatnonzero(counts >= 2))
    if n_valid + n_test >= log.n_users or n_valid + n_test > len(able):
        raise DataError(
            f"user-holdout:valid={valid:g},test={test:g} would hold out {n_valid + n_test} of "
            f"{counted(log.n_users, 'user')}, {len(able)} of whom have 2 interactions or more: choose smaller parts."
        )
    held = np.zeros(log.n_users, dtype=bool)
    held[able[: n_test + n_valid]] = True
    targets = np.clip(floor_share(counts, 1 - observed), 1, np.maximum(counts - 1, 0))
    ranks = random_ranks_of(log, held, stream(seed, "targets"))
    target = log.entries_of(held)
    target[target] = ranks < np.repeat(targets[held], counts[held])
    tested, validated = (_rows(log, users) for users in (able[:n_test], able[n_test : n_test + n_valid]))
    return Parts(
        log,
        train=~(tested | validated),
        valid=Cut(validated & ~target, validated & target) if n_valid else None,
        test=Cut(tested & ~target, tested & target) if n_test else None,
    )


def per_user(log: Interactions, seed: int, *, valid: float = 0.1, test: float = 0.2) -> Parts:
    """A random share of every user's items is held out.

    Weak generalization: every user is in the training data too.

        t t v T
        T t t .        users with few interactions may have no target of one kind
        t v . T

    Numbers of targets are rounded down, so that a user keeps at least one training interaction. The history
    is the training row for validation, training + validation for test.
    """
    _shares("per-user", valid=valid, test=test)
    counts = log.user_counts()
    tested = np.minimum(floor_share(counts, test), np.maximum(counts - 1, 0))
    validated = np.minimum(floor_share(counts, valid), np.maximum(counts - 1 - tested, 0))
    return weak_parts(log, random_ranks(log, stream(seed, "entries")), validated, tested, valid > 0, test > 0)


def leave_last_out(log: Interactions, seed: int, *, valid: int = 1, test: int = 1) -> Parts:
    """The last interactions of every user are the test targets, those just before them the validation targets.

        t t t v T      columns in the order of time
        . . t v T
        . . . t t      too few: all of it trains

    Users with fewer than `valid` + `test` + 1 interactions only train. Interactions at the same time are ordered
    by item position. Needs timestamps. The seed plays no part.
    """
    if valid < 0 or test < 0 or valid + test == 0:
        raise ConfigError("leave-last-out: valid and test are numbers of interactions, at least one of them above 0.")
    newest_first = time_ranks(log, "leave-last-out")
    able = log.user_counts() >= valid + test + 1
    return weak_parts(log, newest_first, able * valid, able * test, valid > 0, test > 0)


def by_time(
    log: Interactions,
    seed: int,
    *,
    at: str | None = None,
    valid_at: str | None = None,
    valid: float = 0.1,
    test: float = 0.1,
) -> Parts:
    """One moment for everybody: what happened before it trains, what happened from it on is the test.

        t t | v | T T      columns in the order of time
        . t | . | T .
        . . | . | T T      no history: left out and counted

    `at` and `valid_at` are ISO dates (UTC) or numbers in the unit of the time column. Without `at`, the newest
    `test` share of all interactions is the test and the `valid` share before it the validation; interactions at
    the very same time stay together, on the later side. With `at` alone there is no validation part. The
    history is everything of the user before the moment. The seed plays no part.
    """
    times = times_of(log, "time")
    if at is None:
        if valid_at is not None:
            raise ConfigError("time: valid_at needs at=... beside it.")
        _shares("time", valid=valid, test=test)
        test_from, valid_from = _moment(times, test), _moment(times, test + valid)
    else:
        test_from = parse_time(at, log.columns)
        valid_from = test_from if valid_at is None else parse_time(valid_at, log.columns)
        if valid_from > test_from:
            raise ConfigError(f"time: valid_at={valid_at} must lie before at={at}.")
    later, validated = times >= test_from, (times >= valid_from) & (times < test_from)
    train = times < valid_from
    with_valid = valid_at is not None or (at is None and valid > 0)
    with_test = at is not None or test > 0
    return Parts(
        log,
        train=train,
        valid=Cut(train, validated) if with_valid else None,
        test=Cut(train | validated, later) if with_test else None,
    )


def k_fold(log: Interactions, seed: int, *, k: int = 5, fold: int = 0, valid: float = 0.1) -> Parts:
    """Every user's interactions are dealt to `k` folds at random; fold number `fold` (from 0) is the test.

        0 1 2 0 1      fold=1:   t T v t T
        2 0 . 1 .                t t . T .
        1 . . . .                t . . . .     one interaction only: always trains

    Over the folds each interaction of a user with at least 2 is a test target exactly once. `valid` is the share
    of each user's other interactions that validates, rounded up or down at random.
    """
    if k < 2 or not 0 <= fold < k:
        raise ConfigError(f"kfold: k={k} must be at least 2 and fold={fold} one of 0 ... k-1.")
    check_share("kfold", "valid", valid)
    counts, rows = log.user_counts(), log.row_of_entry()
    # Each user starts at a random fold, so that users with few interactions do not all fill the first folds.
    start = stream(seed, "starts").integers(k, size=log.n_users)
    tested = ((random_ranks(log, stream(seed, "folds")) + start[rows]) % k == fold) & (counts[rows] >= 2)
    n_valid = random_share(counts - count_rows(log, tested), valid, stream(seed, "rounding"))
    ranks = random_ranks(log, stream(seed, "entries"), among=~tested)
    validated = (ranks < n_valid[rows]) & ~tested
    return Parts(
        log,
        train=~(tested | validated),
        valid=Cut(~(tested | validated), validated) if valid > 0 else None,
        test=Cut(~tested, tested),
    )


def weak_parts(
    log: Interactions, ranks: np.ndarray, n_valid: np.ndarray, n_test: np.ndarray, with_valid: bool, with_test: bool
) -> Parts:
    """Per user the `n_test` entries of lowest rank are the test, the next `n_valid` the validation, the rest trains."""
    rows = log.row_of_entry()
    tested = ranks < n_test[rows]
    validated = ~tested & (ranks < (n_test + n_valid)[rows])
    train = ~(tested | validated)
    return Parts(
        log,
        train=train,
        valid=Cut(train, validated) if with_valid else None,
        test=Cut(~tested, tested) if with_test else None,
    )


def stream(seed: int, name: str) -> np.random.Generator:
    """The random numbers for one purpose, so that one choice does not depend on how much another one drew."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


def random_ranks(log: Interactions, rng: np.random.Generator, among: np.ndarray | None = None) -> np.ndarray:
    """(nnz,) int64: a random order 0, 1, ... of each user's entries; those not in the mask `among` come last."""
    keys = rng.random(log.nnz)
    if among is not None:
        keys = np.where(among, keys / 2, 0.5 + keys / 2)
    return ranks_within_users(log, np.argsort(log.row_of_entry() + keys, kind="stable"))


def random_ranks_of(log: Interactions, users: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """(k,) int64: of what `random_ranks` gives, that of the users in the (n_users,) bool mask alone.

    As much is drawn as for all, but only theirs is kept and ordered: a few users of a log cost no memory of its size.
    """
    entries, lengths = log.entries_of(users), log.user_counts()[users]
    blocks = (entries[start : start + _DRAWN] for start in range(0, log.nnz, _DRAWN))
    keys = np.concatenate([rng.random(len(block))[block] for block in blocks])
    ranks = np.empty(len(keys), dtype=np.int64)
    ranks[np.argsort(np.repeat(np.flatnonzero(users), lengths) + keys, kind="stable")] = np.arange(len(keys))
    return ranks - np.repeat(np.cumsum(lengths) - lengths, lengths)


def time_ranks(log: Interactions, strategy: str) -> np.ndarray:
    """(nnz,) int64: each user's entries counted from the newest, 0, to the oldest; the same time: higher item first."""
    rows = log.row_of_entry()
    overall = np.empty(log.nnz, dtype=np.int64)
    overall[np.argsort(times_of(log, strategy), kind="stable")] = np.arange(log.nnz)
    oldest_first = ranks_within_users(log, np.argsort(rows * log.nnz + overall))
    return log.user_counts()[rows] - 1 - oldest_first


def ranks_within_users(log: Interactions, order: np.ndarray) -> np.ndarray:
    """The rank of each entry within its user, where `order` lists entries user by user."""
    ranks = np.empty(log.nnz, dtype=np.int64)
    ranks[order] = np.arange(log.nnz)
    return ranks - log.matrix.indptr[:-1].astype(np.int64)[log.row_of_entry()]


def times_of(log: Interactions, strategy: str) -> np.ndarray:
    """The timestamps, which `strategy` cannot do without."""
    if log.timestamps is None:
        raise DataError(f"{strategy} needs times, and the data has no time column: name it, or split with per-user.")
    return log.timestamps


def floor_share(counts: np.ndarray, share: float) -> np.ndarray:
    """(n,) int64: `share` of each count, rounded down; 0.2 of 15 is 3 whatever binary fractions make of it."""
    return np.floor(counts * share + 1e-9).astype(np.int64)


def random_share(counts: np.ndarray, share: float, rng: np.random.Generator) -> np.ndarray:
    """(n,) int64: `share` of each count, rounded at random so that short histories give their share too; at least
    one of each count is spared.
    """  # fmt: skip
    drawn = np.floor(counts * share + rng.random(len(counts))).astype(np.int64)
    return np.minimum(drawn, np.maximum(counts - 1, 0))


def check_share(strategy: str, name: str, share: float, *, zero: bool = True) -> None:
    """Refuse a share that is not below 1 and above 0 (or 0 itself, where `zero` leaves a part out)."""
    if not 0 <= share < 1 or (share == 0 and not zero):
        raise ConfigError(f"{strategy}: {name}={share:g} must be a share {'from' if zero else 'above'} 0 to below 1.")


def _users(strategy: str, n_users: int, part: str, amount: float) -> int:
    """A share below 1 of the users, at least one of them, or a whole number from 1 on."""
    if amount < 0 or not math.isfinite(amount) or (amount >= 1 and amount != int(amount)):
        raise ConfigError(f"{strategy}: {part}={amount:g} must be a share below 1 or a whole number of users.")
    return int(amount) if amount >= 1 or amount == 0 else max(1, int(n_users * amount + 1e-9))


def _rows(log: Interactions, users: np.ndarray) -> np.ndarray:
    """(nnz,) bool: the entries of these user positions."""
    chosen = np.zeros(log.n_users, dtype=bool)
    chosen[users] = True
    return log.entries_of(chosen)


def _moment(times: np.ndarray, share: float) -> int | float:
    """The time from which on about the newest `share` of the interactions lie; never fewer, past the end for 0."""
    count = math.floor(len(times) * share + 1e-9)
    moment: int | float = times.max() + 1 if count == 0 else np.partition(times, len(times) - count)[len(times) - count]
    return moment


def _between(strategy: str, name: str, value: float, low: float, high: float) -> None:
    if not low < value < high:
        raise ConfigError(f"{strategy}: {name}={value:g} must lie between {low} and {high}.")


def _shares(strategy: str, **shares: float) -> None:
    if any(not 0 <= share < 1 for share in shares.values()) or not 0 < sum(shares.values()) < 1:
        written = ", ".join(f"{name}={share:g}" for name, share in shares.items())
        raise ConfigError(f"{strategy}: {written} must be shares from 0 to below 1, and together above 0 and below 1.")
