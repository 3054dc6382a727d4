"""The lists of an audience: the model's for users whom it can score, popular items for the others."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from scipy import sparse

from recae.data.ids import IdIndex
from recae.jobs.users import Audience
from recae.models.base import Recommender
from recae.progress import Progress
from recae.ranking.lists import TopN
from recae.ranking.recommend import recommend, recommend_blocks
from recae.ranking.rules import Rules

AT_ONCE = 16_384
"""Users with and without a score who get their lists together, at most."""
BYTES_PER_PLACE = 24
"""Of a list, of which there are two copies for a moment."""


class Popular:
    """Scores every item by how many training users it has, whoever asks."""

    def __init__(self, model: Recommender) -> None:
        self.items, self._counts = model.items, model.item_counts.astype(np.float32)

    def score(self, histories: sparse.csr_array, users: IdIndex | None = None) -> np.ndarray:
        """(n_rows, n_items) float32, all rows alike."""
        return np.tile(self._counts, (histories.shape[0], 1))


def served(
    model: Recommender, whom: Audience, top: int, rules: Rules, memory_bytes: int, progress: Progress
) -> Iterator[tuple[slice, TopN]]:
    """Block by block: rows of `whom`, in order, and their lists. Nobody's list depends on who else is asked about."""
    if not whom.cold.any():
        yield from recommend_blocks(
            model, whom.histories, top, users=whom.users, rules=rules, memory_bytes=memory_bytes, progress=progress
        )
        return
    n_users = len(whom.users)
    step = int(np.clip(memory_bytes // (BYTES_PER_PLACE * max(1, min(top, len(model.items)))), 1, AT_ONCE))
    with progress.task("Ranking", total=n_users, unit="users") as task:
        for start in range(0, n_users, step):
            rows = slice(start, min(start + step, n_users))
            yield rows, _mixed(model, whom.rows(np.arange(rows.start, rows.stop)), top, rules, memory_bytes)
            task.advance(rows.stop - rows.start)


def _mixed(model: Recommender, whom: Audience, top: int, rules: Rules, memory_bytes: int) -> TopN:
    # One scorer for both would be slower and, in the last digits, another one than the model alone.
    warm, cold = (np.flatnonzero(which) for which in (~whom.cold, whom.cold))
    parts = []
    for scorer, chosen in ((model, whom.rows(warm)), (Popular(model), whom.rows(cold))):
        parts.append(
            recommend(scorer, chosen.histories, top, users=chosen.users, rules=rules, memory_bytes=memory_bytes)
        )
    order = np.argsort(np.concatenate((warm, cold)))
    return TopN(*(np.concatenate([getattr(part, name) for part in parts])[order] for name in ("items", "scores")))
