"""`Background`: what a metric may need to know beside lists and targets, such as item vectors or genres."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import sparse

from recae.errors import DataError
from recae.evaluation.slice_groups import NO_SLICING, Slicing


@dataclass(frozen=True, eq=False)
class Background:
    """Facts about items, and groups of users; whatever is None is not known.

    Items are in the order of the columns of the held-out data, users in the order of its rows.

    Raises:
        ValueError: arrays of the wrong number of dimensions.
        DataError: a vector or a weight that is not finite, or a negative weight of a genre.
    """

    item_counts: np.ndarray | None = None
    """(n_items,) how many training users have each item."""
    n_train_users: int | None = None
    """How many users there were in training."""
    catalogue: int | None = None
    """How many of the items, the first ones, are the catalogue that lists are taken from: coverage and exposure are
    shares of these. None: all of them."""
    vectors: np.ndarray | sparse.csr_array | None = None
    """(n_items, d) what two items are alike in, compared by cosine: an embedding of titles, tags, genres. Take vectors
    that none of the compared models made, or it is judged by its own opinion."""
    genres: sparse.csr_array | None = None
    """(n_items, n_genres) weights of the genres (or any other kind) of each item, 0 or more; a row without any is an
    item of unknown genre."""
    user_groups: np.ndarray | None = None
    """(n_users,) any values that sort: users with the same value are in one group."""
    slicing: Slicing = NO_SLICING
    """Groups of users and of items by which all figures are taken apart, see `Evaluation.slices`."""

    def __post_init__(self) -> None:
        for name, wanted in (("item_counts", 1), ("user_groups", 1), ("vectors", 2), ("genres", 2)):
            given = getattr(self, name)
            if given is not None and given.ndim != wanted:
                raise ValueError(f"{name} must have {wanted} dimension{'s' if wanted > 1 else ''}, not {given.ndim}")
        for name in ("vectors", "genres"):
            given = getattr(self, name)
            if given is not None and not np.isfinite(_stored(given)).all():
                raise DataError(f"The {name} of the items hold values that are not finite.")
        if self.genres is not None and (self.genres.data < 0).any():
            raise DataError("The weight of a genre must not be negative.")

    def check(self, n_items: int, n_users: int) -> None:
        """Check that this is about so many items and users.

        Raises:
            DataError: it is about others.
        """
        for name in ("vectors", "genres"):
            given = getattr(self, name)
            if given is not None and given.shape[0] != n_items:
                raise DataError(f"The {name} are of {given.shape[0]} items, the data has {n_items}.")
        if self.user_groups is not None and len(self.user_groups) != n_users:
            raise DataError(f"The groups are of {len(self.user_groups)} users, the data has {n_users}.")
        self.slicing.check(n_items, n_users)

    def with_counts(self, item_counts: np.ndarray | None, n_train_users: int | None) -> Background:
        """The same with these counts where it has none of its own."""
        if self.item_counts is not None or item_counts is None or n_train_users is None:
            return self
        return replace(self, item_counts=item_counts, n_train_users=n_train_users)

    def select_users(self, users: np.ndarray) -> Background:
        """The same for these user positions only."""
        groups = None if self.user_groups is None else self.user_groups[users]
        return replace(self, user_groups=groups, slicing=self.slicing.select_users(users))

    @cached_property
    def popularity(self) -> np.ndarray | None:
        """(n_items,) float64: share of the training users who have each item."""
        if self.item_counts is None or self.n_train_users is None:
            return None
        return np.asarray(self.item_counts, dtype=np.float64) / max(self.n_train_users, 1)

    @cached_property
    def unit_vectors(self) -> np.ndarray | sparse.csr_array | None:
        """(n_items, d) float64: the vectors scaled to length 1; without vectors, the genres. Zero rows stay zero."""
        given = self.vectors if self.vectors is not None else self.genres
        if isinstance(given, np.ndarray):
            rows = given.astype(np.float64)
            length = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
            return np.divide(rows, length, out=np.zeros_like(rows), where=length > 0)
        return None if given is None else _scaled(given, squared=True)

    @cached_property
    def genre_shares(self) -> sparse.csr_array | None:
        """(n_items, n_genres) float64: the genres of each item as shares that sum to 1; rows without any stay zero."""
        return None if self.genres is None else _scaled(self.genres, squared=False)


NOTHING = Background()


def genre_matrix(genres: Iterable[Iterable[str] | None]) -> tuple[sparse.csr_array, list[str]]:
    """The genres of each item, item by item, as a matrix of ones and the names of its columns in sorted order.

    >>> matrix, names = genre_matrix([["Drama", "War"], None, ["War"]])
    >>> matrix.toarray().tolist(), names
    ([[1.0, 1.0], [0.0, 0.0], [0.0, 1.0]], ['Drama', 'War'])
    """
    own = [sorted(set(names or ())) for names in genres]
    columns = sorted({name for names in own for name in names})
    place = {name: column for column, name in enumerate(columns)}
    indices = np.array([place[name] for names in own for name in names], dtype=np.int64)
    indptr = np.concatenate(([0], np.cumsum([len(names) for names in own], dtype=np.int64)))
    return sparse.csr_array((np.ones(len(indices)), indices, indptr), shape=(len(own), len(columns))), columns


def _stored(given: np.ndarray | sparse.csr_array) -> np.ndarray:
    return given.data if sparse.issparse(given) else np.asarray(given)


def _scaled(rows: sparse.csr_array, *, squared: bool) -> sparse.csr_array:
    row = np.repeat(np.arange(rows.shape[0]), np.diff(rows.indptr))
    values = rows.data.astype(np.float64)
    size = np.bincount(row, weights=values**2 if squared else values, minlength=rows.shape[0])
    size = np.sqrt(size) if squared else size
    data = np.divide(values, size[row], out=np.zeros(len(row)), where=size[row] > 0)
    return sparse.csr_array((data, rows.indices, rows.indptr), shape=rows.shape)
