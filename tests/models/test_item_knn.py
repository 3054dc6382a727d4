from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.feature_extraction.text import TfidfTransformer
from sklearn.metrics.pairwise import cosine_similarity

from recae.models.neighbours import neighbour_model
from recae.models.neighbours.item_knn import division, weigh
from recae.models.neighbours.neighbour_model import nearest
from recae.models.registry import create


class Unheard:
    def advance(self, amount: int = 1, note: str = "") -> None:
        pass


def reference(weighted: np.ndarray, neighbours: int) -> np.ndarray:
    similar = cosine_similarity(weighted.T)
    np.fill_diagonal(similar, 0)
    for row in similar:
        row[np.argsort(-row, kind="stable")[neighbours:]] = 0
    return similar


@pytest.mark.parametrize("neighbours", [1, 5, 1000])
@pytest.mark.parametrize("bytes_per_block", [1, 1000, 1 << 20])
def test_neighbours_are_those_of_scikit_learn_whatever_the_blocks(tastes, monkeypatch, neighbours, bytes_per_block):
    monkeypatch.setattr(neighbour_model, "BLOCK_BYTES", bytes_per_block)
    weighted = weigh(tastes.binary(), "cosine")
    by_item = weighted.T.tocsr()
    similar = nearest(by_item, weighted, neighbours, Unheard(), division(by_item, "cosine", 0.0, 0.5))
    np.testing.assert_allclose(similar.toarray(), reference(weighted.toarray(), neighbours), atol=1e-6)


def test_a_score_sums_the_similarities_to_the_history_among_the_items_own_neighbours(tastes):
    model = create("item-knn", neighbours=5).fit(tastes)
    similar = reference(weigh(tastes.binary(), "cosine").toarray(), 5)
    binary = tastes.binary()[:9]
    np.testing.assert_allclose(model.score(binary), binary.toarray() @ similar.T, atol=1e-5)
    np.testing.assert_array_equal(model.score(tastes.matrix[:9]), model.score(binary))


def test_cosine_scales_users_to_unit_length(tastes):
    lengths = np.linalg.norm(weigh(tastes.binary(), "cosine").toarray(), axis=1)
    np.testing.assert_allclose(lengths, 1, rtol=1e-6)


def test_tf_idf_ranks_users_as_scikit_learn_does(tastes):
    """Its formula differs by constants (log(N / df) + 1), so weights are compared by order."""
    ours = weigh(tastes.binary(), "tf-idf").max(axis=1).toarray().ravel()
    theirs = TfidfTransformer(norm=None, smooth_idf=False).fit(tastes.binary().T).idf_
    np.testing.assert_array_equal(np.argsort(ours, kind="stable"), np.argsort(theirs, kind="stable"))


def test_bm25_is_the_okapi_formula(tastes):
    binary = tastes.binary()
    dense = binary.toarray()
    n_users_of = dense.sum(axis=0)
    frequency = 2.2 * dense / (dense + 1.2 * (0.25 + 0.75 * n_users_of / n_users_of.mean()))
    expected = frequency * np.log1p(dense.shape[1] / dense.sum(axis=1))[:, None]
    np.testing.assert_allclose(weigh(binary, "bm25").toarray(), expected, rtol=1e-5)


@pytest.mark.parametrize("asymmetry", [0.0, 0.3, 1.0])
def test_asymmetric_similarity_divides_by_powers_of_both_items_users(tastes, asymmetry):
    model = create("item-knn", similarity="asymmetric", asymmetry=asymmetry, neighbours=40).fit(tastes)
    dense = tastes.binary().toarray()
    n_users_of = dense.sum(axis=0)
    shared = dense.T @ dense
    np.fill_diagonal(shared, 0)
    scored_first = shared / np.outer(n_users_of**asymmetry, n_users_of ** (1 - asymmetry))
    np.testing.assert_allclose(model.score(tastes.matrix[:9]), dense[:9] @ scored_first.T, rtol=1e-4)


def test_more_asymmetry_recommends_less_popular_items(tastes):
    def mean_popularity(asymmetry: float) -> float:
        model = create("item-knn", similarity="asymmetric", asymmetry=asymmetry).fit(tastes)
        top = np.argsort(-model.score(tastes.matrix), axis=1)[:, :5]
        return float(tastes.item_counts()[top].mean())

    assert mean_popularity(0.0) > mean_popularity(0.5) > mean_popularity(1.0)


def test_shrinkage_prefers_similarities_that_rest_on_many_users(make_log):
    # a and b share one of one user; c and d share 9 of 10.
    rows = [(0, "a"), (0, "b")] + [(user, item) for user in range(1, 10) for item in "cd"] + [(10, "c"), (11, "d")]
    log = make_log(rows)
    a, b, c, d = range(4)

    def similarity(shrinkage: float) -> np.ndarray:
        return create("item-knn", shrinkage=shrinkage).fit(log).score(sparse.csr_array(np.eye(4, dtype=np.float32)))

    assert similarity(0.0)[a, b] > similarity(0.0)[c, d]
    assert similarity(5.0)[a, b] < similarity(5.0)[c, d]


def test_an_item_that_shares_no_user_has_no_similar_items(make_log):
    model = create("item-knn").fit(make_log([(1, "a"), (1, "b"), (2, "c")]))
    positions, similarities = model.similar_items(np.array([0, 2]), 2)
    assert positions.tolist() == [[1, -1], [-1, -1]]
    assert similarities[0, 0] == pytest.approx(1)
    assert np.isnan(similarities[1]).all()


def test_weights_that_point_outside_the_items_are_refused(tastes):
    model = create("item-knn", neighbours=3).fit(tastes)
    weights = model.weights()
    for name, spoiled in (
        ("neighbours", weights["neighbours"] + 40),
        ("starts", weights["starts"][::-1].copy()),
        ("similarities", weights["similarities"][:-1]),
    ):
        with pytest.raises(ValueError, match=r"neighbour|starts|similarities"):
            model._restore(weights | {name: spoiled})
