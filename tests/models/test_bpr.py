from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse

from recae.data.ids import IdIndex
from recae.errors import DataError
from recae.models.registry import create


@pytest.fixture(scope="module")
def model(tastes):
    return create("bpr", factors=8, epochs=100).fit(tastes)


def test_scores_are_those_of_the_named_users(model, tastes):
    wanted = IdIndex.of(["u005", "u000"])
    scores = model.score(tastes.matrix[[5, 0]], wanted)
    weights = model.weights()
    np.testing.assert_allclose(scores, weights["user_factors"][[5, 0]] @ weights["item_factors"].T, rtol=1e-5)


def test_items_of_the_own_taste_stand_above_the_others(model, tastes):
    scores = model.score(tastes.matrix, tastes.users)
    own = np.where(np.arange(120) % 2 == 0, scores[:, :20].mean(axis=1), scores[:, 20:].mean(axis=1))
    other = np.where(np.arange(120) % 2 == 0, scores[:, 20:].mean(axis=1), scores[:, :20].mean(axis=1))
    assert (own > other).all()


def test_strangers_are_refused_with_the_first_of_them_named(model):
    with pytest.raises(DataError, match=r"cannot score 2 users .* \(the first is 'x'\); use an inductive model"):
        model.score(sparse.csr_array((3, 40), dtype=np.float32), IdIndex.of(["u001", "x", "y"]))


def test_rows_without_names_are_refused(model):
    with pytest.raises(DataError, match="knows users only by id"):
        model.score(sparse.csr_array((3, 40), dtype=np.float32))


def test_the_users_own_column_is_constant_against_the_items_bias(model):
    np.testing.assert_array_equal(model.weights()["user_factors"][:, -1], 1)
    assert model.item_vectors().shape == (40, 8)
