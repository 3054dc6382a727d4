"""Exact top-k against a full sort, above all where scores are equal."""

from __future__ import annotations

import time

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from recae.errors import ConfigError, RecaeError
from recae.ranking import groups, topk
from recae.ranking.topk import top_k


def sorted_lists(scores: np.ndarray, k: int) -> np.ndarray:
    """The reference: a full stable sort by score, positions as they stand, -inf left out."""
    positions = np.broadcast_to(np.arange(scores.shape[1]), scores.shape)
    order = np.lexsort((positions, -scores), axis=1)[:, :k]
    listed = np.where(np.take_along_axis(scores, order, axis=1) > -np.inf, order, -1)
    return np.pad(listed, ((0, 0), (0, k - listed.shape[1])), constant_values=-1)


few_values = st.sampled_from([-np.inf, -1.5, -0.0, 0.0, 1.0, 1.0000001, 3e38])
tied_blocks = hnp.arrays(
    st.sampled_from([np.float32, np.float64]),
    hnp.array_shapes(min_dims=2, max_dims=2, min_side=0, max_side=30),
    elements=few_values.map(lambda x: float(np.float32(x))),
    fill=st.just(0.0),
)


@settings(deadline=None, max_examples=300)
@given(
    tied_blocks,
    st.integers(1, 40),
    st.integers(1, 12),
    st.sampled_from([(0, 1), (groups.WIDE, 1), (groups.WIDE, groups.HITS_BYTES)]),
)
def test_agrees_with_a_full_sort_whatever_the_ties(
    scores: np.ndarray, k: int, columns: int, looks: tuple[int, int]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(groups, "WIDE", looks[0])
        patch.setattr(groups, "HITS_BYTES", looks[1])
        patch.setattr(topk, "TIE_COLUMNS", columns)
        lists = top_k(scores, k)
    expected = sorted_lists(scores, k)
    assert lists.items.tolist() == expected.tolist()
    listed = expected >= 0
    rows, _ = np.nonzero(listed)
    np.testing.assert_array_equal(lists.scores[listed], scores[rows, expected[listed]].astype(np.float32))
    assert np.isnan(lists.scores[~listed]).all()


@pytest.mark.parametrize("k", [1, 10, 64, 65, 500, 1999, 2000, 2001])
@pytest.mark.parametrize("levels", [1, 3, 50, 100_000])
def test_agrees_with_a_full_sort_on_larger_blocks(k: int, levels: int) -> None:
    random = np.random.default_rng(k * levels)
    scores = random.integers(0, levels, size=(37, 2000)).astype(np.float32)
    scores[random.random(scores.shape) < 0.1] = -np.inf
    scores[3] = -np.inf
    assert top_k(scores, k).items.tolist() == sorted_lists(scores, k).tolist()


def test_ties_stand_in_the_order_of_position() -> None:
    lists = top_k(np.array([[1, 2, 2, 2, 1]], dtype=np.float32), 2)
    assert lists.items.tolist() == [[1, 2]]
    assert lists.scores.tolist() == [[2, 2]]


def test_a_tie_across_the_end_of_the_list_goes_to_the_first_positions() -> None:
    scores = np.zeros((2, 20_000), dtype=np.float32)
    scores[0, 19_999] = 1
    scores[1, [9_000, 15_000]] = 2
    scores[1, :8_999] = -1
    assert top_k(scores, 4).items.tolist() == [[19_999, 0, 1, 2], [9_000, 15_000, 8_999, 9_001]]


def test_short_lists_end_with_padding() -> None:
    lists = top_k(np.array([[-np.inf, 5.0, -np.inf], [-np.inf] * 3]), 4)
    assert lists.items.tolist() == [[1, -1, -1, -1], [-1, -1, -1, -1]]
    np.testing.assert_array_equal(lists.scores, [[5.0] + [np.nan] * 3, [np.nan] * 4])
    assert lists.lengths().tolist() == [1, 0]


@pytest.mark.parametrize("shape", [(0, 5), (3, 0), (0, 0)])
def test_nothing_to_rank(shape: tuple[int, int]) -> None:
    lists = top_k(np.zeros(shape, dtype=np.float32), 2)
    assert lists.items.shape == (shape[0], 2)
    assert (lists.items == -1).all()


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("k", [1, 3])
def test_scores_that_cannot_be_ranked_are_refused_by_row(bad: float, k: int) -> None:
    scores = np.zeros((5, 3), dtype=np.float32)
    scores[2, 1] = bad
    with pytest.raises(RecaeError, match=r"row 12 \(1 of 5 rows in this block\)"):
        top_k(scores, k, first_row=10)


def test_a_list_needs_a_place() -> None:
    with pytest.raises(ConfigError, match="top 0"):
        top_k(np.zeros((1, 1)), 0)


def test_scores_are_left_alone_and_any_layout_will_do() -> None:
    scores = np.random.default_rng(0).integers(0, 4, size=(6, 50)).astype(np.float32)
    expected = sorted_lists(scores, 7).tolist()
    frozen = scores.copy()
    frozen.setflags(write=False)
    layouts = [scores, frozen, np.asfortranarray(scores), scores[:, ::-1][:, ::-1], scores.astype(int)]
    layouts += [torch.from_numpy(scores), torch.from_numpy(scores).bfloat16(), torch.from_numpy(scores).double()]
    for layout in layouts:
        assert top_k(layout, 7).items.tolist() == expected
    np.testing.assert_array_equal(scores, frozen)


def test_the_answer_does_not_depend_on_threads() -> None:
    scores = np.random.default_rng(1).integers(0, 20, size=(300, 3000)).astype(np.float32)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        one = top_k(scores, 50)
    finally:
        torch.set_num_threads(before)
    assert top_k(scores, 50).items.tolist() == one.items.tolist()


@pytest.mark.parametrize("kind", ["constant", "popularity"])
def test_ties_everywhere_do_not_make_ranking_slow(kind: str) -> None:
    """Rows full of equal scores may cost a few more passes over the block, not a Python loop over rows."""
    random = np.random.default_rng(2)
    distinct = random.standard_normal((1000, 5000), dtype=np.float32)
    row = np.zeros(5000) if kind == "constant" else np.floor(random.exponential(3, 5000))
    tied = np.repeat(row[None, :].astype(np.float32), 1000, axis=0)
    assert _seconds(tied) < 0.3 + 10 * _seconds(distinct)


def _seconds(scores: np.ndarray) -> float:
    times = []
    for _ in range(3):
        started = time.process_time()
        top_k(scores, 100)
        times.append(time.process_time() - started)
    return min(times)
