"""The sample: an invented film log that behaves like a real one, the same bytes every time.

Viewers have tastes that drift, come in sessions, follow series and what everybody watches, and rate with a
bias of their own; films are long-tailed in appeal. A few rows occur twice, as they do in real logs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recae.data.dice import Dice
from recae.data.films import LAST_YEAR, LOG_DAYS, TRAITS, Films, make_films
from recae.store.atomic import replacing_file

SEED = 20221
USERS = 1000
ITEMS = 1600
FIRST_SECOND = 1_609_459_200
"""2021-01-01 00:00 UTC, when the log begins."""
_DAY = 86_400
_STAR_EDGES = (-1.75, -1.05, -0.15, 0.9)
"""Below the first a film gets one star, above the last five."""


@dataclass(frozen=True, eq=False)
class _Viewers:
    taste: np.ndarray
    """(n, TRAITS): the direction of each viewer's liking."""
    strength: np.ndarray
    """(n,): how much taste decides."""
    mainstream: np.ndarray
    """(n,): how much a film's general appeal decides."""
    year: np.ndarray
    """(n,): the release year around which a viewer feels at home."""
    bias: np.ndarray
    """(n,): rating points above or below the average viewer."""
    activity: np.ndarray
    """(n,) int64: how many films each one rates."""
    arrival: np.ndarray
    """(n,): the day of the first session."""


@dataclass(frozen=True, eq=False)
class SampleLog:
    """One row per rating, in the order of time; users and items as positions from 0."""

    users: np.ndarray
    items: np.ndarray
    ratings: np.ndarray
    """int64, 1 ... 5."""
    seconds: np.ndarray
    """int64, since 1970 UTC."""


def write_sample(out: str | Path, seed: int = SEED) -> list[Path]:
    """Write `interactions.csv` (user_id, item_id, rating, timestamp) and `items.csv` into the folder `out`.

    The same seed gives the same bytes on every machine. Returns the paths.

    Raises:
        StorageError: the files could not be written.
    """
    films, log = make_sample(seed)
    folder = Path(out)
    rows = zip(log.users + 1, log.items + 1, log.ratings, log.seconds, strict=True)
    interactions = "".join(f"{user},{item},{rating},{second}\n" for user, item, rating, second in rows)
    catalog = "".join(
        f"{item + 1},{_quoted(title)},{year},{'|'.join(genres)}\n"
        for item, (title, year, genres) in enumerate(zip(films.titles, films.years, films.genres, strict=True))
    )
    return [
        _write(folder / "interactions.csv", "user_id,item_id,rating,timestamp\n" + interactions),
        _write(folder / "items.csv", "item_id,title,year,genres\n" + catalog),
    ]


def make_sample(seed: int = SEED) -> tuple[Films, SampleLog]:
    """The sample in memory: its films and its log."""
    dice = Dice(seed)
    films = make_films(dice, ITEMS)
    viewers = _make_viewers(dice, films)
    fashion = 0.25 * dice.normal(TRAITS, 2)
    sessions = [
        (viewer, *session) for viewer in range(USERS) for session in _sessions(dice, films, viewers, viewer, fashion)
    ]
    users = np.concatenate([np.full(len(items), viewer) for viewer, items, _ in sessions])
    items = np.concatenate([items for _, items, _ in sessions])
    seconds = np.concatenate([seconds for _, _, seconds in sessions])
    ratings = _ratings(dice, films, viewers, users, items)
    return films, _in_time(_with_repeats(dice, SampleLog(users, items, ratings, seconds)))


def _make_viewers(dice: Dice, films: Films) -> _Viewers:
    niches = films.niche_traits
    mixture = dice.uniform(USERS, len(niches)) ** 14
    taste = (mixture / mixture.sum(axis=1, keepdims=True)) @ niches * 1.6 + 0.5 * dice.normal(USERS, TRAITS) / 4
    return _Viewers(
        taste=taste,
        strength=7.2 * np.exp(0.25 * dice.normal(USERS)),
        mainstream=1.0 + 0.45 * dice.normal(USERS),
        year=LAST_YEAR - 5 - 22 * dice.uniform(USERS) ** 1.5,
        bias=0.38 * dice.normal(USERS),
        activity=(20 + np.exp(3.65 + 1.25 * dice.normal(USERS)).clip(max=620)).astype(np.int64),
        arrival=(LOG_DAYS - 30) * dice.uniform(USERS),
    )


def _sessions(
    dice: Dice, films: Films, viewers: _Viewers, viewer: int, fashion: np.ndarray
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """One viewer's sessions: the item positions chosen, and when (seconds since 1970)."""
    left = int(viewers.activity[viewer])
    day, taste = float(viewers.arrival[viewer]), viewers.taste[viewer]
    homely = -(((films.years - viewers.year[viewer]) / 11) ** 2)
    seen = np.zeros(ITEMS, dtype=bool)
    while left > 0:
        last = day > LOG_DAYS - 10 or dice.one() < 0.45
        size = left if last else min(left, 5 + int(left * 0.6 * dice.one()))
        turn = fashion @ np.array([np.cos(day / 120), np.sin(day / 120)])
        pull = films.traits @ (viewers.strength[viewer] * taste + turn)
        liking = pull + viewers.mainstream[viewer] * films.appeal + homely + _series_pull(films, seen)
        chosen = _choose(dice, liking, seen | (films.release_day > day), size)
        seen[chosen] = True
        yield chosen, _times(dice, day, len(chosen))
        left = 0 if last else left - size
        gap = 3 - 40 * np.log(dice.one())
        day = min(day + gap, LOG_DAYS - 5.0)
        taste = taste + 0.05 * np.sqrt(gap / 30) * dice.normal(TRAITS)  # tastes wander


def _series_pull(films: Films, seen: np.ndarray) -> np.ndarray:
    """(ITEMS,) float64: who has seen one part wants the others."""
    begun = np.unique(films.series[seen & (films.series >= 0)])
    return 2.0 * np.isin(films.series, begun)


def _choose(dice: Dice, liking: np.ndarray, closed: np.ndarray, size: int) -> np.ndarray:
    keys = np.where(closed, -np.inf, liking + dice.gumbel(len(liking)))
    size = min(size, int((~closed).sum()))
    return np.argsort(-keys, kind="stable")[:size]


def _times(dice: Dice, day: float, count: int) -> np.ndarray:
    """(count,) int64 seconds: an evening of rating, one film every half minute or so."""
    steps = np.ceil(-25 * np.log(dice.uniform(count))).astype(np.int64)
    return FIRST_SECOND + int(day * _DAY) + np.cumsum(steps)


def _ratings(dice: Dice, films: Films, viewers: _Viewers, users: np.ndarray, items: np.ndarray) -> np.ndarray:
    match = np.einsum("ij,ij->i", viewers.taste[users], films.traits[items])
    match = (match - match.mean()) / match.std()
    points = viewers.bias[users] + films.quality[items] + 0.3 * match + 0.9 * dice.normal(len(users))
    return 1 + np.searchsorted(_STAR_EDGES, points)


def _with_repeats(dice: Dice, log: SampleLog) -> SampleLog:
    """Some rows logged twice as they are, and some films rated again later, perhaps differently."""
    twice = dice.below(len(log.users), len(log.users) // 1500)
    again = dice.below(len(log.users), len(log.users) // 500)
    later = (1 + dice.below(20 * _DAY, len(again))).astype(np.int64)
    shift = dice.below(3, len(again)) - 1
    return SampleLog(
        np.concatenate([log.users, log.users[twice], log.users[again]]),
        np.concatenate([log.items, log.items[twice], log.items[again]]),
        np.concatenate([log.ratings, log.ratings[twice], np.clip(log.ratings[again] + shift, 1, 5)]),
        np.concatenate([log.seconds, log.seconds[twice], log.seconds[again] + later]),
    )


def _in_time(log: SampleLog) -> SampleLog:
    order = np.lexsort((log.items, log.users, log.seconds))
    return SampleLog(log.users[order], log.items[order], log.ratings[order], log.seconds[order])


def _quoted(text: str) -> str:
    return f'"{text}"' if "," in text or '"' in text else text


def _write(path: Path, text: str) -> Path:
    with replacing_file(path) as beside:
        beside.write_bytes(text.encode("utf-8"))
    return path
