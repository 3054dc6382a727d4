"""Lists for any number of users: scored, masked and ranked in blocks of bounded memory."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse

from recae.counted import counted
from recae.data.ids import IdIndex
from recae.errors import ConfigError, DataError, RecaeError
from recae.progress import SILENT, Progress
from recae.ranking.lists import NO_ITEM, Scorer, TopN
from recae.ranking.rules import UNSEEN_ONLY, Rules, mask
from recae.ranking.topk import top_k

MEMORY_BYTES = 256 * 2**20
"""What one block of scores and the copies made of it may take, unless the caller says otherwise."""
BYTES_PER_SCORE = 12
"""One float32 in the block, one in the masked copy, one in the model's own work."""
MAX_BLOCK_ROWS = 4096
"""Larger blocks are not faster, and progress would stand still."""


def recommend(
    model: Scorer,
    histories: sparse.csr_array,
    n: int,
    *,
    users: IdIndex | None = None,
    rules: Rules = UNSEEN_ONLY,
    memory_bytes: int = MEMORY_BYTES,
    progress: Progress = SILENT,
) -> TopN:
    """The best `n` items for every row of `histories`, in the order of the rows.

    Interactions become such rows by `recae.read_histories`, which puts them in the order of the model's items:

        histories = recae.read_histories([frame], model.items)
        lists = recae.recommend(model, histories.matrix, 5, users=histories.users)
        lists.to_arrow(histories.users, model.items, histories.columns)

    Args:
        model: anything with `items` and `score`.
        histories: (n_users, n_items) what each user has; columns are the model's items.
        n: length of the lists.
        users: ids of the rows, for models that know users by id.
        rules: what may be listed.
        memory_bytes: bound for a block of scores; the lists do not depend on it.
        progress: told after each block.

    Returns:
        Lists of width min(n, n_items); shorter where the rules leave fewer items. Never an item twice.

    Raises:
        ConfigError: `n` is less than 1, or a rule names an item that does not exist.
        DataError: the histories are no CSR matrix, or have other columns than the model.
        RecaeError: the model gave scores of a wrong shape, or NaN or +inf.
    """
    _check_histories(histories, len(model.items))
    items = np.full((histories.shape[0], _width(n, len(model.items))), NO_ITEM, dtype=np.int64)
    scores = np.full(items.shape, np.nan, dtype=np.float32)
    blocks = recommend_blocks(
        model, histories, n, users=users, rules=rules, memory_bytes=memory_bytes, progress=progress
    )
    for rows, lists in blocks:
        items[rows], scores[rows] = lists.items, lists.scores
    return TopN(items, scores)


def recommend_blocks(
    model: Scorer,
    histories: sparse.csr_array,
    n: int,
    *,
    users: IdIndex | None = None,
    rules: Rules = UNSEEN_ONLY,
    memory_bytes: int = MEMORY_BYTES,
    progress: Progress = SILENT,
) -> Iterator[tuple[slice, TopN]]:
    """Like `recommend`, block by block: (rows of `histories`, their lists), nothing kept in between."""
    width = _width(n, len(model.items))
    barred = rules.barred(len(model.items))
    blocks = score_blocks(model, histories, users=users, memory_bytes=memory_bytes, progress=progress)
    for rows, scores in blocks:
        seen = histories[rows]
        yield rows, rank(scores, seen, width, exclude_seen=rules.exclude_seen, barred=barred, first_row=rows.start)


def rank(
    scores: np.ndarray,
    seen: sparse.csr_array,
    n: int,
    *,
    exclude_seen: bool = True,
    barred: np.ndarray | None = None,
    first_row: int = 0,
) -> TopN:
    """The lists of one block of scores (n_rows, n_items), whose rows count from `first_row`.

    `scores` may be overwritten. The lists are min(n, n_items) wide.
    """
    masked = mask(scores, seen if exclude_seen else None, barred)
    return top_k(masked, _width(n, scores.shape[1]), first_row=first_row)


def score_blocks(
    model: Scorer,
    histories: sparse.csr_array,
    *,
    users: IdIndex | None = None,
    memory_bytes: int = MEMORY_BYTES,
    progress: Progress = SILENT,
    label: str = "Ranking",
) -> Iterator[tuple[slice, np.ndarray]]:
    """(rows, scores of these rows) for all rows of `histories`, in order; scores are (n_rows, n_items).

    Raises:
        DataError: the histories are no CSR matrix, or have other columns than the model.
        RecaeError: the model gave scores of a wrong shape.
    """
    n_items = len(model.items)
    _check_histories(histories, n_items)
    n_users = histories.shape[0]
    if users is not None and len(users) != n_users:
        given = counted(n_users, "history", "histories")
        raise DataError(f"There {'is' if len(users) == 1 else 'are'} {counted(len(users), 'user id')} for {given}.")
    step = block_rows(n_items, memory_bytes)
    with progress.task(label, total=n_users, unit="users") as task:
        for start in range(0, n_users, step):
            rows = slice(start, min(start + step, n_users))
            ids = None if users is None else IdIndex(users.values[rows])
            scores = model.score(histories[rows], ids)
            expected = (rows.stop - rows.start, n_items)
            if scores.shape != expected:
                raise RecaeError(f"The model gave scores of shape {scores.shape} where {expected} was expected.")
            yield rows, scores
            task.advance(rows.stop - rows.start)


def block_rows(n_items: int, memory_bytes: int = MEMORY_BYTES) -> int:
    """How many users are scored together: at least 1, whatever the catalogue."""
    return int(np.clip(memory_bytes // (BYTES_PER_SCORE * max(n_items, 1)), 1, MAX_BLOCK_ROWS))


def _check_histories(histories: Any, n_items: int) -> None:
    if getattr(histories, "format", None) != "csr":
        kind = type(histories).__name__
        raise DataError(
            f"The histories are given as {kind}, where a SciPy CSR matrix with a column for each item of the model is "
            "needed: recae.read_histories(source, model.items).matrix makes one."
        )
    if histories.shape[1] != n_items:
        raise DataError(
            f"The histories are over {counted(histories.shape[1], 'item')} and the model over {n_items:,}; they must "
            "be the same: recae.read_histories(source, model.items).matrix puts them in the model's order."
        )


def _width(n: int, n_items: int) -> int:
    if n < 1:
        raise ConfigError(f"Lists need at least one place (top {n} was asked for).")
    return max(1, min(n, n_items))
