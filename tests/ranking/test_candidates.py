"""Candidates by way of groups, and the bounds by which they are chosen: none is missed, and few are too many."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from recae.ranking import groups
from recae.ranking.groups import LIMIT, group_count, kth_greatest, maxima, minima, reaching, reaching_in_groups
from recae.ranking.order import ordered_bits, settle
from recae.ranking.rounding import HUGE, Norms, error_bounds, least_score, still_possible
from recae.ranking.topk import top_k


def test_there_are_some_groups_for_each_place() -> None:
    assert group_count(10_000, 100) == 400
    assert group_count(10_001, 100) == 401
    assert group_count(3, 100) == 3
    assert group_count(0, 5) == 1
    assert group_count(200_000, 100) == 400
    assert group_count(1_000_000, 100) == 10_000


@pytest.mark.parametrize(("n_items", "n_groups"), [(12, 4), (13, 4), (15, 4), (7, 7), (9, 1), (5, 3)])
def test_extremes_of_groups(n_items: int, n_groups: int) -> None:
    block = np.random.default_rng(n_items).standard_normal((6, n_items), dtype=np.float32)
    block[2, n_items - 1] = np.nan
    for found, of in ((maxima, np.max), (minima, np.min)):
        expected = np.stack([of(block[:, group::n_groups], axis=1) for group in range(n_groups)], axis=1)
        np.testing.assert_array_equal(found(torch.from_numpy(block.copy()), n_groups), expected)


def test_the_kth_greatest() -> None:
    values = np.array([[3, 1, 2], [5, 5, 4]])
    assert [kth_greatest(values, k).tolist() for k in (1, 2, 3)] == [[3, 5], [2, 5], [1, 4]]
    assert kth_greatest(values, 4) is None


@pytest.mark.parametrize("hits", [1, 3000, 2**20])
@pytest.mark.parametrize("n_items", [993, 1000])
@pytest.mark.parametrize("turned", [False, True])
def test_all_that_reach_the_bound_are_found_but_in_crowded_rows(
    hits: int, n_items: int, turned: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(groups, "HITS_BYTES", hits)
    random, k = np.random.default_rng(n_items), 2
    block = random.integers(0, 100, (8, n_items)).astype(np.float32)
    least = np.array([0, 99, 98, 97, 101, 99, 95, 50], dtype=np.float32)
    block[5] = 0
    block[5, [3, n_items - 1]] = 99, 100
    order = (lambda values: -values) if turned else None
    row, item, crowded = reaching(-block if turned else block, least, k, order)
    reached = block >= least[:, None]
    assert crowded.tolist() == (reached.sum(axis=1) > LIMIT * k + 64).tolist()
    reached[crowded] = False
    assert (np.diff(row) >= 0).all()
    assert list(zip(row.tolist(), item.tolist(), strict=True)) == list(zip(*np.nonzero(reached), strict=True))


def test_as_many_as_the_limit_are_no_crowd() -> None:
    block = np.zeros((2, 200), dtype=np.float32)
    most = LIMIT * 3 + 64
    block[0, 100 : 100 + most], block[1, : most + 1] = 1, 1
    _, item, crowded = reaching(block, np.ones(2, dtype=np.float32), 3)
    assert crowded.tolist() == [False, True]
    assert item.tolist() == list(range(100, 100 + most))
    for rows in (0, 3):
        nothing = reaching(np.zeros((rows, 5), dtype=np.float32), np.ones(rows, dtype=np.float32), 1)
        assert [len(part) for part in nothing] == [0, 0, rows]
        assert nothing[0].dtype == nothing[1].dtype == np.int64


@pytest.mark.parametrize("more", [-1, 0, 1, 2, 3, 60])
def test_rows_of_about_as_many_as_the_limit_far_apart(more: int) -> None:
    """Eight columns apart, so that each of them is in a word of its own."""
    most = LIMIT + 64
    block = np.zeros((5, 8 * (most + 70)), dtype=np.float32)
    block[:3, 5::8][:, : most + more] = 1
    block[3, ::8] = 1
    block[4, 7] = 1
    row, item, crowded = reaching(block, np.ones(5, dtype=np.float32), 1)
    assert crowded.tolist() == [more > 0] * 3 + [True, False]
    assert row.tolist() == ([] if more > 0 else np.repeat(np.arange(3), most + more).tolist()) + [4]
    assert item.tolist() == ([] if more > 0 else list(range(5, 8 * (most + more), 8)) * 3) + [7]
    assert top_k(block, 1).items.tolist() == [[5], [5], [5], [0], [7]]


@pytest.mark.parametrize("n_items", [990, 991, 993])
@pytest.mark.parametrize("turned", [False, True])
def test_groups_tell_where_all_are_that_reach_the_bound(n_items: int, turned: bool) -> None:
    random, k, n_groups = np.random.default_rng(n_items), 2, 330
    block = random.integers(0, 100, (7, n_items)).astype(np.float32)
    least = np.array([0, 98, 99, 101, 100, 100, 101], dtype=np.float32)
    block[1, n_items - 1] = 98
    block[4, : LIMIT * k + 64] = block[5, : LIMIT * k + 65] = 100
    greatest = maxima(torch.from_numpy(block.copy()), n_groups)
    order = (lambda values: -values) if turned else None
    row, item, crowded = reaching_in_groups(-block if turned else block, greatest, least, k, order)
    assert crowded.tolist() == [True, False, False, False, False, True, False]
    reached = block >= least[:, None]
    reached[crowded] = False
    assert (np.diff(row) >= 0).all()
    assert sorted(zip(row.tolist(), item.tolist(), strict=True)) == list(zip(*np.nonzero(reached), strict=True))


def test_bits_in_order() -> None:
    floats = np.array([-np.inf, -3e38, -1.5, -1e-40, 0.0, 1e-40, 1, 1.5, np.inf], dtype=np.float32)
    for bits in (floats.view(np.int32), torch.from_numpy(floats).bfloat16().view(torch.int16).numpy()):
        ordered = ordered_bits(bits)
        assert (np.diff(ordered.astype(np.int64)) >= 0).all()
        np.testing.assert_array_equal(ordered_bits(ordered), bits)


def test_candidates_are_settled_by_score_and_then_by_position() -> None:
    row = np.array([0, 0, 0, 0, 2, 2])
    item = np.array([9, 4, 2**31, 7, 1, 0])
    score = np.array([1, -0.0, 0.0, 1, -2, -1e-30], dtype=np.float32)
    lists = settle(row, item, score, 3, 3)
    assert lists.items.tolist() == [[7, 9, 4], [-1, -1, -1], [0, 1, -1]]
    np.testing.assert_array_equal(
        lists.scores, np.array([[1, 1, 0], [np.nan] * 3, [-1e-30, -2, np.nan]], dtype=np.float32)
    )
    assert settle(row[:0], item[:0], score[:0], 2, 2).items.tolist() == [[-1, -1]] * 2
    assert settle(row, item, score, 3, 5).items[0].tolist() == [7, 9, 4, 2**31, -1]


@pytest.mark.parametrize("half_unit", [0.0, 2.0**-8])
def test_below_the_least_score_nothing_can_be_listed_and_little_above_it_something_can(half_unit: float) -> None:
    random = np.random.default_rng(1)
    size = 10.0 ** random.integers(-6, 6, 2000)
    kth = (random.standard_normal(2000) * size).astype(np.float32)
    bounds = random.random(2000) * size * 0.1
    least = least_score(kth, bounds, half_unit).astype(np.float64)
    of_kth = kth - bounds - half_unit * np.abs(kth)
    at_most = least + bounds + half_unit * np.abs(least)
    assert (at_most <= of_kth).all()
    np.testing.assert_allclose(at_most, of_kth, rtol=0, atol=1e-6 * (np.abs(kth) + bounds).max())
    assert ((of_kth - at_most) <= 1e-6 * (np.abs(kth) + bounds)).all()
    assert least_score(np.array([-np.inf], dtype=np.float32), np.ones(1), half_unit).tolist() == [-np.inf]


@pytest.mark.parametrize("length", [1, 16, 700, 100_000])
def test_the_bound_on_errors_is_what_is_proven_and_little_more(length: int) -> None:
    random = np.random.default_rng(length)
    queries = Norms(random.random(50) * 9, random.random(50) / 50)
    gamma = length * 2.0**-24 / (1 - length * 2.0**-24)
    for own, lost in ((3.0, 0.01), (0.5, 0.0)):
        proven = queries.lost * own + queries.own * lost + 4 * gamma * queries.own * own
        found = error_bounds(queries, own, lost, length)
        assert (found >= proven).all()
        assert (found <= proven + 40 * 2.0**-24 * queries.own * own + 1e-30).all()
    nothing = Norms(np.array([0.0, 5.0]), np.zeros(2))
    small = error_bounds(nothing, 0.0, 0.0, length)
    assert (small >= 2 * length * 2.0**-126 * (1 + nothing.own)).all()
    assert (small <= 8 * length * 2.0**-126 * (1 + nothing.own)).all()
    assert error_bounds(Norms(np.zeros(1), np.zeros(1)), 5.0, 0.0, length)[0] >= 2 * length * 2.0**-126 * 6


def test_pairs_stay_possible_by_their_own_bounds() -> None:
    random, half_unit = np.random.default_rng(3), 2.0**-8
    kth = (random.standard_normal(3000) * 5).astype(np.float32)
    bounds = random.random(3000)
    least = least_score(kth, bounds, half_unit)
    scores = kth + (random.standard_normal(3000) * 0.8).astype(np.float32)
    errors = bounds * random.random(3000)
    of_kth = least.astype(float) + half_unit * np.abs(least) + bounds
    surplus = scores + half_unit * np.abs(scores) + errors - of_kth
    found = still_possible(scores, errors, least, bounds, half_unit)
    assert found[surplus >= 0].all()
    assert not found[surplus < -1e-9].any()
    assert 500 < found.sum() < 2500
    unknown = still_possible(np.array([-9.0]), np.array([np.nan]), np.zeros(1), np.zeros(1), half_unit)
    assert unknown.tolist() == [True]
    # As great as the k-th is enough, and where fewer than k may be listed anything is.
    one = np.ones(1)
    assert still_possible(2 * one, one, 2 * one, one, 0.0).tolist() == [True]
    assert still_possible(-9 * one, one, np.full(1, -np.inf), one, half_unit).tolist() == [True]


def test_beyond_huge_norms_nothing_is_promised() -> None:
    own = np.array([1.0, HUGE, HUGE / 2, np.inf, np.nan])
    queries = Norms(own, np.zeros(5))
    assert np.isnan(error_bounds(queries, 1.0, 0.0, 4)).tolist() == [False, True, False, True, True]
    for factor in (2.0, 4.0):
        assert np.isnan(error_bounds(queries, factor, 0.0, 4)).tolist() == [False, True, True, True, True]
    assert np.isnan(error_bounds(queries, 0.5, 0.0, 4)).tolist() == [False, True, False, True, True]
    assert np.isnan(error_bounds(Norms(np.array([1e200]), np.zeros(1)), 1e200, 0.0, 4)).all()
    assert np.isnan(error_bounds(Norms(np.zeros(1), np.zeros(1)), HUGE, 0.0, 4)).all()


@pytest.mark.parametrize("length", [1, 16, 700])
def test_norms_have_the_margins_that_are_proven_and_little_more(length: int) -> None:
    random = np.random.default_rng(length)
    vectors = torch.from_numpy(random.standard_normal((40, length)).astype(np.float32))
    vectors[0] = 0
    summed = torch.linalg.vector_norm(vectors, dim=1).double().numpy()
    same = Norms.of(vectors, vectors)
    assert not same.lost.any()
    assert (same.own >= summed * (1 + (length + 2) * 2.0**-23) + 2 * length**0.5 * 2.0**-63).all()
    assert (same.own <= summed * (1 + (length + 12) * 2.0**-23) + 2.5 * length**0.5 * 2.0**-63).all()
    narrow = vectors.bfloat16()
    rounded = Norms.of(vectors, narrow)
    for kept in (vectors, narrow):
        assert (rounded.own >= np.linalg.norm(kept.double().numpy(), axis=1)).all()
    assert (rounded.lost >= np.linalg.norm(vectors.double().numpy() - narrow.double().numpy(), axis=1)).all()
    assert (rounded.lost[1:] <= 2.0**-8 * rounded.own[1:]).all()
