"""A validation part cut from training data, for models that stop or tune on one and were given none."""

from __future__ import annotations

from typing import Literal

import numpy as np

from recae.counted import counted
from recae.data.interactions import Interactions
from recae.data.parts import held_out_of
from recae.data.split import HeldOut
from recae.data.strategies import floor_share, random_ranks, random_ranks_of, random_share, stream
from recae.errors import DataError

OBSERVED = 0.8
ENTRIES = 0.05


def validation_cut(
    train: Interactions, *, seed: int = 42, kind: Literal["users", "entries"] = "users"
) -> tuple[Interactions, HeldOut]:
    """Training data without a small validation part, and that part. The item index stays as it is in both.

    kind "users": whole users leave the training data, 80 % of each one's interactions is history and 20 % target
    (at least one of each). Their number is 1 % of the users, but at least 50 and at most 2,000, and never more than
    10 %.
    kind "entries": about 5 % of the interactions of users with at least 2 leave the training data; the history is
    the rest of the user. For models that know only the users they trained on.

    Raises:
        DataError: no user has 2 interactions, or holding one out would leave nothing.
    """
    able = np.flatnonzero(train.user_counts() >= 2)
    if len(able) == 0 or (kind == "users" and train.n_users < 2):
        raise DataError(
            f"No validation part can be cut from {counted(train.nnz, 'interaction')} of "
            f"{counted(train.n_users, 'user')}: it takes users with at least 2 interactions. Give one with --valid."
        )
    if kind == "users":
        held, target = _held_out_users(train, able, seed)
        history = train.entries_of(held) & ~target
        rest = train.select(users=np.flatnonzero(~held))
    else:
        target = _held_out_entries(train, able, seed)
        history, rest = ~target, train.keep(~target)
        held = np.bincount(train.row_of_entry()[target], minlength=train.n_users) > 0
    return rest, held_out_of(train, history, target, np.flatnonzero(held), train)


def _held_out_users(train: Interactions, able: np.ndarray, seed: int) -> tuple[np.ndarray, np.ndarray]:
    counts = train.user_counts()
    wanted = min(max(train.n_users // 100, 50), 2000, max(train.n_users // 10, 1), len(able))
    held = np.zeros(train.n_users, dtype=bool)
    held[stream(seed, "validation users").permutation(able)[:wanted]] = True
    n_targets = np.clip(floor_share(counts[held], 1 - OBSERVED), 1, None)
    ranks = random_ranks_of(train, held, stream(seed, "validation targets"))
    target = train.entries_of(held)
    target[target] = ranks < np.repeat(n_targets, counts[held])
    return held, target


def _held_out_entries(train: Interactions, able: np.ndarray, seed: int) -> np.ndarray:
    counts = train.user_counts()
    targets = random_share(counts, ENTRIES, stream(seed, "validation rounding"))
    if not targets.any():
        targets[able[np.argmax(counts[able])]] = 1
    return random_ranks(train, stream(seed, "validation targets")) < targets[train.row_of_entry()]
