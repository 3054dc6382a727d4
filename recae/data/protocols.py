"""Published evaluation protocols as named strategies, faithful to what their authors' code does."""

from __future__ import annotations

import numpy as np
import pyarrow.compute as pc

from recae.counted import counted
from recae.data.filters import core
from recae.data.ids import as_arrow
from recae.data.interactions import Interactions
from recae.data.parts import Cut, Parts, binarized, count_rows
from recae.data.strategies import check_share, random_ranks, random_share, stream, weak_parts
from recae.errors import ConfigError, DataError

LIANG_SEED = 98765
LIANG_HELD_OUT = 10_000
"""Validation users and test users on ML-20M; 40,000 on Netflix and 50,000 on MSD."""
LIANG_DRAWN_FROM = 5
"""Targets are drawn only of users with so many interactions in the vocabulary."""


def liang2018(
    log: Interactions,
    seed: int,
    *,
    heldout: int = 0,
    above: float = 3.5,
    min_user_items: int = 5,
    min_item_users: int = 0,
) -> Parts:
    """The Mult-VAE authors' strong generalization: whole users held out, 80 % fold-in, seed 98765, to the row.

    Liang, Krishnan, Hoffman, Jebara, "Variational Autoencoders for Collaborative Filtering", WWW 2018:

    1. Ratings above `above` become 1, the others are dropped (implicit data and weights stay and become 1).
    2. Items with fewer than `min_item_users` users are dropped, then users with fewer than `min_user_items` items;
       once, not iterated.
    3. The user ids are sorted, then permuted with NumPy's legacy generator under seed 98765. The last `heldout`
       users are the test, the `heldout` before them the validation, the others train.
    4. The item vocabulary is what the training users have; of the held-out users everything else is dropped.
    5. In the order of the user ids, with the generator seeded anew for each of the two parts, int(0.2 n) of a user's
       n interactions are drawn as targets; a user with n < 5 gets none, whatever `min_user_items`, and is not held
       out.

        t t . t
        t . t t
        h v h h .      the last column is an item that no training user has: dropped
        h h T h .

    `heldout` = 0 stands for 10,000 as on ML-20M, or a tenth of the users, rounded down, where that is fewer (smaller
    data). Netflix: heldout=40000. MSD: heldout=50000,min_user_items=20,min_item_users=200.

    The draw takes positions within the user's rows. In the published ML-20M ratings.csv these are sorted by movieId
    within each user, and so they are taken here: sorted by item id. A file in another row order gives the authors'
    code another, equally random, choice. The seed of the command line plays no part.
    """
    log, notes = _liang_filtered(log, above, min_user_items, min_item_users)
    heldout = heldout or min(LIANG_HELD_OUT, log.n_users // 10)
    if heldout < 1 or 2 * heldout >= log.n_users:
        raise DataError(
            f"liang2018 would hold out 2 x {heldout} of {counted(log.n_users, 'user')}: it needs more users, "
            "or a heldout=... between 1 and less than half of them."
        )
    order = np.random.RandomState(LIANG_SEED).permutation(log.n_users)  # the authors' generator
    group = np.zeros(log.n_users, dtype=np.int8)
    group[order[-2 * heldout : -heldout]], group[order[-heldout:]] = 1, 2
    group_of_entry = group[log.row_of_entry()]
    train = group_of_entry == 0
    known = np.bincount(log.matrix.indices[train], minlength=log.n_items) > 0
    in_vocabulary = known[log.matrix.indices]
    valid, test = (_liang_cut(log, (group_of_entry == part) & in_vocabulary) for part in (1, 2))
    notes["held-out interactions of items that no training user has"] = int(np.count_nonzero(~in_vocabulary))
    return Parts(log, train, valid, test, {key: n for key, n in notes.items() if n}, seed=LIANG_SEED)


def lightgcn(log: Interactions, seed: int, *, core: int = 10, valid: float = 0.1) -> Parts:
    """The NGCF and LightGCN authors' weak generalization: 10-core, 80 % of every user's items train.

    Wang et al., "Neural Graph Collaborative Filtering", SIGIR 2019; He et al., "LightGCN", SIGIR 2020: users and
    items with at least `core` interactions (iterated), of each user's n interactions int(0.8 n) drawn at random
    for training, the others for the test. Their files have no validation part: `valid` is the share of the
    training interactions, per user and rounded at random, that is cut off for it, as NGCF describes; at test time
    it belongs to the history. Every interaction counts as 1.

        t t v T
        T t t t
        t v . T
    """
    check_share("lightgcn", "valid", valid)
    log = _core(binarized(log), core)
    counts = log.user_counts()
    n_train = np.maximum((0.8 * counts).astype(np.int64), np.minimum(counts, 1))
    n_valid = random_share(n_train, valid, stream(seed, "rounding"))
    return weak_parts(log, random_ranks(log, stream(seed, "entries")), n_valid, counts - n_train, valid > 0, True)


def inf_ae(log: Interactions, seed: int) -> Parts:
    """The infinite-AE authors' weak generalization: 80 / 10 / 10 % of every user's items, all ratings count as 1.

    Sachdeva, Dhaliwal, Wu, McAuley, "Infinite Recommendation Networks", NeurIPS 2022: each user's n interactions
    are shuffled and cut at int(0.8 n) and int(0.9 n); the first one is moved from training to the test, so that
    every user has a test target. Users with fewer than 3 interactions are removed. At test time the history is
    training + validation.

        t t v T
        T t t t
        t v . T
    """
    log = binarized(log)
    enough = (log.user_counts() >= 3)[log.row_of_entry()]
    if not enough.any():
        raise DataError("inf-ae needs users with at least 3 interactions, and there is none.")
    log = log.keep(enough, of_users_with_fewer_than_3=int(np.count_nonzero(~enough))).drop_empty()
    counts, rows = log.user_counts(), log.row_of_entry()
    first, second = (0.8 * counts).astype(np.int64)[rows], (0.9 * counts).astype(np.int64)[rows]
    ranks = random_ranks(log, stream(seed, "entries"))
    train = (ranks > 0) & (ranks < first)
    validated = (ranks >= first) & (ranks < second)
    tested = ~(train | validated)
    return Parts(log, train, Cut(train, validated), Cut(~tested, tested))


def autorec(log: Interactions, seed: int, *, valid: float = 0.1, test: float = 0.1) -> Parts:
    """The AutoRec authors' rating prediction: a random 90 / 10 % of all ratings, for RMSE.

    Sedhain, Menon, Sanner, Xie, "AutoRec: Autoencoders Meet Collaborative Filtering", WWW 2015: `test` is the
    share of all ratings, `valid` the share of the remaining training ratings that is held out for tuning. Users are
    not balanced, so a user may have all ratings in the test: those users stay held out with an empty history.

        4 T 2 .
        . v . 5
        . . T .      no history, still a target
    """
    if not log.has_ratings:
        raise DataError("autorec predicts ratings, and the data has no rating column: choose inf-ae or per-user.")
    check_share("autorec", "valid", valid)
    check_share("autorec", "test", test, zero=False)
    order = stream(seed, "entries").permutation(log.nnz)
    n_test = int(log.nnz * test + 1e-9)
    n_valid = int((log.nnz - n_test) * valid + 1e-9)
    tested, validated = np.zeros(log.nnz, dtype=bool), np.zeros(log.nnz, dtype=bool)
    tested[order[:n_test]], validated[order[n_test : n_test + n_valid]] = True, True
    train = ~(tested | validated)
    return Parts(log, train, Cut(train, validated) if valid > 0 else None, Cut(~tested, tested), keep_cold=True)


def _liang_filtered(
    log: Interactions, above: float, min_user_items: int, min_item_users: int
) -> tuple[Interactions, dict[str, int]]:
    notes: dict[str, int] = {}
    if log.has_ratings:
        liked = log.matrix.data > above
        notes[f"ratings not above {above:g}"] = int(np.count_nonzero(~liked))
        log = log.keep(liked)
    log = binarized(log)
    popular = (log.item_counts() >= min_item_users)[log.matrix.indices]
    notes[f"interactions of items with fewer than {counted(min_item_users, 'user')}"] = int(np.count_nonzero(~popular))
    log = log.keep(popular)
    active = (log.user_counts() >= min_user_items)[log.row_of_entry()]
    notes[f"interactions of users with fewer than {counted(min_user_items, 'item')}"] = int(np.count_nonzero(~active))
    log = log.keep(active).drop_empty()
    if log.nnz == 0:
        raise DataError(
            f"Nothing is left: liang2018 keeps ratings above {above:g}, items with at least "
            f"{counted(min_item_users, 'user')} and users with at least {counted(min_user_items, 'item')}."
        )
    users, items = (pc.sort_indices(as_arrow(ids.values)).to_numpy() for ids in (log.users, log.items))
    return log.select(users, items), notes


def _liang_cut(log: Interactions, entries: np.ndarray) -> Cut:
    """Draw the targets among `entries`, user by user in the order of the ids."""
    random = np.random.RandomState(LIANG_SEED)  # the authors' generator
    counts, positions = count_rows(log, entries), np.flatnonzero(entries)
    starts = np.concatenate(([0], np.cumsum(counts)))
    target = np.zeros(log.nnz, dtype=bool)
    for user in np.flatnonzero(counts >= LIANG_DRAWN_FROM):
        n = int(counts[user])
        target[positions[starts[user] + random.choice(n, size=int(0.2 * n), replace=False)]] = True
    return Cut(entries & ~target, target)


def _core(log: Interactions, minimum: int) -> Interactions:
    if minimum < 0:
        raise ConfigError(f"lightgcn: core={minimum} must not be negative.")
    return core(log, minimum, minimum)
