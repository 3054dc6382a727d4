"""What metrics say of little: one item, one pair, no user, unsorted targets, items that nobody knows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import log2
from typing import Any

import numpy as np
import pytest
from scipy import sparse

from recae.data.ids import IdIndex
from recae.data.interactions import Columns
from recae.data.split import HeldOut
from recae.errors import DataError
from recae.evaluation.background import Background, genre_matrix
from recae.evaluation.disparity import by_history_length, group_means
from recae.evaluation.evaluate import evaluate, evaluate_lists
from recae.evaluation.exposure import entropy, exposures, gini, personalisation
from recae.evaluation.feature_metrics import miscalibration as miscalibration_of
from recae.evaluation.full_ranking import auc
from recae.evaluation.graded import unknown_grades
from recae.evaluation.judge import Judge
from recae.evaluation.listed import largest, listed_matrix, repeated, row_sums
from recae.evaluation.metrics import parse_metrics
from recae.evaluation.popularity_metrics import inverse_propensities, popularity_lift
from recae.evaluation.ranking_metrics import JudgedLists
from recae.ranking.lists import TopN


def test_an_item_that_one_list_has_is_shown_too() -> None:
    assert entropy(np.array([1, 1, 1, 1]), 4, 1) == pytest.approx(2)
    assert personalisation(np.array([2, 1, 1]), 2, 2) == pytest.approx(1 / 2)
    assert gini(np.array([0, 0, 1]), 1, 1) == pytest.approx(2 / 3)
    assert exposures(np.array([[3, 1], [-1, 0]]), 1, 3).tolist() == [0, 0, 0]


def held_out(history: list[list[float]], target: list[list[float]]) -> HeldOut:
    users = IdIndex.range(len(target))
    both = (sparse.csr_array(np.array(rows)) for rows in (history, target))
    return HeldOut(*both, users, np.zeros(len(target), dtype=int), Columns(value="rating", value_kind="rating"))


def test_histories_of_one_item_have_a_popularity() -> None:
    truth = held_out([[1, 0], [1, 0]], [[0, 1], [0, 1]])
    known = Background(item_counts=np.array([5, 2]), n_train_users=10)
    lists = TopN(np.ones((2, 1), dtype=int), np.zeros((2, 1)))
    found = evaluate_lists(lists, truth, ["popularity-lift@1"], background=known).overall
    assert found == {"popularity-lift@1": pytest.approx(0.2 / 0.5 - 1)}


def test_small_grades_and_targets_in_any_order_are_graded() -> None:
    truth = held_out([[0, 0]] * 2, [[0, 1]] * 2)
    data, items = np.array([0.25, 0.5, 0.125, 0.375, 1]), np.array([1, 3, 0, 2, 1])
    unsorted = sparse.csr_array((data, items, np.array([0, 1, 5])), shape=(2, 4))
    lists = TopN(np.array([[1, 0], [2, 0]]), np.zeros((2, 2)))
    truth = replace(truth, target=unsorted, history=sparse.csr_array((2, 4)))
    found = evaluate_lists(lists, truth, ["ndcg-graded@2"]).per_user["ndcg-graded@2"]
    assert found == pytest.approx([1, (0.375 + 0.125 / log2(3)) / (1 + 0.5 / log2(3))])


def test_a_lift_without_anything_to_compare_with_is_no_number() -> None:
    nobody, somebody = np.array([np.nan, 0.5]), np.array([0.5, np.nan])
    assert np.isnan(popularity_lift(nobody, somebody))
    assert np.isnan(popularity_lift(np.array([0.1]), np.array([0.0])))
    assert popularity_lift(np.array([0.1]), np.array([0.05])) == pytest.approx(1)


def test_propensities_of_data_without_users() -> None:
    assert inverse_propensities(np.array([0]), 0).tolist() == [1, 1]


def test_the_area_under_the_curve_of_few_pairs_and_of_scores_that_hardly_differ() -> None:
    target = sparse.csr_array(np.array([[0.0, 1.0]]))
    nothing = np.zeros(1, dtype=int)
    for scores, value in (([[1, 2]], 1), ([[2, 1]], 0), ([[1e-12, 2e-12]], 1), ([[-1e-12, -2e-12]], 0)):
        for dtype in (np.float32, np.float64):
            assert auc(np.array(scores, dtype=dtype), target, nothing, None).tolist() == [value]
    assert auc(np.zeros((0, 2), dtype=np.float32), target[:0], nothing[:0], None).shape == (0,)


def test_means_belong_to_their_groups() -> None:
    found = group_means(np.array([1.0, 3.0, 5.0]), np.array(["b", "a", "b"]))
    assert (found.groups.tolist(), found.means.tolist(), found.sizes.tolist()) == (["a", "b"], [3, 3], [1, 2])
    assert group_means(np.array([2.0]), np.array(["a"])).gap == 0
    for values, groups in ((np.zeros(0), np.zeros(0)), (np.zeros(2), np.zeros(3))):
        with pytest.raises(ValueError, match="groups for"):
            group_means(values, groups)


def test_histories_longer_than_the_median_are_long() -> None:
    history = sparse.csr_array(np.array([[1, 0, 0], [1, 1, 0], [0, 1, 1], [1, 1, 1]]))
    assert by_history_length(history).tolist() == ["short", "short", "short", "long"]


def without_outside(case: Any, values: list[list[float]], unknown: list[int]) -> HeldOut:
    """Targets with these grades, 0 for none, and so many others of which nothing is known."""
    target = sparse.csr_array(np.array(values))
    return replace(
        case.truth.select(np.arange(1, len(values) + 1)),
        history=sparse.csr_array(target.shape),
        target=target,
        unknown_targets=np.array(unknown),
        outside=None,
    )


def test_grades_of_unknown_items_are_the_highest_of_the_user_or_of_anybody(make_case: Callable[[int], Any]) -> None:
    case = make_case(1)
    values = [[0.5, 0, 1.5], [0, 0, 0], [4, 2, 0], [0, 1, 0]]
    found = unknown_grades(without_outside(case, values, [1, 2, 2, 0])).toarray()
    assert found.tolist() == [[1.5, 0], [4, 4], [4, 4], [0, 0]]
    nothing = unknown_grades(without_outside(case, [[0, 0]], [1])).toarray()
    assert nothing.tolist() == [[1]]
    negative = without_outside(case, [[-1, 2]], [0])
    with pytest.raises(DataError, match="grades of 0 or more"):
        unknown_grades(negative)


def test_the_largest_of_a_row_come_first_and_then_nothing() -> None:
    matrix = sparse.csr_array(np.array([[0, 3, 1, 2], [0, 0, 7, 0], [0, 0, 0, 0]], dtype=float))
    assert largest(matrix, 2).tolist() == [[3, 2], [7, 0], [0, 0]]
    assert largest(matrix, 9).shape == (3, 3)
    assert largest(matrix[2:], 2).shape == (1, 0)
    assert largest(matrix[:0], 2).shape == (0, 0)


def test_listed_items_become_a_row_with_the_weights_of_their_places() -> None:
    items, weights = np.array([[0, 3, -1, 2], [1, -1, -1, -1]]), np.array([[0.5, 2, 2, 7], [0, 1, 1, 1]])
    assert listed_matrix(items, 3, 3).toarray().tolist() == [[1, 0, 0], [0, 1, 0]]
    assert listed_matrix(items, 3, 3, weights).toarray().tolist() == [[0.5, 0, 0], [0, 0, 0]]


def test_values_are_repeated_in_the_first_columns_of_their_rows() -> None:
    assert repeated(np.array([2, 0, 1]), np.array([5, 6, 7])).toarray().tolist() == [[5, 5], [0, 0], [7, 0]]
    assert repeated(np.array([0, 0]), np.array([5, 6])).shape == (2, 0)
    assert repeated(np.zeros(0, dtype=int), np.zeros(0)).shape == (0, 0)


def test_genres_are_columns_in_the_order_of_their_names() -> None:
    matrix, names = genre_matrix([["War", "Drama", "War"], None, [], ["Comedy"]])
    assert names == ["Comedy", "Drama", "War"]
    assert matrix.toarray().tolist() == [[0, 1, 1], [0, 0, 0], [0, 0, 0], [1, 0, 0]]
    assert genre_matrix([None, []])[0].shape == (2, 0)


def test_genres_are_shares_of_their_weights() -> None:
    weights = sparse.csr_array((np.array([2.0, 1, 0]), np.array([0, 2, 1]), np.array([0, 2, 3, 3])), shape=(3, 4))
    known = Background(genres=weights)
    assert known.genre_shares.toarray().tolist() == [[2 / 3, 0, 1 / 3, 0], [0] * 4, [0] * 4]
    np.testing.assert_allclose(known.unit_vectors.toarray()[0], [2 / 5**0.5, 0, 1 / 5**0.5, 0])


def test_lists_that_are_all_alike_are_at_no_distance_and_never_below() -> None:
    random = np.random.default_rng(5)
    truth, lists = (
        held_out([[1, 1, 0, 0]] * 3, [[0, 0, 1, 0]] * 3),
        TopN(np.tile([0, 1, 2], (3, 1)), np.zeros((3, 3))),
    )
    for _ in range(30):
        one = random.random(13)
        known = Background(vectors=np.tile(one, (4, 1)), genres=sparse.csr_array(np.tile(one, (4, 1))))
        found = evaluate_lists(lists, truth, ["ild@3", "miscalibration@3"], background=known).per_user
        for values in found.values():
            assert (values >= 0).all()
            assert (values < 1e-12).all()


def test_one_listed_item_is_as_far_as_it_is() -> None:
    truth, lists = held_out([[1, 0, 0]], [[0, 0, 1]]), TopN(np.array([[1, -1]]), np.zeros((1, 2)))
    known = Background(vectors=np.eye(3))
    found = evaluate_lists(lists, truth, ["ild@2", "unexpectedness@2"], background=known).means()
    assert found == {"ild@2": 0, "unexpectedness@2": 1}


def test_lists_are_as_deep_as_the_metrics_need() -> None:
    truth = held_out([[0] * 4] * 2, [[1, 1, 1, 0], [0, 1, 0, 0]])
    for names, depth in ((["auc"], 0), (["auc", "hit@2"], 2), (["rprecision"], 3), (["hit@9", "rprecision"], 9)):
        assert Judge(parse_metrics(names), truth).depth == depth
    scores = np.array([[1, 2, 3, 4], [4, 3, 2, 1]])

    class Model:
        items = IdIndex.range(4)

        def score(self, histories: sparse.csr_array, users: IdIndex | None = None) -> np.ndarray:
            return scores.astype(np.float32)

    found = evaluate(Model(), truth, ["rprecision"]).per_user["rprecision"]
    assert found.tolist() == [2 / 3, 0]


def test_nobody_has_no_values() -> None:
    nothing = JudgedLists(np.zeros((0, 2), dtype=int), np.zeros((0, 2), dtype=bool), np.zeros(0, dtype=int))
    genres = sparse.csr_array((4, 3))
    assert miscalibration_of(nothing, genres, sparse.csr_array((0, 4)), 2).shape == (0,)


def test_counts_are_taken_whole_and_where_there_are_none() -> None:
    counts, own = np.array([1, 2]), Background(item_counts=np.array([3, 4]), n_train_users=5)
    assert own.with_counts(counts, 9) is own
    nothing = Background()
    assert nothing.with_counts(counts, None) is nothing
    assert nothing.with_counts(None, 9) is nothing
    assert nothing.with_counts(counts, 10).popularity.tolist() == [0.1, 0.2]


def test_rows_are_added_up_in_double_precision() -> None:
    values = np.array([[1e8] + [1.0] * 9], dtype=np.float32)
    assert row_sums(values).tolist() == [1e8 + 9]
    assert row_sums(values[:, :0]).tolist() == [0]


def test_what_is_known_of_items_is_checked() -> None:
    assert Background(item_counts=np.array([1, 0]), n_train_users=1).popularity.tolist() == [1, 0]
    assert Background(item_counts=np.array([1, 2])).popularity is None
    assert Background(n_train_users=4).popularity is None
    assert Background(item_counts=np.array([1, 2]), n_train_users=4).popularity.tolist() == [0.25, 0.5]
    for name in ("item_counts", "user_groups"):
        with pytest.raises(ValueError, match=f"{name} must have 1 dimension, not 2"):
            Background(**{name: np.ones((2, 2))})
