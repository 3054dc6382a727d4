"""Maps of real and generated logs: neighbourhoods are kept far beyond chance, whatever the vectors are made of."""

from __future__ import annotations

import numpy as np
import pytest

from recae.data.ids import as_texts
from recae.insight import vectors as made
from recae.insight.colouring import by_amount
from recae.insight.item_map import item_map, most_popular
from recae.insight.nearness import kept_neighbours, nearest, unit_rows
from recae.insight.vectors import log_vectors, model_vectors
from recae.models.registry import create


def mapped(vectors, positions, log, source="vectors", model="m"):
    users = log.item_counts()[positions]
    names = as_texts(log.items.take(positions)).to_pylist()
    colouring = by_amount("users", users.astype(float))
    given = {"colouring": colouring, "source": source, "model": model, "catalogue": log.n_items}
    return item_map(vectors, ids=names, titles=names, users=users, **given)


@pytest.fixture(scope="module")
def shown(sample):
    return most_popular(sample.item_counts(), 500)


@pytest.mark.parametrize("name", ["pure-svd", "ease", "item-knn"])
def test_neighbours_in_the_vectors_are_neighbours_on_the_map(sample, shown, name):
    model = create(name).fit(sample)
    vectors, source = model_vectors(model, shown)
    assert source == ("vectors" if name == "pure-svd" else "lists")
    found = mapped(vectors, shown, sample, source, name)
    assert found.kept["10 in 10"] > 0.25 > 10 * 10 / 499
    assert found.kept["10 in 50"] > 0.55 > 5 * found.by_chance()
    places = np.column_stack([found.x, found.y])
    shuffled = np.random.default_rng(0).permutation(places)
    assert kept_neighbours(vectors, shuffled, 10, 50) < 2 * found.by_chance()


def test_a_log_alone_can_be_mapped(sample, shown):
    found = mapped(log_vectors(sample.matrix, shown), shown, sample, "log", "")
    assert found.kept["10 in 50"] > 0.55


def test_items_on_the_map_are_the_most_popular_ones_in_order(sample, shown):
    found = mapped(log_vectors(sample.matrix, shown), shown, sample)
    counts = np.sort(sample.item_counts())[::-1]
    assert list(found.users) == counts[:500].tolist()
    assert min(found.x) == 0 or min(found.y) == 0
    assert all(0 <= value <= 1 for value in (*found.x, *found.y))


def test_vectors_made_of_lists_put_like_items_together(tastes):
    for name in ("ease", "item-knn"):
        vectors, source = model_vectors(create(name).fit(tastes), np.arange(40))
        assert source == "lists"
        rows, _ = nearest(unit_rows(vectors), 3)
        assert ((rows < 20) == (np.arange(40) < 20)[:, None]).mean() > 0.95


def test_a_model_that_tells_no_items_apart_gives_no_directions(tastes):
    vectors, _ = model_vectors(create("popularity").fit(tastes), np.arange(40))
    assert not np.ptp(vectors, axis=0).any()


@pytest.mark.parametrize("block_bytes", [1, 1 << 20])
def test_vectors_do_not_depend_on_blocks(tastes, monkeypatch, block_bytes):
    model = create("ease").fit(tastes)
    whole, _ = model_vectors(model, np.arange(40))
    monkeypatch.setattr(made, "BLOCK_BYTES", block_bytes)
    np.testing.assert_array_equal(model_vectors(model, np.arange(40))[0], whole)


def test_of_a_long_log_some_users_are_drawn(sample, shown, monkeypatch):
    monkeypatch.setattr(made, "MOST_USERS", 300)
    some = log_vectors(sample.matrix, shown, seed=1)
    assert np.array_equal(some, log_vectors(sample.matrix, shown, seed=1))
    assert np.isfinite(some).all()


def test_few_items_have_a_map_and_claim_nothing(tastes):
    found = mapped(np.eye(4), np.arange(4), tastes)
    assert len(found.x) == 4
    assert found.kept == {}
    assert most_popular(np.array([0, 3, 3, 0, 5]), 10).tolist() == [4, 1, 2]
