"""The sample: reproducible to the byte, and alive like a real log."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from recae.data.dice import Dice
from recae.data.synthetic import FIRST_SECOND, ITEMS, USERS, make_sample, write_sample
from recae.data.titles import GENRES

DATA = Path(__file__).resolve().parent.parent.parent / "data"


@pytest.fixture(scope="module")
def log() -> pd.DataFrame:
    return pd.read_csv(DATA / "interactions.csv")


@pytest.fixture(scope="module")
def items() -> pd.DataFrame:
    return pd.read_csv(DATA / "items.csv")


def test_the_committed_files_are_made_again_byte_for_byte(tmp_path):
    made = write_sample(tmp_path / "again")

    assert [path.name for path in made] == ["interactions.csv", "items.csv"]
    for path in made:
        assert path.read_bytes() == (DATA / path.name).read_bytes(), path.name


def test_another_seed_gives_another_sample(tmp_path):
    made = write_sample(tmp_path, seed=1)

    assert made[0].read_bytes() != (DATA / "interactions.csv").read_bytes()


def test_the_committed_files_stay_small():
    assert (DATA / "interactions.csv").stat().st_size + (DATA / "items.csv").stat().st_size < 3_000_000


def test_rows_are_valid_and_in_the_order_of_time(log):
    assert list(log.columns) == ["user_id", "item_id", "rating", "timestamp"]
    assert log.user_id.between(1, USERS).all()
    assert log.item_id.between(1, ITEMS).all()
    assert set(log.rating) == {1, 2, 3, 4, 5}
    assert log.timestamp.is_monotonic_increasing
    assert log.timestamp.min() >= FIRST_SECOND
    assert log.user_id.nunique() == USERS


def test_size_density_and_long_tails_are_those_of_a_small_film_log(log):
    pairs = log.drop_duplicates(["user_id", "item_id"])
    by_item, by_user = pairs.groupby("item_id").size(), pairs.groupby("user_id").size()

    assert 0.055 < len(pairs) / (by_user.size * by_item.size) < 0.075
    assert 0.5 < gini(by_item) < 0.7
    assert 0.4 < gini(by_user) < 0.55
    assert by_user.min() == 20
    assert by_user.max() > 400


def test_a_few_rows_are_logged_twice_and_a_few_films_rated_again(log):
    exact = log.duplicated().sum()
    pairs = log.duplicated(["user_id", "item_id"]).sum()

    assert 30 < exact < 150
    assert 100 < pairs - exact < 400


def test_nobody_watches_a_film_years_before_its_release(log, items):
    joined = log.merge(items, on="item_id")
    watched = pd.to_datetime(joined.timestamp, unit="s").dt.year

    assert (joined.year <= watched).all()


def test_viewers_differ_in_how_kindly_they_rate(log):
    by_user = log.groupby("user_id").rating
    noise = by_user.std().mean() / np.sqrt(by_user.size().mean())

    assert by_user.mean().std() > 2 * noise


def test_titles_are_distinct_readable_and_have_known_genres(items):
    assert len(items) == ITEMS
    assert items.title.is_unique
    assert items.title.str.len().between(4, 60).all()
    assert set(items.genres.str.split("|").explode()) == set(GENRES)
    assert items.year.between(1930, 2022).all()


def test_the_catalogue_is_plain_csv_with_quotes_where_needed():
    text = (DATA / "items.csv").read_text(encoding="utf-8")
    rows = list(csv.reader(text.splitlines()))

    assert {len(row) for row in rows} == {4}
    assert any("," in row[1] for row in rows[1:])
    assert "\r" not in text


def test_parts_of_a_series_are_watched_by_the_same_people():
    films, log = make_sample()
    seen = sparse.csr_array((np.ones(len(log.users)), (log.users, log.items)), shape=(USERS, ITEMS)) > 0
    counts = seen.sum(axis=0)
    together = (seen.astype(np.int32).T @ seen.astype(np.int32)).toarray()
    expected = np.outer(counts, counts) / USERS
    series = [number for number, size in Counter(films.series.tolist()).items() if number >= 0 and size >= 2]
    lifts = []
    for number in series:
        parts = [part for part in np.flatnonzero(films.series == number) if counts[part] >= 10]
        lifts += [together[a, b] / expected[a, b] for a in parts for b in parts if a < b]

    assert len(lifts) > 10
    assert np.median(lifts) > 1.5


def test_taste_says_more_than_popularity(log):
    """A hand-made EASE (Steck 2019) on half of the viewers must beat popularity clearly on the other half."""
    pairs = log.drop_duplicates(["user_id", "item_id"])
    seen = np.zeros((USERS, ITEMS), dtype=np.float32)
    seen[pairs.user_id - 1, pairs.item_id - 1] = 1
    train, test = seen[: USERS // 2], seen[USERS // 2 :]
    hidden = test * (np.random.default_rng(3).random(test.shape) < 0.2)
    history = test - hidden
    inverse = np.linalg.inv(train.T @ train + 300 * np.eye(ITEMS))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)

    personal = precision_at_10(history @ weights, history, hidden)
    popular = precision_at_10(np.tile(train.sum(axis=0), (len(test), 1)), history, hidden)

    assert personal > 1.4 * popular


def test_dice_are_uniform_and_normal():
    dice = Dice(5)
    uniform, normal = dice.uniform(20_000), dice.normal(20_000)

    assert 0 < uniform.min() < uniform.max() < 1
    assert abs(uniform.mean() - 0.5) < 0.01
    assert abs(normal.mean()) < 0.03
    assert abs(normal.std() - 1) < 0.03


def test_dice_follow_the_published_stream_of_pcg64():
    assert Dice(7).uniform(3).tolist() == pytest.approx(np.random.Generator(np.random.PCG64(7)).random(3).tolist())


def precision_at_10(scores: np.ndarray, history: np.ndarray, hidden: np.ndarray) -> float:
    scores = np.where(history > 0, -np.inf, scores)
    top = np.argsort(-scores, axis=1)[:, :10]
    return float(np.take_along_axis(hidden, top, axis=1).mean())


def gini(counts: pd.Series) -> float:
    ordered = np.sort(counts.to_numpy(dtype=float))
    rank = np.arange(1, len(ordered) + 1)
    return float(2 * (rank * ordered).sum() / (len(ordered) * ordered.sum()) - (len(ordered) + 1) / len(ordered))
