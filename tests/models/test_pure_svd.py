from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from recae.models.linear import pure_svd
from recae.models.linear.pure_svd import leading_directions
from recae.models.registry import create


def test_scores_are_the_projection_on_the_leading_directions(tastes):
    binary = tastes.binary()
    model = create("pure-svd", factors=5).fit(tastes)
    _, _, right = np.linalg.svd(binary.toarray().astype(np.float64))
    expected = binary.toarray() @ right[:5].T @ right[:5]
    np.testing.assert_allclose(model.score(binary), expected, atol=1e-5)


def test_lanczos_and_the_whole_decomposition_agree(tastes, monkeypatch):
    whole_values, whole = leading_directions(tastes.binary(), 6, seed=0)
    monkeypatch.setattr(pure_svd, "SMALL", 0)
    values, vectors = leading_directions(tastes.binary(), 6, seed=0)
    np.testing.assert_allclose(values, whole_values, rtol=1e-9)
    np.testing.assert_allclose(vectors, whole, atol=1e-7)


def test_signs_and_start_do_not_depend_on_the_seed(tastes, monkeypatch):
    monkeypatch.setattr(pure_svd, "SMALL", 0)
    first, second = (leading_directions(tastes.binary(), 4, seed=seed)[1] for seed in (1, 2))
    np.testing.assert_allclose(first, second, atol=1e-7)
    assert (first[np.abs(first).argmax(axis=0), np.arange(4)] > 0).all()


@settings(max_examples=30, deadline=None)
@given(shape=st.tuples(st.integers(1, 9), st.integers(1, 9)), factors=st.integers(1, 12), seed=st.integers(0, 9))
def test_any_shape_gives_orthonormal_directions_up_to_its_rank(shape, factors, seed):
    dense = (np.random.default_rng(seed).random(shape) < 0.5).astype(np.float32)
    dense[0, 0] = 1
    values, vectors = leading_directions(sparse.csr_array(dense), factors, seed)
    kept = min(factors, np.linalg.matrix_rank(dense))
    assert vectors.shape == (shape[1], kept)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(kept), atol=1e-6)
    np.testing.assert_allclose(values, np.linalg.svd(dense.astype(float), compute_uv=False)[:kept], atol=1e-6)


def test_item_vectors_reproduce_the_co_occurrences(tastes):
    vectors = create("pure-svd", factors=40).fit(tastes).item_vectors()
    binary = tastes.binary().toarray()
    np.testing.assert_allclose(vectors @ vectors.T, binary.T @ binary, atol=1e-3)


def test_more_factors_than_the_data_has_are_no_mistake(make_log):
    model = create("pure-svd", factors=64).fit(make_log([(1, "a"), (1, "b"), (2, "b")]))
    assert model.score(sparse.csr_array(np.array([[1, 0]], np.float32))) == pytest.approx(np.array([[1, 0]]), abs=1e-6)
