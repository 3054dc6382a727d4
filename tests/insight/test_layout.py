"""The plane keeps who is near whom, and takes any vectors."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.spatial.distance import cdist
from sklearn.manifold import trustworthiness

from recae.insight import layout
from recae.insight.layout import attraction, lay_out, repulsion
from recae.insight.nearness import kept_neighbours, nearest, unit_rows


def test_bunches_of_like_vectors_stay_together(clusters):
    vectors, bunch = clusters
    places = lay_out(vectors)
    around = cdist(places, places)
    np.fill_diagonal(around, np.inf)
    assert (bunch[around.argmin(axis=1)] == bunch).mean() > 0.97


def test_it_is_faithful_by_the_measure_of_scikit_learn(clusters):
    vectors = unit_rows(clusters[0])
    assert trustworthiness(vectors, lay_out(vectors), n_neighbors=10, metric="cosine") > 0.95


@pytest.mark.parametrize("n", [3, 39, 40, 64, 160])
def test_small_maps_keep_together(clusters, n):
    chosen = np.random.default_rng(n).permutation(240)[:n]
    places = lay_out(clusters[0][chosen])
    assert np.ptp(places) < 80
    if n >= 40:
        assert kept_neighbours(clusters[0][chosen], places, 3, 10) > 0.8


def test_the_same_vectors_give_the_same_places(clusters):
    assert np.array_equal(lay_out(clusters[0]), lay_out(clusters[0].copy()))


def test_the_length_of_a_vector_does_not_matter(clusters):
    vectors = clusters[0]
    longer = vectors * 2.0 ** np.random.default_rng(0).integers(-3, 4, size=(len(vectors), 1))
    assert np.array_equal(lay_out(vectors), lay_out(longer))


def test_attraction_has_the_entropy_that_was_asked_for(clusters):
    unit = unit_rows(clusters[0])
    rows, cosines = nearest(unit, 60)
    share = layout._shares(2 - 2 * cosines, np.log(20))
    entropy = -(share * np.log(share)).sum(axis=1)
    np.testing.assert_allclose(np.exp(entropy), 20, rtol=1e-6)
    pull = attraction(unit, 20)
    assert (abs(pull - pull.T) > 1e-15).nnz == 0
    assert pull.sum() == pytest.approx(1)
    assert rows.shape == (240, 60)


def test_repulsion_on_the_grid_comes_near_that_of_all_pairs(monkeypatch):
    monkeypatch.setattr(layout, "CELL", 0.1)
    places = np.random.default_rng(1).normal(size=(300, 2)) * 6
    apart = places[:, None] - places
    near = 1 / (1 + (apart**2).sum(axis=2))
    exact = (near[:, :, None] ** 2 * apart).sum(axis=1) / (near.sum() - len(places))
    assert np.abs(repulsion(places) - exact).max() < 0.02 * np.abs(exact).max()


@settings(max_examples=10, deadline=None)
@given(arrays(np.float32, st.tuples(st.integers(0, 25), st.integers(1, 5)), elements=st.floats(-3, 3, width=16)))
def test_any_vectors_get_finite_places(vectors):
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(layout, "STEPS", 120)
        places = lay_out(vectors)
    assert places.shape == (len(vectors), 2)
    assert np.isfinite(places).all()


def test_equal_vectors_lie_together_and_others_apart():
    places = lay_out(np.repeat(np.eye(4), 12, axis=0)).reshape(4, 12, 2)
    middles = places.mean(axis=1)
    within = np.linalg.norm(places - middles[:, None], axis=2).max()
    assert cdist(middles, middles)[np.triu_indices(4, 1)].min() > 2 * within


@pytest.mark.parametrize("vectors", [np.ones((50, 3)), np.zeros((50, 3))])
def test_vectors_that_are_all_alike_have_finite_places(vectors):
    assert np.isfinite(lay_out(vectors)).all()


def test_kept_neighbours_counts_what_it_says():
    angles = np.linspace(0, np.pi / 2, 30)
    line = np.column_stack([np.cos(angles), np.sin(angles)])
    assert kept_neighbours(line, line, 4, 4) == 1
    scattered = np.random.default_rng(0).normal(size=(30, 2))
    assert 0 < kept_neighbours(line, scattered, 4, 10) < 0.7
    assert kept_neighbours(line, scattered, 4, 29) == 1
    assert np.isnan(kept_neighbours(line[:4], line[:4], 4, 4))
