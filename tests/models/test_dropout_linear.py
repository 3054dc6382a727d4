"""EDLAE, RDLAE, DLAE and DEQL against their losses, solved column by column and by simulated dropout."""

from __future__ import annotations

import numpy as np
import pytest

from recae.errors import ConfigError
from recae.models.registry import create

L2, DROPOUT = 6.0, 0.4


@pytest.fixture(scope="module")
def binary(tastes) -> np.ndarray:
    return tastes.binary().toarray().astype(np.float64)


def solved(tastes, name: str, **settings: float) -> np.ndarray:
    model = create(name, **{"l2": L2, "dropout": DROPOUT} | settings)
    return model.fit(tastes).weights()["weights"].astype(np.float64)


def loss_of_column(
    binary: np.ndarray, item: int, dropout: float, dropped: float, kept: float
) -> tuple[np.ndarray, np.ndarray]:
    """The quadratic form (H, v) of the expected loss of one column, from the moments of the dropout noise.

    The loss is E[w^2 (x_i - sum_j k_j x_j B_ji)^2] over users, where k_j is 1 / (1 - p) with probability 1 - p, else
    0, and w is `kept` where item i's own k is not 0, else `dropped`; it is B' H B - 2 v' B + a constant.
    """
    p, n_items = dropout, binary.shape[1]
    gram = binary.T @ binary
    mean = p * dropped**2 + (1 - p) * kept**2
    first = np.full(n_items, mean)
    first[item] = kept**2
    second = np.full((n_items, n_items), mean)
    second[item] = second[:, item] = kept**2
    second[np.diag_indices(n_items)] /= 1 - p
    return second * gram, first * gram[item]


def without(matrix: np.ndarray, item: int) -> np.ndarray:
    for axis in range(matrix.ndim):
        matrix = np.delete(matrix, item, axis=axis)
    return matrix


def dropped(binary: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One draw of histories with dropout, what was kept scaled up."""
    return binary * (rng.random(binary.shape) >= DROPOUT) / (1 - DROPOUT)


def off_diagonal(weights: np.ndarray) -> np.ndarray:
    return weights - np.diag(np.diag(weights))


def test_edlae_is_the_closed_form(tastes, binary):
    counts = binary.sum(axis=0)
    inverse = np.linalg.inv(binary.T @ binary + np.diag(L2 + DROPOUT / (1 - DROPOUT) * counts))
    expected = -inverse / np.diag(inverse)
    np.fill_diagonal(expected, 0)
    np.testing.assert_allclose(solved(tastes, "edlae"), expected, atol=2e-6)


def test_edlae_solves_its_emphasised_loss(tastes, binary):
    found = solved(tastes, "edlae")
    for item in range(0, 40, 7):
        form, target = loss_of_column(binary, item, DROPOUT, dropped=1, kept=0)
        scale = DROPOUT  # the mean weight: what the penalty is measured against
        form, target = without(form, item) / scale, without(target, item) / scale
        column = np.linalg.solve(form + L2 * np.eye(39), target)
        np.testing.assert_allclose(without(found[:, item], item), column, atol=1e-5)


def test_edlae_is_what_least_squares_find_on_many_histories_with_dropout(tastes, binary):
    """Each item is predicted from what dropout left of the others, over many draws of the dropout."""
    rng, draws = np.random.default_rng(0), 400
    gram, target = np.zeros((40, 40)), np.zeros((40, 40))
    for _ in range(draws):
        left = dropped(binary, rng)
        gram += left.T @ left / draws
        target += left.T @ binary / draws
    found, plain = solved(tastes, "edlae"), create("ease", l2=L2).fit(tastes).weights()["weights"]
    for item in (0, 3, 25):
        column = np.linalg.solve(without(gram, item) + L2 * np.eye(39), without(target[:, item], item))
        np.testing.assert_allclose(column, without(found[:, item], item), atol=0.015)
        assert np.abs(column - without(plain[:, item], item)).max() > 0.03


def test_edlae_without_dropout_is_ease(tastes):
    ease = create("ease", l2=L2).fit(tastes).weights()["weights"]
    np.testing.assert_array_equal(solved(tastes, "edlae", dropout=0.0), ease)


def test_dlae_is_the_ridge_regression_of_histories_on_what_dropout_left_of_them(tastes, binary):
    """In expectation, and over many draws of the dropout."""
    rng, draws = np.random.default_rng(0), 400
    found = solved(tastes, "dlae")
    gram, target = np.zeros((40, 40)), np.zeros((40, 40))
    for _ in range(draws):
        left = dropped(binary, rng)
        gram += left.T @ left / draws
        target += left.T @ binary / draws
    drawn = off_diagonal(np.linalg.solve(gram + L2 * np.eye(40), target))
    np.testing.assert_allclose(drawn, found, atol=0.015)
    exact = binary.T @ binary
    noisy = exact + DROPOUT / (1 - DROPOUT) * np.diag(np.diag(exact))
    np.testing.assert_allclose(off_diagonal(np.linalg.solve(noisy + L2 * np.eye(40), exact)), found, atol=2e-6)


def test_rdlae_minimises_dlaes_loss_with_no_diagonal_entry_above_its_bound(tastes, binary):
    """Each column by the conditions of Karush, Kuhn and Tucker: the bound holds with equality, or is not felt."""
    bound, exact = 0.25, binary.T @ binary
    form = exact + np.diag(L2 + DROPOUT / (1 - DROPOUT) * np.diag(exact))
    found, felt = solved(tastes, "rdlae", relaxation=bound), 0
    for item in range(40):
        column = np.linalg.solve(form, exact[:, item])
        if column[item] > bound:
            unit = np.eye(40)[[item]]
            system = np.block([[form, unit.T], [unit, np.zeros((1, 1))]])
            solution = np.linalg.solve(system, np.append(exact[:, item], bound))
            column, multiplier = solution[:-1], solution[-1]
            assert multiplier > 0
            felt += 1
        np.testing.assert_allclose(without(column, item), without(found[:, item], item), atol=2e-6)
    assert 0 < felt < 40


def test_rdlae_lies_between_edlae_and_dlae(tastes):
    np.testing.assert_allclose(solved(tastes, "rdlae", relaxation=0.0), solved(tastes, "edlae"), atol=1e-6)
    np.testing.assert_allclose(solved(tastes, "rdlae", relaxation=0.999), solved(tastes, "dlae"), atol=1e-6)


@pytest.mark.parametrize("kept", [0.0, 0.3, 1.0, 3.0])
@pytest.mark.parametrize("dropout", [0.1, 0.4, 0.8])
def test_deql_minimises_its_expected_loss(tastes, binary, kept, dropout):
    found = solved(tastes, "deql", dropout=dropout, kept_weight=kept)
    scale = dropout + (1 - dropout) * kept**2
    for item in range(0, 40, 3):
        form, target = loss_of_column(binary, item, dropout, 1.0, kept)
        column = np.linalg.solve(form / scale + L2 * np.eye(40), target / scale)
        np.testing.assert_allclose(without(found[:, item], item), without(column, item), atol=5e-6)


@pytest.mark.parametrize("kept", [0.4, 2.0])
def test_deql_is_what_weighted_least_squares_find_over_many_draws_of_the_dropout(tastes, binary, kept):
    rng, item, draws = np.random.default_rng(1), 5, 1000
    form, target = np.zeros((40, 40)), np.zeros(40)
    for _ in range(draws):
        keeps = rng.random(binary.shape) >= DROPOUT
        left = binary * keeps / (1 - DROPOUT)
        weights = np.where(keeps[:, item], kept**2, 1)
        form += (left * weights[:, None]).T @ left / draws
        target += (left * weights[:, None]).T @ binary[:, item] / draws
    scale = DROPOUT + (1 - DROPOUT) * kept**2
    column = np.linalg.solve(form / scale + L2 * np.eye(40), target / scale)
    found = solved(tastes, "deql", kept_weight=kept)[:, item]
    np.testing.assert_allclose(without(column, item), without(found, item), atol=0.01)
    assert np.abs(found - solved(tastes, "deql", kept_weight=1.0)[:, item]).max() > 0.02


def test_deql_holds_edlae_and_dlae(tastes):
    np.testing.assert_allclose(solved(tastes, "deql", kept_weight=0.0), solved(tastes, "edlae"), atol=1e-6)
    np.testing.assert_allclose(solved(tastes, "deql", kept_weight=1.0), solved(tastes, "dlae"), atol=1e-6)


@pytest.mark.parametrize("name", ["edlae", "rdlae", "dlae", "deql"])
def test_items_without_users_have_no_weight_and_the_powers_are_there(name, tastes):
    rare = tastes.keep(tastes.matrix.indices != 4)
    weights = create(name).fit(rare).weights()["weights"]
    assert not weights[4].any()
    assert not weights[:, 4].any()
    powers = create(name, user_power=0.5, item_power=0.2).fit(rare).weights()["weights"]
    assert np.isfinite(powers).all()
    assert np.abs(powers - weights).max() > 1e-3


@pytest.mark.parametrize("name", ["edlae", "rdlae", "dlae", "deql"])
def test_impossible_dropout_is_refused(name):
    for bad in (1.0, -0.1, "nan"):
        with pytest.raises(ConfigError, match="dropout"):
            create(name, dropout=bad)
    if name == "deql":
        with pytest.raises(ConfigError, match="dropout"):
            create(name, dropout=0.0)
    if name == "rdlae":
        with pytest.raises(ConfigError, match="relaxation"):
            create(name, relaxation=1.0)
