"""A made-up interactions log of any size, as one Parquet file, in memory that grows with users + items only.

    python scripts/bench/generate.py log.parquet --users 1000000 --items 200000 --interactions 50000000

It looks like a log that grew: rows in the order of time, whole numbers as ids, in no order and with gaps. The users'
activity is log-normal and the items' popularity a power law; every item belongs to a group and every user prefers three
groups, so that there is something to learn. No user has an item twice, and every item has a user. Users come in blocks
with a random stream each, so the same sizes and seed give the same rows.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

BLOCK_ROWS = 4_000_000
"""Interactions that are held at a time, about."""
ITEMS_PER_GROUP, FAVOURITES, LOYALTY = 200, 3, 0.8
"""A user prefers so many groups, and so great a share of what they choose is from these."""
POPULARITY, HEAD = 0.9, 20
"""The item of rank r is chosen in proportion to (r + HEAD) ^ -POPULARITY."""
SPREAD, MOST = 1.0, 20
"""Standard deviation of the log of the activity, and how many times the mean nobody exceeds, about."""
START, SPAN = 1_577_836_800, 3 * 365 * 86_400
"""The log's first second and its length in seconds."""
_ROW = np.dtype([("time", "<i8"), ("user", "<i4"), ("item", "<i4")])


@dataclass(frozen=True)
class Size:
    """How large a log is."""

    users: int
    items: int
    interactions: int
    seed: int = 0

    def __str__(self) -> str:
        return f"{self.users}x{self.items}x{self.interactions}"


def write_log(size: Size, path: Path) -> None:
    """Write the log of `size` to `path`, with the columns user_id, item_id and timestamp (epoch seconds).

    Raises:
        ValueError: there are fewer interactions than users or items, or more than so few users and items can have.
    """
    users, items = (scattered(count, size.seed, which) for which, count in enumerate((size.users, size.items)))
    schema = pa.schema({"user_id": pa.int64(), "item_id": pa.int64(), "timestamp": pa.int64()})
    with (
        tempfile.TemporaryDirectory(dir=path.parent) as folder,
        pq.ParquetWriter(path, schema, compression="zstd") as out,
    ):
        for rows in _by_time(size, Path(folder)):
            out.write_table(pa.table([users[rows["user"]], items[rows["item"]], rows["time"]], schema=schema))


def activity(size: Size) -> np.ndarray:
    """(users,) int64: how many items each user has; together exactly `size.interactions`.

    Raises:
        ValueError: see `write_log`.
    """
    if size.interactions < max(size.users, size.items):
        raise ValueError("There must be at least as many interactions as users and as items.")
    wish = np.random.default_rng([size.seed, 2]).lognormal(0, SPREAD, size.users)
    most = min(MOST, 0.4 * size.items * size.users / size.interactions)
    for _ in range(10):  # each time the mean falls a little less
        wish = np.minimum(wish, most * wish.mean())
    wish = wish.cumsum()
    # Everybody has one item, and as many as are planted with them (see `_Taste`).
    least = np.maximum(1, np.diff(planted_for(size)))
    rest = size.interactions - int(least.sum())
    if rest < 0:
        raise ValueError("There are too few interactions for so many users and items.")
    counts: np.ndarray = least + np.diff(np.rint(wish * (rest / wish[-1])).astype(np.int64), prepend=0)
    if counts.max() > size.items // 2:
        raise ValueError(f"The most active user would have {counts.max()} of {size.items} items.")
    return counts


def planted_for(size: Size) -> np.ndarray:
    """(users + 1,) int64: the items from place u to place u + 1 are given to user u, so that no item is without."""
    return np.arange(size.users + 1, dtype=np.int64) * size.items // size.users


def scattered(count: int, seed: int, which: int) -> np.ndarray:
    """`count` different int64 ids in no order, with gaps."""
    random = np.random.default_rng([seed, which])
    return random.permutation(10 ** (6 + which) + random.integers(1, 10, count).cumsum())


class _Taste:
    """Which items users choose."""

    def __init__(self, size: Size) -> None:
        random = np.random.default_rng([size.seed, 3])
        self.size, self.groups = size, max(2, size.items // ITEMS_PER_GROUP)
        # Items stand group by group; within all of them popularity falls with a random rank.
        self.edges = np.linspace(0, size.items, self.groups + 1).astype(np.int64)
        weight = (random.permutation(size.items) + float(HEAD)) ** -POPULARITY
        self.until = np.concatenate(([0.0], weight.cumsum()))
        self.planted, self.planted_at = random.permutation(size.items), planted_for(size)

    def choose(self, first: int, counts: np.ndarray, random: np.random.Generator) -> np.ndarray:
        """(counts.sum(),) item positions for the users from `first` on, each user's together; nobody's repeat."""
        # Popular groups are preferred by more users.
        mass = np.diff(self.until[self.edges]).cumsum()
        favourites = np.searchsorted(mass, random.random((len(counts), FAVOURITES)) * mass[-1])
        users = np.arange(first, first + len(counts))
        planted = self.planted[self.planted_at[first] : self.planted_at[first + len(counts)]]
        owners = np.repeat(users - first, np.diff(self.planted_at[first : first + len(counts) + 1]))
        kept, rounds = np.sort(owners * self.size.items + planted), 0
        while True:
            missing = counts - np.bincount(kept // self.size.items, minlength=len(counts))
            if not missing.any():
                return kept % self.size.items
            owner = np.repeat(np.arange(len(counts)), missing)
            chosen = self._draw(owner, favourites, random, anything=rounds >= 4)
            kept, rounds = _distinct(np.concatenate((kept, owner * self.size.items + chosen))), rounds + 1

    def _draw(
        self, owner: np.ndarray, favourites: np.ndarray, random: np.random.Generator, *, anything: bool
    ) -> np.ndarray:
        if anything:  # who has nearly all of their groups takes whatever there is
            return random.integers(0, self.size.items, len(owner))
        group = favourites[owner, random.integers(0, FAVOURITES, len(owner))]
        loyal = random.random(len(owner)) < LOYALTY
        low = np.where(loyal, self.until[self.edges[group]], 0.0)
        high = np.where(loyal, self.until[self.edges[group + 1]], self.until[-1])
        found = np.searchsorted(self.until, low + random.random(len(owner)) * (high - low), side="right") - 1
        return np.minimum(found, self.size.items - 1)


def _distinct(keys: np.ndarray) -> np.ndarray:
    keys.sort()  # np.unique goes by hashes, which takes many times as long
    return keys[np.append(True, keys[1:] != keys[:-1])]


def _by_time(size: Size, folder: Path) -> Iterator[np.ndarray]:
    """All rows in the order of time: written slice by slice of time, then sorted one slice after the other."""
    slices = max(1, round(size.interactions / BLOCK_ROWS))
    files = [folder / f"{number}.rows" for number in range(slices)]
    for of_users in _by_user(size):
        rows = of_users[np.argsort(of_users["time"])]
        ends = np.searchsorted(rows["time"], START + SPAN * np.arange(1, slices) // slices)
        for file, part in zip(files, np.split(rows, ends), strict=True):
            with file.open("ab") as out:
                part.tofile(out)
    for file in files:
        rows = np.fromfile(file, dtype=_ROW)
        yield rows[np.argsort(rows["time"])]
        file.unlink()


def _by_user(size: Size) -> Iterator[np.ndarray]:
    counts, taste = activity(size), _Taste(size)
    step = max(1, BLOCK_ROWS * size.users // size.interactions)
    for block, first in enumerate(range(0, size.users, step)):
        random = np.random.default_rng([size.seed, 4, block])
        own = counts[first : first + step]
        rows = np.empty(own.sum(), dtype=_ROW)
        rows["user"] = np.repeat(np.arange(first, first + len(own)), own)
        rows["item"] = taste.choose(first, own, random)
        rows["time"] = START + random.integers(0, SPAN, len(rows))
        yield rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("path", type=Path)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--items", type=int, default=200_000)
    parser.add_argument("--interactions", type=int, default=50_000_000)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    write_log(Size(chosen.users, chosen.items, chosen.interactions, chosen.seed), chosen.path)


if __name__ == "__main__":
    main()
