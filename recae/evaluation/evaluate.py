"""Judge a model, or anybody's lists, on held-out users: one ranking pass for all metrics and cut-offs."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from recae.data.split import HeldOut
from recae.errors import ConfigError, DataError
from recae.evaluation.background import NOTHING, Background
from recae.evaluation.judge import Judge
from recae.evaluation.metrics import DEFAULT_METRICS, parse_metrics
from recae.evaluation.result import Evaluation
from recae.progress import SILENT, Progress
from recae.ranking.lists import Scorer, TopN
from recae.ranking.recommend import MEMORY_BYTES, joined, rank, recommend_blocks, score_blocks
from recae.ranking.rules import Rules

LIST_ROWS = 16_384
"""Ready-made lists judged at a time."""
JUDGED_PLACES = 2**17
"""Of fresh lists that are judged together: fewer cost more calls than work, and get in the way of the ranking."""


def evaluate(
    model: Scorer,
    held_out: HeldOut,
    metrics: Sequence[str] = DEFAULT_METRICS,
    *,
    item_counts: np.ndarray | None = None,
    n_train_users: int | None = None,
    background: Background = NOTHING,
    exclude_seen: bool = True,
    memory_bytes: int = MEMORY_BYTES,
    progress: Progress = SILENT,
) -> Evaluation:
    """Score, rank and judge every user of `held_out` who has a target.

    Args:
        model: anything with `items` and `score`; its items are the columns of `held_out`.
        held_out: histories and targets.
        metrics: names such as "ndcg@10" or "rmse".
        item_counts: (n_items,) users per item in the training data, for novelty; default: what the model knows.
        n_train_users: how many users there were in training, for novelty; default: what the model knows.
        background: vectors and genres of the items and groups of the users, for the metrics that need them.
        exclude_seen: leave a user's history out of the lists. Ratings are predicted whatever was seen.
        memory_bytes: bound for a block of scores; the result does not depend on it.
        progress: told after each block.

    Raises:
        ConfigError: a metric that does not exist, or one without what it needs, such as novelty without counts.
        DataError: nobody has a target, the items are not the model's, or the data has not what a metric needs.
        RecaeError: the model gave scores that cannot be ranked.
    """
    started = time.perf_counter()
    known_counts = item_counts if item_counts is not None else getattr(model, "item_counts", None)
    known_users = n_train_users if n_train_users is not None else getattr(model, "n_train_users", None)
    users = _with_targets(held_out)
    judged = held_out if len(users) == held_out.n_users else held_out.select(users)
    known = background.with_counts(known_counts, known_users).select_users(users)
    judge = Judge(parse_metrics(metrics), judged, known, exclude_seen=exclude_seen)
    if judge.needs_scores:
        for rows, scores in score_blocks(
            model, judged.history, users=judged.users, memory_bytes=memory_bytes, progress=progress, label="Evaluating"
        ):
            judge.add_scores(rows, scores)
            if judge.depth:
                seen = judged.history[rows]
                judge.add_lists(rows, rank(scores, seen, judge.depth, exclude_seen=exclude_seen, first_row=rows.start))
    else:
        # Held by nothing but the loop, the blocks and their threads end at once where judging fails.
        for rows, lists in _gathered(
            recommend_blocks(
                model,
                judged.history,
                judge.depth,
                users=judged.users,
                rules=Rules(exclude_seen),
                memory_bytes=memory_bytes,
                progress=progress,
                label="Evaluating",
            )
        ):
            judge.add_lists(rows, lists)
    return judge.result(time.perf_counter() - started)


def evaluate_lists(
    lists: TopN,
    held_out: HeldOut,
    metrics: Sequence[str] = DEFAULT_METRICS,
    *,
    item_counts: np.ndarray | None = None,
    n_train_users: int | None = None,
    background: Background = NOTHING,
) -> Evaluation:
    """Judge lists that are there already: row i of `lists` belongs to user i of `held_out`.

    A user with an empty list counts 0. Positions of n_items and above are items that nobody knows: they keep
    their place and are never hits.

    Raises:
        ConfigError: a metric that does not exist or needs more than lists, or one without what it needs.
        DataError: nobody has a target.
    """
    started = time.perf_counter()
    chosen = parse_metrics(metrics)
    of_ratings = [str(metric) for metric in chosen if metric.of_ratings]
    if of_ratings:
        raise ConfigError(f"{', '.join(of_ratings)} compares predicted ratings; lists have none.")
    if len(lists) != held_out.n_users:
        raise ValueError(f"{len(lists)} lists for {held_out.n_users} users")
    users = _with_targets(held_out)
    known = background.with_counts(item_counts, n_train_users).select_users(users)
    judge = Judge(chosen, held_out.select(users), known, scored=False)
    for start in range(0, len(users), LIST_ROWS):
        part = users[start : start + LIST_ROWS]
        judge.add_lists(slice(start, start + len(part)), TopN(lists.items[part], lists.scores[part]))
    return judge.result(time.perf_counter() - started)


def _gathered(blocks: Iterable[tuple[slice, TopN]]) -> Iterator[tuple[slice, TopN]]:
    """The same lists in fewer blocks, of JUDGED_PLACES or a little more."""
    start, lists, places = 0, [], 0
    for rows, part in blocks:
        lists.append(part)
        places += part.items.size
        if places >= JUDGED_PLACES:
            yield slice(start, rows.stop), joined(lists, part.items.shape[1])
            start, lists, places = rows.stop, [], 0
    if lists:
        yield slice(start, start + sum(map(len, lists))), joined(lists, lists[0].items.shape[1])


def _with_targets(held_out: HeldOut) -> np.ndarray:
    users = np.flatnonzero(held_out.relevant_counts())
    if len(users) == 0:
        raise DataError("There is no user with a target to judge on.")
    return users
