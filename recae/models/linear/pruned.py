"""Item-item weights without the small ones: a sparse matrix in place of a dense one, and what that costs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from scipy import sparse

from recae.data.split import HeldOut
from recae.evaluation.evaluate import evaluate
from recae.models.base import ModelConfig, Recommender, param

BLOCK_NUMBERS = 1 << 22
METRIC, JUDGED_USERS = "ndcg@10", 2000
"""What pruning is judged by, where there is validation data."""


class PrunedConfig(ModelConfig):
    """The hyper-parameter of models whose item-item weights can be pruned."""

    keep: int = param(0, ge=0)
    """So many weights times the number of items are kept, those of greatest magnitude wherever they are; 0 keeps all.
    At 8 bytes for each in place of 4, the model is smaller where this is under half of the items; it also scores
    faster where it is under about 1 % of them, and slower above. What is lost is told after the fit, and on validation
    data what that does."""


@dataclass(frozen=True)
class Judgement:
    """The mean of `METRIC` over so many validation users."""

    mean: float
    users: int


@dataclass(frozen=True)
class Pruning:
    """What pruning left."""

    keep: int
    weights: int
    """Kept in all."""
    share_of_weights: float
    """Of the places off the diagonal."""
    share_of_squares: float
    """Of the sum of all squared weights."""
    metric: str | None = None
    """On validation users, where there were any: `before` pruning and `after`."""
    users: int = 0
    before: float = float("nan")
    after: float = float("nan")

    def judged(self, before: Judgement | None, after: Judgement | None) -> Pruning:
        """The same, with what validation data said before and after."""
        if before is None or after is None:
            return self
        return replace(self, metric=METRIC, users=after.users, before=before.mean, after=after.mean)

    def facts(self) -> dict[str, Any]:
        """As they stand in a manifest."""
        return asdict(self) if self.metric else {key: value for key, value in asdict(self).items() if key in _ALWAYS}


_ALWAYS = ("keep", "weights", "share_of_weights", "share_of_squares")


def pruning_sentence(facts: Mapping[str, Any]) -> str:
    """What `Pruning.facts` say, for people."""
    sentence = (
        f"kept the {facts['weights']:,} greatest weights, {facts['share_of_weights']:.2%} of all, with "
        f"{facts['share_of_squares']:.2%} of the squares"
    )
    if "metric" not in facts:
        return sentence
    return (
        f"{sentence}; {facts['metric']} of {facts['users']:,} validation users is {facts['after']:.4f}, with all "
        f"weights {facts['before']:.4f}"
    )


def judged(model: Recommender, valid: HeldOut | None) -> Judgement | None:
    """How good `model` is on the first `JUDGED_USERS` validation users: cheap, and the same users each time."""
    if valid is None:
        return None
    first = valid.select(np.flatnonzero(valid.relevant_counts())[:JUDGED_USERS])
    if not len(first.users):
        return None
    return Judgement(evaluate(model, first, [METRIC]).means()[METRIC], len(first.users))


def prune(weights: np.ndarray, keep: int) -> tuple[sparse.csr_array, Pruning]:
    """The keep * n_items entries of greatest magnitude: no choice of as many keeps more of the squares.

    Entries as great as the least of these are kept too, zeros never. Beside the matrix are taken 8 bytes for each kept
    entry (16 while the parts are joined) and a few blocks of `BLOCK_NUMBERS`.

    Args:
        weights: (n_items, n_items) float32; only read.

    Returns:
        (n_items, n_items) float32, and what was lost.
    """
    n_items = len(weights)
    least = _greatest(weights, keep * n_items)
    all_squares, values, columns, filled = 0.0, [], [], [np.zeros(1, dtype=np.int64)]
    for block in _blocks(weights):
        all_squares += float(np.square(block, dtype=np.float64).sum())
        kept = (np.abs(block) >= least) & (block != 0)
        values.append(block[kept])
        columns.append(np.nonzero(kept)[1].astype(np.int32))
        filled.append(kept.sum(axis=1))
    parts = (np.concatenate(values), np.concatenate(columns), np.cumsum(np.concatenate(filled)))
    found = sparse.csr_array(parts, shape=weights.shape)
    squares = float(np.square(found.data, dtype=np.float64).sum())
    share = squares / all_squares if all_squares else 1.0
    return found, Pruning(keep, int(found.nnz), found.nnz / max(n_items * (n_items - 1), 1), share)


def _blocks(weights: np.ndarray) -> Iterator[np.ndarray]:
    rows = max(1, BLOCK_NUMBERS // len(weights))
    for start in range(0, len(weights), rows):
        yield weights[start : start + rows]


def _greatest(weights: np.ndarray, count: int) -> np.float32:
    """The magnitude of which, or of more, are `count` entries; 0 where there are no more than so many.

    Magnitudes are in the order of their bits: the upper half of these is counted first, then the lower half of those
    that share the upper half looked for. So nothing is sorted, and the matrix is read twice.
    """
    if count >= weights.size:
        return np.float32(0)
    bits = [np.zeros(1 << 16, dtype=np.int64) for _ in range(2)]
    for block in _blocks(weights):
        bits[0] += np.bincount((np.abs(block).view(np.uint32) >> 16).ravel(), minlength=1 << 16)
    upper, left = _bin_of(bits[0], count)
    for block in _blocks(weights):
        magnitudes = np.abs(block).view(np.uint32)
        there = magnitudes[magnitudes >> 16 == upper] & 0xFFFF
        bits[1] += np.bincount(there, minlength=1 << 16)
    lower, _ = _bin_of(bits[1], left)
    return np.float32(np.array([upper << 16 | lower], dtype=np.uint32).view(np.float32)[0])


def _bin_of(counts: np.ndarray, wanted: int) -> tuple[int, int]:
    """Which bin, from the last on, holds entry `wanted`, and how many are wanted of that bin."""
    from_last = np.cumsum(counts[::-1])
    place = int(np.searchsorted(from_last, wanted))
    return len(counts) - 1 - place, wanted - int(from_last[place] - counts[::-1][place])
