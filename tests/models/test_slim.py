"""SLIM: every column is the elastic net that an independent solver finds."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse
from sklearn.linear_model import ElasticNet

from recae.errors import CapacityError, ConfigError
from recae.models.linear.elastic_net import non_negative, solve_columns
from recae.models.linear.gram_model import weigh_users
from recae.models.registry import create
from recae.options import RunOptions


def likes(n_users: int = 300, n_items: int = 90) -> np.ndarray:
    """Correlated columns; one item twice, one without users, one that everybody has."""
    rng = np.random.default_rng(0)
    appeal = rng.random((n_users, 4)) @ rng.random((4, n_items))
    dense = (rng.random((n_users, n_items)) < 0.6 * appeal / appeal.max()).astype(np.float64)
    dense[:, 7], dense[:, 9], dense[:, 10] = dense[:, 8], 0, 1
    return dense


def reference(dense: np.ndarray, column: int, l1: float, l2: float) -> np.ndarray:
    """scikit-learn minimises 1 / (2 n) |y - X w|^2 + a r |w|_1 + a (1 - r) / 2 |w|^2."""
    others = dense.copy()
    others[:, column] = 0
    net = ElasticNet(
        alpha=(l1 + l2) / len(dense), l1_ratio=l1 / (l1 + l2), positive=True, fit_intercept=False, tol=1e-10
    )
    found: np.ndarray = net.set_params(max_iter=20_000).fit(others, dense[:, column]).coef_
    return found


def solved(dense: np.ndarray, l1: float, l2: float) -> np.ndarray:
    gram = torch.from_numpy((dense.T @ dense).astype(np.float32))
    found: np.ndarray = solve_columns(gram, l1, l2).toarray()
    return found


@pytest.mark.parametrize(("l1", "l2"), [(1.0, 5.0), (10.0, 100.0), (0.5, 30.0)])
def test_columns_are_those_of_scikit_learn(l1, l2):
    dense = likes()
    ours = solved(dense, l1, l2)
    for column in (0, 7, 10, 33, 89):
        np.testing.assert_allclose(ours[:, column], reference(dense, column, l1, l2), atol=1e-5)


@pytest.mark.parametrize(("l1", "l2"), [(0.0, 1e-2), (0.0, 50.0), (3.0, 1.0), (40.0, 200.0)])
def test_no_item_would_gain_by_another_weight(l1, l2):
    """The conditions of Karush, Kuhn and Tucker, also where columns are the same or there is no l1."""
    dense = likes()
    gram, ours = dense.T @ dense, solved(dense, l1, l2).astype(np.float64)
    pull = gram - l1 - gram @ ours - l2 * ours
    np.fill_diagonal(pull, -1)
    assert (ours >= 0).all()
    assert (np.diag(ours) == 0).all()
    assert np.abs(pull[ours > 0]).max() < 1e-2
    assert pull[ours == 0].max() < 1e-2


def test_an_l1_above_every_co_occurrence_leaves_nothing():
    dense = likes()
    assert solved(dense, float((dense.T @ dense).max()) + 1, 1.0).sum() == 0


def test_items_that_share_no_more_users_than_l1_have_no_weight():
    dense = likes()
    ours = solved(dense, 12.0, 5.0)
    assert (ours[dense.T @ dense <= 12] == 0).all()
    assert (ours > 0).any()


def test_columns_do_not_depend_on_the_block_they_are_solved_in(monkeypatch):
    dense = likes(n_items=40)
    whole = solved(dense, 2.0, 10.0)
    monkeypatch.setattr("recae.models.linear.elastic_net.BLOCK_COLUMNS", 11)
    monkeypatch.setattr("recae.models.linear.elastic_net._FIRST", 3)
    monkeypatch.setattr("recae.models.linear.elastic_net._BATCH_NUMBERS", 50)
    np.testing.assert_allclose(solved(dense, 2.0, 10.0), whole, atol=1e-5)


def test_small_problems_are_solved_exactly_wherever_they_start():
    rng = np.random.default_rng(1)
    roots = torch.from_numpy(rng.normal(size=(40, 20, 12)))
    squares = roots.mT @ roots + 0.01 * torch.eye(12, dtype=torch.float64)
    wish = torch.from_numpy(rng.normal(size=(40, 12)))
    allowed = torch.from_numpy(rng.random((40, 12)) < 0.9)
    for start in (torch.zeros(40, 12, dtype=torch.bool), allowed, torch.from_numpy(rng.random((40, 12)) < 0.5)):
        found = non_negative(squares, wish, allowed, start)
        pull = wish - (squares @ found[:, :, None]).squeeze(2)
        assert (found >= 0).all()
        assert (found[~allowed] == 0).all()
        assert pull[found > 0].abs().max() < 1e-8
        assert pull[allowed & (found == 0)].max() < 1e-8


def test_weights_are_the_elastic_nets_of_the_binary_log(tastes):
    model = create("slim", l1=1.0, l2=20.0).fit(tastes)
    binary = tastes.binary().toarray().astype(np.float64)
    weights = solved(binary, 1.0, 20.0)
    np.testing.assert_allclose(model.score(tastes.matrix), binary @ weights, atol=1e-4)


def test_powers_weigh_users_and_items(tastes):
    model = create("slim", l1=0.2, l2=3.0, user_power=0.5, item_power=0.3).fit(tastes)
    binary = tastes.binary().toarray().astype(np.float64)
    counts, weigh = binary.sum(axis=0) ** 0.3, weigh_users(tastes.binary(), 0.5).toarray().astype(np.float64)
    weights = solved(weigh, 0.2, 3.0) * counts[:, None] / counts
    np.testing.assert_allclose(model.score(tastes.matrix), binary @ weights, atol=1e-4)


def test_it_refuses_before_it_takes_memory_that_is_not_there(tastes):
    with pytest.raises(CapacityError, match=r"slim on 40 items would take .*: drop rare items"):
        create("slim").fit(tastes, options=RunOptions(max_memory=1000))


@pytest.mark.parametrize("bad", [{"l1": -1}, {"l2": 0}, {"l1": "nan"}])
def test_impossible_penalties_are_refused(bad):
    with pytest.raises(ConfigError, match=next(iter(bad))):
        create("slim", **bad)


def test_damaged_weights_are_refused(tastes):
    model = create("slim", l1=1.0, l2=20.0).fit(tastes)
    weights = model.weights()
    for name, value in (("columns", weights["columns"] + 40), ("starts", weights["starts"][::-1].copy())):
        with pytest.raises(ValueError, match=r"column|divide"):
            model._restore(weights | {name: value})


def test_kept_weights_are_few():
    dense = likes()
    kept = solve_columns(torch.from_numpy((dense.T @ dense).astype(np.float32)), 20.0, 50.0)
    assert isinstance(kept, sparse.csr_array)
    assert 0 < kept.nnz < 0.3 * 90 * 90
    assert (kept.data > 0).all()
