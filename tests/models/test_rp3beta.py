from __future__ import annotations

import numpy as np
import pytest

from recae.models.neighbours import neighbour_model
from recae.models.registry import create


def walk(dense: np.ndarray, alpha: float, beta: float) -> np.ndarray:
    """(n_users, n_items): the definition, with dense transition matrices; the way back to the item itself left out."""
    to_items = (dense / dense.sum(axis=1, keepdims=True)) ** alpha
    to_users = (dense.T / dense.sum(axis=0)[:, None]) ** alpha
    last_two = to_users @ to_items
    np.fill_diagonal(last_two, 0)
    return to_items @ last_two / dense.sum(axis=0) ** beta


@pytest.mark.parametrize(("alpha", "beta"), [(1.0, 0.0), (1.0, 0.6), (0.5, 0.3), (2.0, 1.0)])
@pytest.mark.parametrize("bytes_per_block", [1, 1 << 20])
def test_scores_are_the_walk_of_three_steps(tastes, monkeypatch, alpha, beta, bytes_per_block):
    """The first step's probability is the same for all items of a history, and is left out of the scores."""
    monkeypatch.setattr(neighbour_model, "BLOCK_BYTES", bytes_per_block)
    dense = tastes.binary().toarray().astype(np.float64)
    model = create("rp3beta", alpha=alpha, beta=beta, neighbours=40).fit(tastes)
    first_step = dense.sum(axis=1, keepdims=True) ** -alpha
    np.testing.assert_allclose(model.score(tastes.matrix) * first_step, walk(dense, alpha, beta), rtol=1e-4)


def test_with_exponents_of_one_and_no_penalty_the_walk_is_a_probability(tastes):
    """What is missing to 1 is the way back to the item where the last two steps began."""
    dense = tastes.binary().toarray().astype(np.float64)
    to_users, to_items = dense.T / dense.sum(axis=0)[:, None], dense / dense.sum(axis=1, keepdims=True)
    back = np.diag(to_users @ to_items)
    one_item = create("rp3beta", alpha=1.0, beta=0.0, neighbours=40).fit(tastes)
    sums = one_item._similar.sum(axis=1)
    np.testing.assert_allclose(sums, 1 - back, rtol=1e-5)


def test_the_greatest_entries_after_the_penalty_are_kept(tastes):
    whole = create("rp3beta", neighbours=40).fit(tastes)._similar.toarray()
    kept = create("rp3beta", neighbours=3).fit(tastes)._similar.toarray()
    for row, complete in zip(kept, whole, strict=True):
        np.testing.assert_array_equal(np.flatnonzero(row), np.sort(np.argsort(-complete, kind="stable")[:3]))
        np.testing.assert_array_equal(row[row > 0], complete[row > 0])


def test_normalised_rows_sum_to_one_after_the_cut(tastes):
    model = create("rp3beta", neighbours=3, normalised=True).fit(tastes)
    np.testing.assert_allclose(model._similar.sum(axis=1), 1, rtol=1e-6)


def test_items_of_nobody_get_and_give_nothing(make_log):
    log = make_log([(1, "a"), (1, "b"), (2, "a"), (3, "c")])
    alone = log.keep(log.row_of_entry() != 2)
    scores = create("rp3beta", normalised=True).fit(alone).score(log.matrix)
    assert np.isfinite(scores).all()
    assert (scores[2] == 0).all()
    assert (scores[:, 2] == 0).all()


def test_beta_recommends_rarer_items(tastes):
    def mean_popularity(beta: float) -> float:
        top = np.argsort(-create("rp3beta", beta=beta).fit(tastes).score(tastes.matrix), axis=1)[:, :5]
        return float(tastes.item_counts()[top].mean())

    assert mean_popularity(0.0) > mean_popularity(0.5) > mean_popularity(1.0)
