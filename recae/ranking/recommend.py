"""Lists for any number of users: scored, masked and ranked in blocks of bounded memory."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from scipy import sparse

from recae.counted import counted
from recae.data.ids import IdIndex
from recae.errors import ConfigError, DataError, UnsoundModelError
from recae.progress import SILENT, Progress
from recae.ranking.lists import NO_ITEM, Product, Scorer, TopN
from recae.ranking.products import ProductRanker
from recae.ranking.rules import UNSEEN_ONLY, Rules, mask
from recae.ranking.topk import top_k
from recae.workers import ALONE, Workers, workers

MEMORY_BYTES = 256 * 2**20
"""What one block of scores and the copies made of it may take, unless the caller says otherwise."""
BYTES_PER_SCORE = 12
"""One float32 in the block, one in the masked copy, one in the model's own work."""
BYTES_PER_PRODUCT = 4
"""One bf16 or half a float32 in the block, and as much for what is found in it."""
MAX_BLOCK_ROWS = 4096
"""Larger blocks are not faster, and progress would stand still."""
CACHE_BYTES = 4 * 2**20
"""Products that are looked at while they are in the processor's cache are looked at several times faster."""
MAX_QUERY_ROWS = 512
"""Users whose vectors are worked out together: what a network makes of them stays in the processor's cache."""
FEWEST_ROWS = 64
"""Of scores that are looked at together, whatever the cache holds."""
PRODUCT_ROWS = 256
"""Users in a product, whatever the cache holds: with fewer the item vectors are read more often than they are worth."""
WHOLE_ROWS = 16
"""Products of fewer rows than a dozen are added up in another order, so that their last digits differ: blocks are made
of so many rows, and scores do not depend on the size of the blocks."""


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
        model: anything with `items` and `score`; where it has `as_product`, as recae's factor models and most of its
            networks have, its vectors are multiplied and no block of scores is made.
        histories: (n_users, n_items) what each user has; columns are the model's items.
        n: length of the lists.
        users: ids of the rows, for models that know users by id.
        rules: what may be listed.
        memory_bytes: bound for a block of scores; the lists do not depend on it, as long as there is room for
            WHOLE_ROWS users at a time (with less, scores may differ in their last digits).
        progress: told after each block.

    Returns:
        Lists of width min(n, n_items); shorter where the rules leave fewer items. Never an item twice.

    Raises:
        ConfigError: `n` is less than 1, or a rule names an item that does not exist.
        DataError: the histories are no CSR matrix, or have other columns than the model.
        UnsoundModelError: the model gave scores of a wrong shape, or NaN or +inf.
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
    label: str = "Ranking",
) -> Iterator[tuple[slice, TopN]]:
    """Like `recommend`, block by block: (rows of `histories`, their lists), nothing kept in between."""
    _check_histories(histories, len(model.items))
    width = _width(n, len(model.items))
    barred = rules.barred(len(model.items))
    product = _product_of(model, rules)
    with workers(torch.get_num_threads()) as pool:
        if product is None:
            blocks = score_blocks(
                model, histories, users=users, memory_bytes=memory_bytes, progress=progress, label=label
            )
            for rows, scores in blocks:
                seen = histories[rows] if rules.exclude_seen else None
                yield rows, _rank(scores, seen, width, barred, rows.start, pool)
            return
        _check_users(histories, users)
        ranker = ProductRanker(product, width, barred, pool=pool)
        most = _query_rows(product, width, memory_bytes, pool)
        step = product_rows(len(model.items), memory_bytes, pool.count)

        def lists(rows: slice) -> tuple[slice, TopN]:
            part, ids = histories[rows], None if users is None else IdIndex(users.values[rows])
            queries = product.queries(part, ids)
            return rows, _rank_products(ranker, queries, part if rules.exclude_seen else None, step, rows.start)

        with progress.task(label, total=histories.shape[0], unit="users") as task:
            for rows, found in pool.in_order(lists, _even_slices(histories.shape[0], most, pool.count)):
                yield rows, found
                task.advance(rows.stop - rows.start)


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
    width = _width(n, scores.shape[1])
    return _rank(scores, seen if exclude_seen else None, width, barred, first_row, ALONE)


def _rank(
    scores: np.ndarray,
    seen: sparse.csr_array | None,
    width: int,
    barred: np.ndarray | None,
    first_row: int,
    pool: Workers,
) -> TopN:
    # A view or a read-only array may be the model's own.
    own = bool(scores.flags.owndata and scores.flags.writeable)

    def lists(rows: slice) -> TopN:
        masked = mask(scores[rows], None if seen is None else seen[rows], barred, own=own)
        return top_k(masked, width, first_row=first_row + rows.start)

    step = max(FEWEST_ROWS, _cached_rows(scores))
    return joined(list(pool.in_order(lists, _even_slices(len(scores), step, pool.count))), width)


def _rank_products(
    ranker: ProductRanker, queries: np.ndarray, seen: sparse.csr_array | None, step: int, first_row: int
) -> TopN:
    if len(queries) <= step:
        return ranker.rank(queries, seen, first_row=first_row)
    found = [
        ranker.rank(queries[rows], None if seen is None else seen[rows], first_row=first_row + rows.start)
        for rows in _even_slices(len(queries), step)
    ]
    return joined(found, ranker.width)


def _cached_rows(scores: np.ndarray) -> int:
    return CACHE_BYTES // max(1, scores.shape[1] * scores.itemsize)


def _slices(n_rows: int, step: int) -> Iterator[slice]:
    """Slices of at most `step` rows. Unless that is less than WHOLE_ROWS, they are multiples of it, and the rows that
    remain are always a slice of their own."""
    whole = n_rows if step < WHOLE_ROWS else _rounded_down(n_rows)
    step = _rounded_down(step) or step
    for start in range(0, whole, step):
        yield slice(start, min(start + step, whole))
    if whole < n_rows:
        yield slice(whole, n_rows)


def _even_slices(n_rows: int, most: int, threads: int = 1) -> Iterator[slice]:
    """Slices of at most `most` rows, as good as equal, and so many that all threads end together."""
    count = -(-n_rows // most)
    if n_rows >= threads * FEWEST_ROWS:
        count = -(-count // threads) * threads
    even = max(1, -(-n_rows // max(1, count)))
    return _slices(n_rows, min(most, _rounded_down(even + WHOLE_ROWS - 1)))


def _rounded_down(rows: int) -> int:
    return rows - rows % WHOLE_ROWS


def joined(lists: Sequence[TopN], width: int) -> TopN:
    """Lists of that width one after the other."""
    if len(lists) == 1:
        return lists[0]
    if not lists:
        return TopN(np.empty((0, width), dtype=np.int64), np.empty((0, width), dtype=np.float32))
    return TopN(np.concatenate([part.items for part in lists]), np.concatenate([part.scores for part in lists]))


def _product_of(model: Scorer, rules: Rules) -> Product | None:
    as_product = getattr(model, "as_product", None)
    product: Product | None = None if as_product is None or len(model.items) == 0 else as_product()
    return None if product is not None and product.unseen_only and not rules.exclude_seen else product


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
        UnsoundModelError: the model gave scores of a wrong shape.
    """
    n_items = len(model.items)
    _check_histories(histories, n_items)
    for rows, ids in _user_blocks(histories, users, block_rows(n_items, memory_bytes), progress, label):
        scores = model.score(histories[rows], ids)
        expected = (rows.stop - rows.start, n_items)
        if scores.shape != expected:
            raise UnsoundModelError(f"The model gave scores of shape {scores.shape} where {expected} was expected.")
        yield rows, scores


def _user_blocks(
    histories: sparse.csr_array, users: IdIndex | None, step: int, progress: Progress, label: str
) -> Iterator[tuple[slice, IdIndex | None]]:
    """Rows that are looked at together, and their ids; `progress` is told when the next ones are asked for."""
    _check_users(histories, users)
    with progress.task(label, total=histories.shape[0], unit="users") as task:
        for rows in _slices(histories.shape[0], step):
            yield rows, None if users is None else IdIndex(users.values[rows])
            task.advance(rows.stop - rows.start)


def block_rows(n_items: int, memory_bytes: int = MEMORY_BYTES) -> int:
    """How many users are scored together: at least 1, whatever the catalogue."""
    return int(np.clip(memory_bytes // (BYTES_PER_SCORE * max(n_items, 1)), 1, MAX_BLOCK_ROWS))


def product_rows(n_items: int, memory_bytes: int, threads: int) -> int:
    """How many users' vectors each of `threads` threads multiplies together, at least 1."""
    wanted = np.clip(CACHE_BYTES // (2 * max(n_items, 1)), PRODUCT_ROWS, 1024)
    return int(np.clip(memory_bytes // (threads * BYTES_PER_PRODUCT * max(n_items, 1)), 1, wanted))


def _query_rows(product: Product, width: int, memory_bytes: int, pool: Workers) -> int:
    """How many users get their vectors and lists together, in each thread."""
    bytes_per_user = 16 * product.vectors.shape[1] + 24 * width
    return int(np.clip(memory_bytes // ((1 + pool.ahead) * bytes_per_user), WHOLE_ROWS, MAX_QUERY_ROWS))


def _check_users(histories: sparse.csr_array, users: IdIndex | None) -> None:
    n_users = histories.shape[0]
    if users is not None and len(users) != n_users:
        given = counted(n_users, "history", "histories")
        raise DataError(f"There {'is' if len(users) == 1 else 'are'} {counted(len(users), 'user id')} for {given}.")


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
