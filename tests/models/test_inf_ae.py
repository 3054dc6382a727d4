"""The kernel against finite networks and a recursion by quadrature, the scores against float64."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
import torch
from conftest import log_of
from scipy import sparse

from recae.errors import CapacityError, ConfigError
from recae.models.autoencoders import inf_ae
from recae.models.autoencoders.inf_ae import learned_from, tangent_kernel
from recae.models.registry import create
from recae.options import RunOptions

WEIGHT, BIAS = 2**0.5, 0.1


def kernel_of(left: np.ndarray, right: np.ndarray, depth: int = 1) -> np.ndarray:
    return tangent_kernel(left @ right.T, left.sum(axis=1)[:, None], right.sum(axis=1), left.shape[1], depth)


def inputs(rows: int = 6, n_inputs: int = 30) -> np.ndarray:
    """Histories of very different lengths: an empty one, a full one, two that share nothing."""
    dense = (np.random.default_rng(2).random((rows, n_inputs)) < 0.3).astype(np.float64)
    dense[0], dense[1] = 0, 1
    dense[2], dense[3] = np.arange(n_inputs) < 5, np.arange(n_inputs) >= n_inputs - 8
    return dense


def empirical_kernel(rows: np.ndarray, depth: int, width: int, seed: int) -> np.ndarray:
    """Inner products of the gradients of one output of a finite network, at its random start."""
    generator = torch.Generator().manual_seed(seed)
    sizes = [rows.shape[1], *[width] * depth, 1]
    parameters = [
        torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True)
        for before, after in pairwise(sizes)
        for shape in ((after, before), (after,))
    ]
    gradients = []
    for row in torch.from_numpy(rows):
        hidden = row
        for layer in range(depth + 1):
            matrix, bias = parameters[2 * layer : 2 * layer + 2]
            hidden = WEIGHT / matrix.shape[1] ** 0.5 * matrix @ hidden + BIAS * bias
            hidden = hidden if layer == depth else torch.relu(hidden)
        found = torch.autograd.grad(hidden.sum(), parameters)
        gradients.append(torch.cat([part.ravel() for part in found]))
    stacked = torch.stack(gradients)
    return (stacked @ stacked.T).numpy()


def test_wide_networks_approach_the_kernel():
    rows, expected = inputs(), kernel_of(inputs(), inputs())

    def error(width: int) -> float:
        kernels = [empirical_kernel(rows, 1, width, seed) for seed in range(4)]
        return float(np.mean([np.linalg.norm(found - expected) for found in kernels]) / np.linalg.norm(expected))

    narrow, wide = error(100), error(10_000)
    assert wide < 0.03
    assert wide < narrow / 3


def test_two_hidden_layers_have_the_kernel_of_two_hidden_layers():
    rows = inputs()
    found = np.mean([empirical_kernel(rows, 2, 600, seed) for seed in range(8)], axis=0)
    for depth, near in ((1, False), (2, True), (3, False)):
        expected = kernel_of(rows, rows, depth)
        assert (np.linalg.norm(found - expected) < 0.04 * np.linalg.norm(expected)) == near


def test_the_layers_are_gaussian_expectations():
    """T = S' + E[step(u) step(v)] 2 S and S' = 2 E[relu(u) relu(v)] + 0.01 for (u, v) ~ N(0, S), by quadrature."""
    x, y, shared, n_inputs = 7.0, 12.0, 4.0, 50
    scale = 2 / n_inputs
    a, b, c = (scale * value + 0.01 for value in (x, y, shared))
    # u = sqrt(a) r cos(t), v = the same at another angle: relu's are homogeneous, so only the angle is integrated.
    angle = np.arccos(c / np.sqrt(a * b))
    turn = (np.arange(400_000) + 0.5) / 400_000 * 2 * np.pi
    first, second = np.cos(turn), np.cos(turn - angle)
    both = (first > 0) & (second > 0)
    output = 2 * 2 * np.sqrt(a * b) * (first * second * both).mean() + 0.01
    expected = output + 2 * both.mean() * c
    found = tangent_kernel(np.array([[shared]]), np.array([[x]]), np.array([y]), n_inputs)
    assert found[0, 0] == pytest.approx(expected, rel=1e-5)


def test_the_kernel_is_positive_definite():
    rows = inputs(12)
    assert np.linalg.eigvalsh(kernel_of(rows, rows, 2)).min() > 0


def test_few_items_of_a_vast_catalogue_still_tell_histories_apart():
    """The kernel falls with the angle, and small angles grow with the root of the number of items not shared."""
    same, near, far = (
        tangent_kernel(np.array([[shared]]), np.array([[3.0]]), np.array([3.0]), 10**12)[0, 0]
        for shared in (3.0, 2.0, 0.0)
    )
    assert same > near > far
    assert (same - near) / (same - far) == pytest.approx(3**-0.5, rel=1e-3)


def reference(dense: np.ndarray, histories: np.ndarray, l2: float, depth: int = 1) -> np.ndarray:
    kernel = kernel_of(dense, dense, depth)
    ridge = l2 * np.trace(kernel) / len(kernel) * np.eye(len(kernel))
    return kernel_of(histories, dense, depth) @ np.linalg.solve(kernel + ridge, dense)


@pytest.mark.parametrize("n_users", [25, 120])
@pytest.mark.parametrize(("l2", "depth"), [(5.0, 1), (0.5, 3)])
def test_scores_are_kernel_ridge_regression(tastes, n_users, l2, depth, monkeypatch):
    """With fewer users than items the inverse is kept, with more the coefficients of the items."""
    monkeypatch.setattr(inf_ae, "BLOCK_BYTES", 64 * n_users * 7)
    log = tastes.select(users=np.arange(n_users))
    model = create("inf-ae", l2=l2, depth=depth).fit(log)
    assert model.weights()["dual"].shape == (min(n_users, 40), n_users)
    histories = tastes.binary().toarray()[60:90].astype(np.float64)
    histories[0] = 0
    expected = reference(log.binary().toarray().astype(np.float64), histories, l2, depth)
    found = model.score(sparse.csr_array(histories.astype(np.float32)))
    np.testing.assert_allclose(found, expected, atol=2e-5)


def test_a_large_sparse_catalogue_keeps_its_order_in_float32():
    """Where the bias outweighs the inputs, all kernels are nearly equal; the scores still follow the float64 ones."""
    rng = np.random.default_rng(5)
    dense = np.zeros((400, 3000))
    for row in dense:
        start = 300 * rng.integers(10)
        row[start + rng.choice(300, 8, replace=False)] = 1
    log = log_of(sparse.csr_array(dense))
    found = create("inf-ae", l2=0.5).fit(log).score(log.matrix[:50])
    expected = reference(dense, dense[:50], 0.5)
    spread = expected.std(axis=1, keepdims=True)
    assert float((np.abs(found - expected) / spread).max()) < 1e-3


def test_users_without_items_teach_nothing(tastes):
    rows = np.repeat(np.arange(120), np.diff(tastes.matrix.indptr))
    holes = tastes.keep(rows % 3 != 0)
    model = create("inf-ae").fit(holes)
    others = create("inf-ae").fit(tastes.select(users=np.flatnonzero(np.arange(120) % 3)))
    np.testing.assert_array_equal(model.score(tastes.matrix), others.score(tastes.matrix))


def test_a_random_part_of_the_users_is_the_same_for_the_same_seed(tastes):
    binary = tastes.binary()
    first, again, other = (learned_from(binary, 50, seed).toarray() for seed in (1, 1, 2))
    assert first.shape == (50, 40)
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()
    assert learned_from(binary, 0, 1).shape == learned_from(binary, 500, 1).shape == binary.shape
    model = create("inf-ae", max_users=50).fit(tastes, options=RunOptions(seed=1))
    assert model.weights()["dual"].shape == (40, 50)


def test_it_refuses_before_it_takes_memory_that_is_not_there(tastes):
    with pytest.raises(CapacityError, match=r"inf-ae on 120 users would take about .*max_users"):
        create("inf-ae").fit(tastes, options=RunOptions(max_memory=1000))


@pytest.mark.parametrize("settings", [{"l2": 0}, {"depth": 0}, {"max_users": -1}])
def test_impossible_settings_are_refused(settings):
    with pytest.raises(ConfigError, match=next(iter(settings))):
        create("inf-ae", **settings)


def test_a_penalty_that_float32_cannot_see_is_told_as_such(make_log):
    # Two users with the same history have no inverse kernel.
    log = make_log([(user, item) for user in range(4) for item in "ab"])
    with pytest.raises(ConfigError, match=r"l2=1e-12.*choose a greater l2"):
        create("inf-ae", l2=1e-12).fit(log)
