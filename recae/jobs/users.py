"""Who gets lists: the users of the histories or of a file, in a fixed order, and what those without history get."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from scipy import sparse

from recae.counted import counted
from recae.data.histories import Histories, rows_for
from recae.data.ids import UNKNOWN, IdIndex
from recae.data.interactions import Interactions
from recae.errors import ConfigError, DataError
from recae.models.base import Recommender

OnCold = Literal["popular", "skip", "error"]


@dataclass(frozen=True, eq=False)
class Audience:
    """The rows to make lists for."""

    users: IdIndex
    histories: sparse.csr_array
    """(n_users, n_items)."""
    cold: np.ndarray
    """(n_users,) bool: users whom the model cannot score."""
    skipped: int = 0
    """Users whom it cannot score and who are therefore not among these."""

    def fingerprint(self) -> str:
        """Hex digest of the users and their histories."""
        columns = IdIndex.range(self.histories.shape[1])
        return Interactions(self.histories, self.users, columns).fingerprint()

    def rows(self, chosen: np.ndarray) -> Audience:
        """Only these positions."""
        return replace(self, users=self.users.subset(chosen), histories=self.histories[chosen], cold=self.cold[chosen])


def audience(model: Recommender, histories: Histories, wanted: IdIndex | None, on_cold: OnCold) -> Audience:
    """All users with a history, or those in `wanted`; cold are those without a history that the model knows.

    A model that is not inductive knows its training users without any history, and nobody else.

    Raises:
        DataError: there are cold users and `on_cold` is "error".
    """
    users, matrix = histories.users, histories.matrix
    if wanted is not None:
        users, matrix = wanted, rows_for(wanted, histories)
    cold = np.diff(matrix.indptr) == 0 if model.users is None else model.users.positions(users.values) == UNKNOWN
    if cold.any() and on_cold == "error":
        first = ", ".join(repr(user) for user in users.take(np.flatnonzero(cold)[:3]).to_pylist())
        raise DataError(
            f"{cold_sentence(model, int(cold.sum()))} (the first: {first}); "
            "leave them out with --on-cold skip or give them popular items with --on-cold popular."
        )
    found = Audience(users, matrix, cold)
    return replace(found.rows(np.flatnonzero(~cold)), skipped=int(cold.sum())) if on_cold == "skip" else found


def cold_sentence(model: Recommender, count: int) -> str:
    """Why the model cannot score `count` users."""
    who = counted(count, "user")
    if model.users is None:
        return f"{who} {'has' if count == 1 else 'have'} no history that the model knows"
    return f"{model.info.name} scores only users of its training data, and {who} {'is' if count == 1 else 'are'} not"


def shard_of(everyone: Audience, shard: tuple[int, int]) -> Audience:
    """Part `i` of `n` equal parts, i from 1 on; the parts in order are the whole."""
    number, count = shard
    n = len(everyone.users)
    return everyone.rows(np.arange(n * (number - 1) // count, n * number // count))


def parse_shard(text: str) -> tuple[int, int]:
    """The pair (2, 8) for "2/8".

    Raises:
        ConfigError: it is not of that form.
    """
    number, _, count = text.partition("/")
    if number.isdecimal() and count.isdecimal() and 1 <= int(number) <= int(count):
        return int(number), int(count)
    raise ConfigError(f"--shard {text!r} must be I/N with I from 1 to N, e.g. 2/8.")
