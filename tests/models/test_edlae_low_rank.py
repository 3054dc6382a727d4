"""EDLAE of low rank against autograd on its loss, written out densely."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import optimize

from recae.errors import CapacityError, ConfigError
from recae.models.linear import diagonal_admm
from recae.models.linear.diagonal_admm import factorize
from recae.models.linear.inverse import penalised_inverse
from recae.models.registry import create
from recae.options import RunOptions

L2, DROPOUT, RANK = 6.0, 0.4, 8


def off_diagonal(weights: torch.Tensor) -> torch.Tensor:
    return weights - torch.diag(torch.diag(weights))


class Problem:
    """Gram matrix and penalties of a log in float64, and the loss of U and V."""

    def __init__(self, log):
        self.matrix = log.binary()
        dense = torch.from_numpy(self.matrix.toarray()).double()
        self.gram, self.counts = dense.T @ dense, dense.sum(dim=0)
        self.penalty = L2 + DROPOUT / (1 - DROPOUT) * self.counts
        self.inverse = penalised_inverse(self.matrix, self.penalty.numpy())
        self.start = np.random.default_rng(0).standard_normal((log.n_items, RANK), dtype=np.float32)

    def error(self, weights: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        left = target - weights
        return (left * (self.gram @ left)).sum()

    def loss(self, weights: torch.Tensor) -> torch.Tensor:
        kept = off_diagonal(weights)
        identity = torch.eye(len(kept), dtype=torch.float64)
        return self.error(kept, identity) + (self.penalty[:, None] * kept**2).sum()

    def lagrangian(self, encoder, decoder, left_out, multipliers, omega):
        product = encoder @ decoder.T
        tie = self.penalty + omega
        return (
            self.error(product, torch.diag(1 + left_out))
            + (self.penalty[:, None] * product**2).sum()
            - (self.penalty * left_out**2).sum()
            + (tie * (torch.diag(product) - left_out + multipliers) ** 2).sum()
        )

    def found(self, iterations: int, omega: float = 10.0, **changed) -> tuple[torch.Tensor, torch.Tensor]:
        start = changed.get("start", self.start)
        tables = factorize(self.matrix, self.penalty.numpy(), self.inverse, start, omega, iterations)
        return torch.from_numpy(tables[0]).double(), torch.from_numpy(tables[1]).double()


@pytest.fixture(scope="module")
def problem(tastes) -> Problem:
    return Problem(tastes)


def test_each_step_is_the_minimum_of_the_augmented_lagrangian(problem):
    """Its gradient vanishes over V after the V step, and over U after the U step; the next step has new multipliers."""
    omega, n_items = 20.0, problem.matrix.shape[1]
    rng = torch.Generator().manual_seed(2)
    left_out, multipliers = torch.rand((2, n_items), generator=rng, dtype=torch.float64) / 5
    encoder = torch.from_numpy(problem.start).double() / 10
    pull = ((problem.penalty + omega) * (left_out - multipliers))[:, None]
    arguments = [problem.penalty.numpy(), (problem.penalty + omega).numpy()]
    covered = problem.gram @ encoder
    target = covered * (1 + left_out)[:, None] + pull * encoder
    decoder = torch.from_numpy(diagonal_admm._decoder(encoder.numpy(), covered.numpy(), *arguments, target.numpy()))
    gradient = relative_gradient(lambda v: problem.lagrangian(encoder, v, left_out, multipliers, omega), decoder)
    assert gradient < 1e-5
    target = problem.gram @ ((1 + left_out)[:, None] * decoder) + pull * decoder
    again = diagonal_admm._encoder(decoder.float().numpy(), problem.inverse, arguments[1], target.float().numpy())
    solved = torch.from_numpy(again).double()
    gradient = relative_gradient(lambda u: problem.lagrangian(u, decoder, left_out, multipliers, omega), solved)
    assert gradient < 1e-3


def relative_gradient(function, at: torch.Tensor) -> float:
    """The gradient's size at `at` against that at 0."""

    def size(point: torch.Tensor) -> float:
        point = point.detach().clone().requires_grad_()
        return float(torch.autograd.grad(function(point), point)[0].norm())

    return size(at) / size(torch.zeros_like(at))


def test_it_settles_where_gradient_descent_finds_nothing_better(problem):
    tables = torch.stack(problem.found(100))
    reached = problem.loss(tables[0] @ tables[1].T).item()

    def loss_and_gradient(flat: np.ndarray) -> tuple[float, np.ndarray]:
        point = torch.from_numpy(flat.reshape(tables.shape)).requires_grad_()
        loss = problem.loss(point[0] @ point[1].T)
        return loss.item(), torch.autograd.grad(loss, point)[0].numpy().ravel()

    best = optimize.minimize(loss_and_gradient, tables.numpy().ravel(), jac=True, method="L-BFGS-B").fun
    assert reached < best * 1.0005
    assert float(problem.loss(torch.zeros_like(problem.gram))) > best * 1.5


def test_more_rounds_bring_a_smaller_loss(problem):
    losses = [float(problem.loss(u @ v.T)) for u, v in map(problem.found, (1, 5, 30))]
    assert losses[0] > losses[1] > losses[2]


def test_with_all_ranks_it_is_edlae(tastes, problem):
    full = create("edlae", l2=L2, dropout=DROPOUT).fit(tastes).weights()["weights"].astype(np.float64)
    start = np.random.default_rng(0).standard_normal((40, 40), dtype=np.float32)
    encoder, decoder = problem.found(100, start=start)
    best = float(problem.loss(torch.from_numpy(full)))
    assert float(problem.loss(encoder @ decoder.T)) < best * 1.002
    np.testing.assert_allclose(off_diagonal(encoder @ decoder.T).numpy(), full, atol=0.03)


def test_the_scale_of_the_start_is_without_effect(problem):
    large, small = (problem.found(3, start=problem.start * scale) for scale in (1, 2**-13))
    np.testing.assert_allclose(large[0] @ large[1].T, small[0] @ small[1].T, atol=1e-4)


def test_scores_are_of_the_product_without_its_diagonal_and_the_weights_are_thin(tastes):
    model = create("edlae-low-rank", rank=8, l2=L2).fit(tastes)
    encoder, decoder = model.weights()["encoder"], model.weights()["decoder"]
    assert encoder.shape == decoder.shape == (40, 8)
    weights = encoder @ decoder.T
    assert np.abs(np.diag(weights)).max() > 0.01
    np.fill_diagonal(weights, 0)
    histories = tastes.binary()[:9]
    np.testing.assert_allclose(model.score(histories), histories.toarray() @ weights, atol=1e-5)


def test_user_power_weighs_the_users_as_in_edlae(tastes):
    """Of a rank that leaves nothing out the two are alike, but for how far the rounds have come."""
    settings = {"l2": L2, "dropout": DROPOUT, "user_power": 0.7}
    full = create("edlae", **settings).fit(tastes).weights()["weights"]
    other = create("edlae", **settings | {"user_power": 0.0}).fit(tastes).weights()["weights"]
    found = create("edlae-low-rank", rank=40, omega=10.0, iterations=200, **settings).fit(tastes).weights()
    thin = found["encoder"] @ found["decoder"].T
    np.fill_diagonal(thin, 0)
    assert np.abs(thin - full).mean() < 0.5 * np.abs(other - full).mean()


def test_item_power_scales_the_weights(tastes):
    plain, scaled = (create("edlae-low-rank", rank=8, l2=L2, item_power=power).fit(tastes) for power in (0.0, 0.3))
    first, second = (m.weights()["encoder"] @ m.weights()["decoder"].T for m in (plain, scaled))
    powers = tastes.item_counts() ** 0.3
    np.testing.assert_allclose(second, first * powers[:, None] / powers, atol=1e-5)


def test_another_seed_is_another_start(tastes):
    first, second = (
        create("edlae-low-rank", rank=8, l2=L2).fit(tastes, options=RunOptions(seed=seed)).weights()["encoder"]
        for seed in (1, 2)
    )
    assert not np.array_equal(first, second)


def test_items_without_users_and_twins_are_survived(make_log, tastes):
    rare = tastes.keep(tastes.matrix.indices != 4)
    assert np.isfinite(create("edlae-low-rank").fit(rare).score(tastes.matrix)).all()
    twins = make_log([(user, item) for user in range(4) for item in "abc"])
    assert np.isfinite(create("edlae-low-rank").fit(twins).score(twins.matrix)).all()


def test_products_by_blocks_of_users_are_the_whole(problem, monkeypatch):
    whole = problem.found(3)
    monkeypatch.setattr(diagonal_admm, "BLOCK_NUMBERS", 17 * RANK)
    parts = problem.found(3)
    np.testing.assert_allclose(whole[0] @ whole[1].T, parts[0] @ parts[1].T, atol=1e-4)


def test_it_refuses_before_it_takes_memory_that_is_not_there(tastes):
    with pytest.raises(CapacityError, match="edlae-low-rank on 40 items would take"):
        create("edlae-low-rank").fit(tastes, options=RunOptions(max_memory=1000))


def test_a_vanishing_penalty_is_told_as_such(make_log):
    log = make_log([(user, item) for user in range(4) for item in "ab"])
    with pytest.raises(ConfigError, match=r"l2=1e-12.*choose a greater l2"):
        create("edlae-low-rank", l2=1e-12, dropout=0.0).fit(log)
