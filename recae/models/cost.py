"""`Cost`: the memory and the operations of a model, known from the size of the log before anything is computed."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np

from recae.data.interactions import Interactions

FLOAT = 4
SKEW = 4.0
"""Where only the sizes of a log are known: so many times the sum of squares that equal histories would have. Real logs
have 2 to 4 times as much."""
WORKING_BYTES = 48 << 20
"""What the libraries take for themselves while they work: buffers of threads, code that is loaded late."""


@dataclass(frozen=True)
class Shape:
    """All that a cost depends on."""

    users: int
    items: int
    interactions: int
    user_squares: float
    """Sum over users of the squared length of the history: multiply-adds of X^T X."""
    item_squares: float
    """Sum over items of the squared number of users: multiply-adds of X X^T."""

    @classmethod
    def of(cls, log: Interactions) -> Shape:
        """The shape of a log."""
        squares = [
            float(np.square(counts, dtype=np.float64).sum()) for counts in (log.user_counts(), log.item_counts())
        ]
        return cls(log.n_users, log.n_items, log.nnz, *squares)

    @classmethod
    def assumed(cls, users: int, items: int, interactions: int) -> Shape:
        """The shape of a log of this size, as skewed as real logs are."""
        of_users = min(SKEW * interactions**2 / max(users, 1), float(interactions) * items)
        of_items = min(SKEW * interactions**2 / max(items, 1), float(interactions) * users)
        return cls(users, items, interactions, of_users, of_items)

    @property
    def cells(self) -> float:
        """Users x items."""
        return float(self.users) * self.items

    @property
    def log_bytes(self) -> int:
        """What the log itself takes in memory: one CSR matrix, a time for each entry, and ids."""
        return 16 * self.interactions + 48 * (self.users + self.items)


@dataclass(frozen=True)
class Work:
    """Operations by what limits them."""

    products: float = 0.0
    """Multiply-adds of dense products in float32."""
    narrow: float = 0.0
    """Multiply-adds of dense products that run in bf16 where the machine is faster with it."""
    moved: float = 0.0
    """Bytes read and written where memory is what limits: sums of table rows, optimizers, softmax, ranking."""
    sparse: float = 0.0
    """Multiply-adds of products of two sparse matrices, and other steps that take one entry after the other."""
    steps: float = 0.0
    """Gradient steps and the like: what a step costs however small it is."""

    def __add__(self, other: Work) -> Work:
        return Work(*(getattr(self, each.name) + getattr(other, each.name) for each in fields(self)))

    def __mul__(self, times: float) -> Work:
        return Work(*(getattr(self, each.name) * times for each in fields(self)))


@dataclass(frozen=True)
class Cost:
    """What a model takes on a log of some shape."""

    fit_bytes: int
    """Memory that a fit takes at its peak, beside the log and the libraries; an upper bound."""
    size_bytes: int
    """Of the fitted model: its weights in memory and on disk."""
    fit: Work
    """All of a fit, where no epoch is saved by stopping early."""
    score: Work
    """To score one user."""
    score_bytes: int = 0
    """Beside the model, the histories and a block of scores: memory that scoring takes."""
    least: float = 1.0
    """The share of `fit` that is done where training stops as early as it may."""
    what: str = ""
    """What is large, to begin a sentence with; empty: the model on so many users and items."""
    advice: str = ""
    """What to do where it does not fit, beside taking another model."""

    def lists_bytes(self, shape: Shape, block_bytes: int) -> int:
        """Memory that lists for all users take: the model, the histories and a block of scores."""
        block = min(block_bytes, int(12 * shape.cells))
        return self.size_bytes + self.score_bytes + 16 * shape.interactions + block + WORKING_BYTES

    def lists(self, shape: Shape) -> Work:
        """To score and rank all users."""
        return (self.score + ranking(shape.items)) * shape.users


def fit_common(shape: Shape) -> int:
    """Bytes that every fit takes for a moment: the log's fingerprint, and copies of its entries."""
    return 40 * shape.interactions + 64 * (shape.users + shape.items)


def sum_rows(entries: float, width: float) -> Work:
    """Rows of a float32 table (`width` wide) that are added up, one for each of so many entries."""
    return Work(moved=FLOAT * entries * width)


def ranking(items: int) -> Work:
    """To find the best of the scores of one user."""
    return Work(moved=4.0 * FLOAT * items)
