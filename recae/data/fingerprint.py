"""A short name for what users are judged on, the same for the same targets in whatever order they come."""

from __future__ import annotations

import numpy as np
import pandas as pd

from recae.data.ids import IdIndex
from recae.data.interactions import Interactions
from recae.data.split import HeldOut

_ODD = np.uint64(0x9E3779B97F4A7C15)


def targets_fingerprint(held_out: HeldOut, items: IdIndex) -> str:
    """16 hexadecimal digits that tell two sets of (user, target) pairs apart; ids count as they are written.

    The order of users, items and rows, the type of the ids, histories and ratings have no say. It finds out what was
    mixed up by mistake; it is no protection against somebody who means to deceive.

    Args:
        held_out: the users and their targets, those among unknown items included where they are known.
        items: the columns of `held_out`.
    """
    total = _pairs(held_out.target.indptr, held_out.target.indices, _hashes(held_out.users), _hashes(items))
    outside: Interactions | None = held_out.outside
    if outside is not None:
        matrix = outside.matrix
        total += _pairs(matrix.indptr, matrix.indices, _hashes(held_out.users), _hashes(outside.items))
    return f"{total % 2**64:016x}"


def _hashes(ids: IdIndex) -> np.ndarray:
    """(n,) uint64: a hash of each id as it is written, the same on every machine."""
    return pd.util.hash_array(np.array(ids.texts().to_pylist(), dtype=object), categorize=False)


def _pairs(indptr: np.ndarray, indices: np.ndarray, users: np.ndarray, items: np.ndarray) -> int:
    """The sum over all entries of a hash of their two ids, modulo 2^64: no order of the entries changes it."""
    mixed = np.repeat(users * _ODD, np.diff(indptr)) ^ items[indices]
    for shift in (32, 29):  # two rounds of a multiply and shift mix, so that sums of related pairs do not agree
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * _ODD
    return int(np.add.reduce(mixed ^ (mixed >> np.uint64(32)), dtype=np.uint64))
