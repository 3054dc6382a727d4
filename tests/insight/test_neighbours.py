"""Which items are asked about, and which models have an answer."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from recae.insight.neighbours import AMONG, NEIGHBOURS, OF_THE_TAIL, WELL_KNOWN, items_to_ask, neighbours
from recae.models.registry import create


def test_well_known_items_are_popular_and_unlike_and_the_tail_is_rare(sample):
    counts = sample.item_counts()
    asked = items_to_ask(sample.matrix, counts)
    rank = np.argsort(np.argsort(-counts, kind="stable"))[asked]
    assert len(asked) == WELL_KNOWN + OF_THE_TAIL
    assert rank[0] == 0
    assert (rank[:WELL_KNOWN] < AMONG).all()
    assert (rank[WELL_KNOWN:] > sample.n_items / 3).all()
    assert (counts[asked] >= 5).all()


def test_well_known_items_come_from_both_tastes(tastes):
    asked = items_to_ask(tastes.matrix, tastes.item_counts())[:WELL_KNOWN]
    assert {item < 20 for item in asked.tolist()} == {True, False}


@given(st.integers(0, 9), st.integers(0, 8), st.integers(0, 99))
def test_any_log_has_distinct_items_to_ask(n_users, n_items, seed):
    matrix = sparse.csr_array(np.random.default_rng(seed).random((n_users, n_items)) < 0.4, dtype=np.float32)
    counts = np.bincount(matrix.indices, minlength=n_items).astype(np.int64)
    asked = items_to_ask(matrix, counts)
    assert len(set(asked.tolist())) == len(asked) <= WELL_KNOWN + OF_THE_TAIL
    assert (counts[asked] > 0).all()
    assert len(asked) or not counts.any()


def test_a_model_gives_the_items_most_similar(tastes):
    model = create("ease").fit(tastes)
    found = neighbours(model, np.array([0, 25]))
    assert found == model.similar_items(np.array([0, 25]), NEIGHBOURS)[0].tolist()
    assert all(item < 20 for item in found[0])


def test_a_model_that_lists_the_same_beside_every_item_has_no_answer(tastes):
    assert neighbours(create("popularity").fit(tastes), np.array([0, 25, 7])) == []
    assert neighbours(create("ease").fit(tastes), np.array([], dtype=np.int64)) == []
