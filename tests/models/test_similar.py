from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics.pairwise import cosine_similarity

from recae.models import similar
from recae.models.registry import create
from recae.models.similar import by_cosine, by_score


@pytest.fixture(scope="module")
def vectors() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(30, 4)).astype(np.float32)


@pytest.mark.parametrize("block_bytes", [1, 1 << 20])
def test_cosine_agrees_with_scikit_learn_without_the_item_itself(vectors, monkeypatch, block_bytes):
    monkeypatch.setattr(similar, "BLOCK_BYTES", block_bytes)
    wanted = np.array([3, 0, 29])
    positions, cosines = by_cosine(vectors, wanted, 5)
    reference = cosine_similarity(vectors)[wanted]
    reference[np.arange(3), wanted] = -np.inf
    np.testing.assert_array_equal(positions, np.argsort(-reference, axis=1)[:, :5])
    np.testing.assert_allclose(cosines, np.sort(reference, axis=1)[:, ::-1][:, :5], atol=1e-6)
    assert positions.dtype == np.int64
    assert cosines.dtype == np.float32


def test_ties_stand_in_the_order_of_items():
    positions, cosines = by_cosine(np.ones((4, 2), np.float32), np.array([1]), 3)
    assert positions.tolist() == [[0, 2, 3]]
    np.testing.assert_allclose(cosines, 1, rtol=1e-6)


def test_fewer_items_than_asked_for_end_in_nothing(vectors):
    positions, cosines = by_cosine(vectors[:3], np.array([0]), 5)
    assert sorted(positions[0, :2]) == [1, 2]
    assert positions[0, 2:].tolist() == [-1, -1, -1]
    assert np.isnan(cosines[0, 2:]).all()
    assert by_cosine(vectors[:1], np.array([0]), 2)[0].tolist() == [[-1, -1]]


def test_an_item_without_a_vector_is_like_no_other(vectors):
    vectors = vectors.copy()
    vectors[2] = 0
    assert (by_cosine(vectors, np.array([2]), 4)[1] == 0).all()


def test_models_of_item_weights_compare_by_the_row_of_the_item(tastes):
    model = create("ease", l2=5.0).fit(tastes)
    weights = model.weights()["weights"]
    positions, scores = model.similar_items(np.array([4]), 3)
    expected = np.argsort(-np.where(np.arange(40) == 4, -np.inf, weights[4]))[:3]
    np.testing.assert_array_equal(positions[0], expected)
    np.testing.assert_allclose(scores[0], weights[4, expected], rtol=1e-6)
    assert (positions < 20).all(), "items of the other taste are not similar"


def test_no_positions_give_no_rows(tastes):
    positions, scores = by_score(create("ease").fit(tastes), np.array([], dtype=np.int64), 3)
    assert positions.shape == scores.shape == (0, 3)
