"""Training on a GPU: what it learns is what the processor learns, and it is waited for once an epoch."""

from __future__ import annotations

import copy
import warnings

import numpy as np
import pytest
import torch
from scipy import sparse

from recae.models.autoencoders.elsa import ElsaConfig, ElsaNetwork
from recae.models.autoencoders.mult_dae import MultDaeConfig, MultDaeNetwork
from recae.models.autoencoders.mult_vae import MultVaeConfig, MultVaeNetwork
from recae.models.autoencoders.network import sampled_pass
from recae.options import RunOptions
from recae.training.engine import Machine, Schedule, one_pass, train

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")

N_ITEMS = 300


def rows() -> sparse.csr_array:
    rng = np.random.default_rng(0)
    return sparse.random_array((90, N_ITEMS), density=0.05, format="csr", dtype=np.float32, rng=rng).astype(bool) * 1.0


def network(kind: str) -> torch.nn.Module:
    generator = torch.Generator().manual_seed(1)
    if kind == "elsa":
        return ElsaNetwork(N_ITEMS, ElsaConfig(latent=16), generator)
    # As many draws as items are no draw: every machine then takes all of them.
    sampled = N_ITEMS if kind == "sampled" else 0
    return MultDaeNetwork(N_ITEMS, MultDaeConfig(latent=16, dropout=0, sampled=sampled), generator)


def trained(kind: str, device: str, precision: str, epochs: int = 3) -> tuple[list[float], dict[str, torch.Tensor]]:
    options = RunOptions(seed=3, device=device, precision=precision)  # type: ignore[arg-type]
    machine = Machine.of(options)
    net = copy.deepcopy(network(kind)).to(machine.device)
    passes = sampled_pass(net) if kind == "sampled" else one_pass(net, net.loss)  # type: ignore[arg-type]
    curve = train(net, passes, rows(), Schedule(epochs, 20, 0.01, l2=1e-4), machine, options)
    return [point.losses["loss"] for point in curve.points], {k: v.cpu() for k, v in net.state_dict().items()}


@pytest.mark.parametrize("kind", ["mult-dae", "sampled", "elsa"])
def test_in_fp32_losses_and_weights_are_those_of_the_processor(kind: str) -> None:
    """Within 1e-4 of the loss and a tenth of Adam's step for a weight: sums are taken in another order."""
    (losses, weights), (expected, reference) = (trained(kind, device, "fp32") for device in ("cuda", "cpu"))
    np.testing.assert_allclose(losses, expected, rtol=1e-4)
    for name, found in weights.items():
        assert (found - reference[name]).abs().quantile(0.99) < 1e-3, name


@pytest.mark.parametrize("kind", ["mult-dae", "elsa"])
def test_in_bf16_losses_are_those_of_the_processor(kind: str) -> None:
    """Within 1 %: both round the large products to 8 bits."""
    np.testing.assert_allclose(trained(kind, "cuda", "bf16")[0], trained(kind, "cpu", "bf16")[0], rtol=0.01)


def test_the_same_seed_gives_the_same_losses_on_a_gpu() -> None:
    np.testing.assert_allclose(
        trained("mult-dae", "cuda", "bf16")[0], trained("mult-dae", "cuda", "bf16")[0], rtol=1e-5
    )


def test_a_gpu_is_waited_for_once_an_epoch() -> None:
    options = RunOptions(seed=3, device="cuda")
    machine = Machine.of(options)
    net = MultVaeNetwork(N_ITEMS, MultVaeConfig(hidden=20, latent=8), machine.generator)
    train(net, one_pass(net, net.loss), rows(), Schedule(1, 20, 0.01), machine, options)  # libraries start up
    torch.cuda.set_sync_debug_mode("warn")
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            train(net, one_pass(net, net.loss), rows(), Schedule(4, 20, 0.01), machine, options)
    finally:
        torch.cuda.set_sync_debug_mode("default")
    assert len([each for each in caught if "synchroniz" in str(each.message)]) == 4
