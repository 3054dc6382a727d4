"""The invented catalogue of the sample: films in niches, with appeal, quality, release day and series."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recae.data.dice import Dice
from recae.data.titles import GENRES, film_title, sequel_title

TRAITS = 16
"""Dimensions of the space in which films and tastes meet."""
LOG_DAYS = 730
"""How long the log runs; day 0 is its first day."""
LAST_YEAR = 2022
_NICHES = 60
_SERIES_SHARE = 0.08


@dataclass(frozen=True, eq=False)
class Films:
    """The catalogue by item position."""

    titles: list[str]
    genres: list[tuple[str, ...]]
    years: np.ndarray
    """(n,) int64."""
    release_day: np.ndarray
    """(n,) float64: days since the log began; negative for films that are older."""
    traits: np.ndarray
    """(n, TRAITS) float64: what a film is like."""
    appeal: np.ndarray
    """(n,) float64: log-weight of being chosen by somebody without any taste."""
    quality: np.ndarray
    """(n,) float64: rating points above or below the average film."""
    niche: np.ndarray
    """(n,) int64: the group of like films it belongs to."""
    series: np.ndarray
    """(n,) int64: the same number for all parts of a series, -1 for films that stand alone."""
    niche_traits: np.ndarray
    """(niches, TRAITS) float64: the middle of each niche."""


@dataclass(frozen=True, eq=False)
class _Niches:
    genres: list[tuple[str, ...]]
    traits: np.ndarray
    size: np.ndarray
    years: np.ndarray


def make_films(dice: Dice, count: int) -> Films:
    """`count` films; some of them are parts of a series."""
    niches = _make_niches(dice)
    niche = dice.weighted(niches.size, count)
    traits = niches.traits[niche] + 0.45 * dice.normal(count, TRAITS) / np.sqrt(TRAITS)
    years = _years(dice, niches.years[niche])
    appeal = _appeal(dice.normal(count)) + 0.2 * dice.normal(_NICHES)[niche]
    series = np.full(count, -1, dtype=np.int64)
    genres = [niches.genres[n] for n in niche]
    titles: list[str] = []
    taken: set[str] = set()
    first = part = 0
    for film in range(count):
        if part:  # a sequel: like the first part, somewhat less liked, some years later
            niche[film], genres[film], series[film] = niche[first], genres[first], first
            series[first] = first
            traits[film] = traits[first] + 0.15 * (traits[film] - niches.traits[niche[film]])
            appeal[film] = appeal[first] - 0.45 * (part - 1)
            years[film] = min(years[film - 1] + 2 + int(dice.below(3, 1)[0]), LAST_YEAR)
            titles.append(sequel_title(dice, titles[first], part, genres[film], taken))
            part = part + 1 if part < 5 and dice.one() < 0.35 else 0
        else:
            first = film
            titles.append(film_title(dice, genres[film], taken))
            part = 2 if dice.one() < _SERIES_SHARE and years[film] < LAST_YEAR - 2 else 0
    appeal += 0.35 * (years > LAST_YEAR - 8) - 0.01 * (LAST_YEAR - years)
    quality = 0.42 * dice.normal(count) + 0.16 * (appeal - appeal.mean()) / appeal.std()
    release_day = (years - LAST_YEAR + 1) * 365 + 365 * dice.uniform(count)
    order = np.argsort(dice.uniform(count), kind="stable")  # so that an id tells nothing about a film
    return Films(
        [titles[film] for film in order],
        [genres[film] for film in order],
        years[order],
        release_day[order],
        traits[order],
        appeal[order],
        quality[order],
        niche[order],
        series[order],
        niches.traits,
    )


def _make_niches(dice: Dice) -> _Niches:
    names = list(GENRES)
    shares = np.array([words.share for words in GENRES.values()])
    genre_traits = dice.normal(len(names), TRAITS) / np.sqrt(TRAITS)
    main, second = dice.weighted(shares, _NICHES), dice.weighted(shares, _NICHES)
    alone = dice.uniform(_NICHES) < 0.4
    genres: list[tuple[str, ...]] = [
        (names[m],) if one or m == s else (names[m], names[s]) for m, s, one in zip(main, second, alone, strict=True)
    ]
    own = dice.normal(_NICHES, TRAITS) / np.sqrt(TRAITS)
    traits = 0.75 * genre_traits[main] + 0.25 * genre_traits[second] + 0.75 * own
    size = 1.0 / np.sqrt(1.0 + np.arange(_NICHES))
    years = LAST_YEAR - 3 - 45 * dice.uniform(_NICHES) ** 2
    return _Niches(genres, traits, size, years)


def _appeal(talent: np.ndarray) -> np.ndarray:
    # The long tail is on the unloved side: the most watched films owe their audience to many tastes, not to
    # an appeal far above the rest.
    above = talent - 0.6
    return np.where(above > 0, 0.1 * above, 3.0 * above)


def _years(dice: Dice, centre: np.ndarray) -> np.ndarray:
    years = np.rint(centre + 7 * dice.normal(len(centre)))
    # A year beyond the last is folded back, which piles films up in recent years, as in a real catalogue.
    years = np.where(years > LAST_YEAR, 2 * LAST_YEAR - years, years)
    return np.clip(years, 1930, LAST_YEAR).astype(np.int64)
