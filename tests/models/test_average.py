"""Several starts of a network of ratings: each as if alone, their predictions averaged."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from scipy import sparse

from recae.data.ids import IdIndex
from recae.data.interactions import Columns, Interactions
from recae.models.autoencoders.average import Average
from recae.models.base import Recommender
from recae.models.registry import create
from recae.options import RunOptions
from recae.training.engine import Machine
from recae.training.sparse import SparseRows

FP32 = RunOptions(seed=5, device="cpu", precision="fp32")
NAMES = ["autorec-item", "autorec-user", "autorec-both", "sparse-fc", "glocal-k"]
QUICK: dict[str, Any] = {"latent": 4, "epochs": 4, "dropout": 0.0, "learning_rate": 0.02}


def rated_log() -> Interactions:
    rng = np.random.default_rng(0)
    matrix = sparse.csr_array((rng.integers(1, 6, (30, 12)) * (rng.random((30, 12)) < 0.5)).astype(np.float32))
    return Interactions(
        matrix, IdIndex.range(30), IdIndex.range(12), columns=Columns(value="rating", value_kind="rating")
    )


def fitted(name: str, **settings: Any) -> Recommender:
    return create(name, **(QUICK | settings)).fit(rated_log(), options=FP32)


@pytest.mark.parametrize("name", NAMES)
def test_its_predictions_are_the_mean_of_those_of_its_networks(name: str) -> None:
    kept: list[Any] = []
    model = create(name, **QUICK, starts=3)
    build = model._build  # type: ignore[attr-defined]
    model._build = lambda *sizes: kept.append(build(*sizes)) or kept[0]  # type: ignore[attr-defined]
    log = rated_log()
    scores = model.fit(log, options=FP32).score(log.matrix, log.users)
    (average,) = kept
    by_items = name != "autorec-user"
    rows = log.matrix.T.tocsr() if by_items else log.matrix
    singles = []
    with torch.no_grad():
        for network in average:
            weight, bias = network.decoder()
            predicted = (
                network.code(SparseRows.of(rows, torch.device("cpu"), np.arange(rows.shape[0]))) @ weight.T + bias
            )
            singles.append(predicted.T.numpy() if by_items else predicted.numpy())
    assert np.abs(singles[0] - singles[1]).max() > 1e-3
    np.testing.assert_allclose(scores, np.mean(singles, axis=0), rtol=1e-5, atol=1e-5)


def test_a_network_learns_beside_others_what_it_learns_alone() -> None:
    """Gradients of the sum are each network's own: the first of two starts, without dropout, is the one start."""
    log = rated_log()
    alone, beside = create("autorec-both", **QUICK, starts=1), create("autorec-both", **QUICK, starts=2)
    generator = torch.Generator().manual_seed(3)
    one = alone._build(30, 12, generator)  # type: ignore[attr-defined]
    two = beside._build(30, 12, torch.Generator().manual_seed(3))  # type: ignore[attr-defined]
    assert isinstance(two, Average)
    rows = log.matrix.T.tocsr()
    batch = SparseRows.of(rows, torch.device("cpu"), np.arange(12))
    for network in (one, two):
        network.start_at(rows)
        network.loss(batch, 0, Machine.of(FP32)).total.backward()
    first = dict(two.starts[0].named_parameters())
    for name, parameter in one.named_parameters():
        torch.testing.assert_close(first[name].grad, parameter.grad, msg=name)


@pytest.mark.parametrize("name", NAMES)
def test_the_weights_of_several_starts_come_back(name: str) -> None:
    log, model = rated_log(), fitted(name, starts=2)
    again = create(name, **(QUICK | {"starts": 2}))
    again.items, again.users = model.items, model.users
    again._restore(model.weights())
    np.testing.assert_array_equal(again.score(log.matrix, log.users), model.score(log.matrix, log.users))
    other = create(name, **(QUICK | {"starts": 3}))
    other.items, other.users = model.items, model.users
    with pytest.raises(ValueError, match=r"shape|codes should be"):
        other._restore(model.weights())


def test_the_average_errs_less_than_its_networks_where_noise_is_what_differs() -> None:
    rng = np.random.default_rng(1)
    truth = np.outer(rng.uniform(0.7, 1.3, 60), rng.uniform(2, 4, 25))
    matrix = truth + rng.normal(0, 0.5, truth.shape)
    known = rng.random(truth.shape) < 0.4
    rated = sparse.csr_array((matrix * known).astype(np.float32))
    columns = Columns(value="rating", value_kind="rating")
    log = Interactions(rated, IdIndex.range(60), IdIndex.range(25), columns=columns)

    def error(starts: int, seed: int) -> float:
        settings = QUICK | {"latent": 16, "epochs": 60, "l2": 0.1, "starts": starts}
        model = create("autorec-both", **settings).fit(log, options=RunOptions(seed=seed, device="cpu"))
        return float(np.sqrt(np.mean((model.score(log.matrix, log.users) - truth)[~known] ** 2)))

    assert error(6, 0) < np.mean([error(1, seed) for seed in range(4)]) - 0.01
