"""H+Vamp at the points where implementations usually part from the paper."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse
from torch.distributions import Normal, kl_divergence
from torch.nn import functional

from recae.data.ids import IdIndex
from recae.data.interactions import Interactions
from recae.models.autoencoders.gaussian import divergence, draw, log_density, mixture_log_density
from recae.models.autoencoders.h_vamp import HVamp, HVampConfig, HVampNetwork
from recae.options import RunOptions
from recae.training.engine import Machine
from recae.training.layers import Dense
from recae.training.sparse import SparseRows

FP32 = RunOptions(seed=5, device="cpu", precision="fp32")
TINY = HVampConfig(hidden=5, latent=3, pseudo_users=4, dropout=0, beta=0.4, warm_up=10)


def normal(*size: int, seed: int = 0, scale: float = 1.0) -> torch.Tensor:
    return scale * torch.randn(*size, generator=torch.Generator().manual_seed(seed))


def histories() -> SparseRows:
    matrix = np.random.default_rng(0).random((6, 10)) < 0.4
    return SparseRows.of(sparse.csr_array(matrix.astype(np.float32)), torch.device("cpu"))


def dense(rows: SparseRows) -> torch.Tensor:
    return torch.zeros(rows.n_rows, rows.n_columns).index_put((rows.rows, rows.indices), rows.values)


def network_of(config: HVampConfig = TINY) -> HVampNetwork:
    network = HVampNetwork(10, config, torch.Generator().manual_seed(1))
    for parameter in network.parameters():
        if parameter.ndim == 1:
            torch.nn.init.normal_(parameter, std=0.3, generator=torch.Generator().manual_seed(len(parameter)))
    return network


class TestGaussians:
    def test_densities_and_divergences_equal_torch_distributions(self) -> None:
        z, mean, log_variance, other_mean, other_log_variance = normal(5, 7, 4)
        one, other = Normal(mean, (log_variance / 2).exp()), Normal(other_mean, (other_log_variance / 2).exp())
        torch.testing.assert_close(log_density(z, mean, log_variance), one.log_prob(z))
        ours = divergence(mean, log_variance, other_mean, other_log_variance)
        torch.testing.assert_close(ours, kl_divergence(one, other))

    def test_draws_have_the_mean_and_the_variance_asked_for(self) -> None:
        mean, log_variance = torch.full((20_000,), 3.0), torch.full((20_000,), np.log(4.0))
        drawn = draw(mean, log_variance, torch.Generator().manual_seed(0))
        assert float(drawn.mean()) == pytest.approx(3, abs=0.05)
        assert float(drawn.var()) == pytest.approx(4, abs=0.15)

    @pytest.mark.parametrize("log_variance", [0.0, -12.0, 4.0])
    def test_the_mixture_equals_a_direct_sum_of_exponentials(self, log_variance: float) -> None:
        """Also where the components are so narrow that a distance is a difference of two numbers in the millions."""
        means, log_variances = normal(5, 40, seed=1), torch.full((5, 40), log_variance) + 0.1 * normal(5, 40, seed=2)
        z = means[[0, 3, 4]] + normal(3, 40, seed=3) * float(np.exp(log_variance / 2))
        each = Normal(means, (log_variances / 2).exp()).log_prob(z[:, None, :]).sum(dim=2)
        torch.testing.assert_close(
            mixture_log_density(z, means, log_variances), each.logsumexp(dim=1) - np.log(5), rtol=1e-4, atol=1e-2
        )

    def test_gradients_of_the_mixture_equal_those_of_the_direct_sum(self) -> None:
        z, means, log_variances = (
            part.double().requires_grad_() for part in (normal(3, 4), normal(5, 4, seed=1), normal(5, 4, seed=2))
        )
        ours = torch.autograd.grad(mixture_log_density(z, means, log_variances).sum(), (z, means, log_variances))
        direct = Normal(means, (log_variances / 2).exp()).log_prob(z[:, None, :]).sum(dim=2).logsumexp(dim=1)
        theirs = torch.autograd.grad(direct.sum(), (z, means, log_variances))
        for one, other in zip(ours, theirs, strict=True):
            torch.testing.assert_close(one, other)


class Written:
    """The network written out densely, layer by layer."""

    def __init__(self, network: HVampNetwork) -> None:
        self.network = network

    def gate(self, layer: Dense, x: torch.Tensor) -> torch.Tensor:
        half = len(layer.weight) // 2
        linear, gate = x @ layer.weight[:half].T + layer.bias[:half], x @ layer.weight[half:].T + layer.bias[half:]
        return linear * torch.sigmoid(gate)

    def first(self, layer: torch.nn.Module, x: torch.Tensor) -> torch.Tensor:
        both = x @ layer.weight + layer.bias
        return both[:, :5] * torch.sigmoid(both[:, 5:])

    def code(self, layer: Dense, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        both = x @ layer.weight.T + layer.bias
        return both[:, :3], functional.hardtanh(both[:, 3:], -12, 4)

    def upper(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        n = self.network
        return self.code(n.upper_code, self.gate(n.upper_layer.both, self.first(n.upper_history, x)))

    def lower(self, x: torch.Tensor, z2: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        n = self.network
        both = torch.cat([self.first(n.lower_history, x), self.gate(n.lower_layers.second.both, z2)], dim=1)
        return self.code(n.lower_code, self.gate(n.lower_layers.joint.both, both))

    def prior(self, z2: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        first, second = self.network.prior_layers
        return self.code(self.network.prior_code, self.gate(second.both, self.gate(first.both, z2)))

    def logits(self, z1: torch.Tensor, z2: torch.Tensor) -> torch.Tensor:
        decoder, output = self.network.decoder, self.network.output
        both = torch.cat([self.gate(decoder.first.both, z1), self.gate(decoder.second.both, z2)], dim=1)
        return self.gate(decoder.joint.both, both) @ output.weight.T + output.bias


def test_the_loss_is_the_papers_written_densely() -> None:
    network, batch = network_of(), histories()
    network.start_epoch(5)
    ours = network.loss(batch, 0, Machine.of(FP32))

    written, x, generator = Written(network), functional.normalize(dense(batch)), Machine.of(FP32).generator
    mean_2, log_variance_2 = written.upper(x)
    z2 = mean_2 + (log_variance_2 / 2).exp() * torch.empty(6, 3).normal_(generator=generator)
    mean_1, log_variance_1 = written.lower(x, z2)
    z1 = mean_1 + (log_variance_1 / 2).exp() * torch.empty(6, 3).normal_(generator=generator)
    likelihood = (dense(batch) * torch.log_softmax(written.logits(z1, z2), dim=1)).sum(dim=1)
    prior_mean, prior_log_variance = written.prior(z2)
    kl_1 = kl_divergence(
        Normal(mean_1, (log_variance_1 / 2).exp()), Normal(prior_mean, (prior_log_variance / 2).exp())
    ).sum(dim=1)
    pseudo_mean, pseudo_log_variance = written.upper(network.pseudo_histories)
    mixture = Normal(pseudo_mean, (pseudo_log_variance / 2).exp()).log_prob(z2[:, None, :]).sum(dim=2)
    kl_2 = Normal(mean_2, (log_variance_2 / 2).exp()).log_prob(z2).sum(dim=1) - mixture.exp().mean(dim=1).log()
    torch.testing.assert_close(ours.parts["kl"], (kl_1 + kl_2).mean())
    torch.testing.assert_close(ours.total, (0.2 * (kl_1 + kl_2) - likelihood).mean())


def test_all_gradients_equal_autograd_on_the_dense_form() -> None:
    """The first layer gets its gradient twice: from the histories, in place, and from the learned histories."""
    network, batch = network_of(), histories()
    network.loss(batch, 0, Machine.of(FP32)).total.backward()
    ours = {name: parameter.grad.clone() for name, parameter in network.named_parameters()}

    network.zero_grad()
    written, x, generator = Written(network), functional.normalize(dense(batch)), Machine.of(FP32).generator
    upper = written.upper(x)
    z2 = draw(*upper, generator)
    lower = written.lower(x, z2)
    z1 = draw(*lower, generator)
    likelihood = (dense(batch) * torch.log_softmax(written.logits(z1, z2), dim=1)).sum(dim=1)
    kl = divergence(*lower, *written.prior(z2)).sum(dim=1) + log_density(z2, *upper).sum(dim=1)
    kl = kl - mixture_log_density(z2, *written.upper(network.pseudo_histories))
    (0.4 * kl - likelihood).mean().backward()
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(ours[name], parameter.grad, rtol=1e-4, atol=1e-5, msg=name)


def test_learned_histories_start_near_the_published_values_and_count_between_zero_and_one() -> None:
    network = HVampNetwork(500, TINY, torch.Generator().manual_seed(0))
    start = network.pseudo_histories.detach()
    assert float(start.mean()) == pytest.approx(0.05, abs=0.001)
    assert float(start.std()) == pytest.approx(0.01, abs=0.001)
    with torch.no_grad():
        network.pseudo_histories[0, :2] = torch.tensor([-1.0, 3.0])
        beyond = network.prior_of_upper(torch.float32)[0]
        network.pseudo_histories[0, :2] = torch.tensor([0.0, 1.0])
        torch.testing.assert_close(beyond, network.prior_of_upper(torch.float32)[0])


def test_weights_start_as_he_et_al_start_them() -> None:
    network = HVampNetwork(800, HVampConfig(hidden=100, latent=50, pseudo_users=2), torch.Generator().manual_seed(0))
    inputs = {"upper_history": 800, "lower_history": 800, "output": 100, "upper_code": 100, "decoder.joint.both": 200}
    for name, n_inputs in inputs.items():
        weight = network.get_submodule(name).weight.detach()
        assert float(weight.std()) == pytest.approx((2 / n_inputs) ** 0.5, rel=0.03), name


def test_log_variances_stay_within_bounds() -> None:
    network = network_of()
    with torch.no_grad():
        network.upper_code.bias[3:] = torch.tensor([-100.0, 100.0, 0.0])
    _, log_variance = network.encode_upper(network.upper_history(histories()), torch.float32)
    assert set(log_variance[:, 0].tolist()) == {-12.0}
    assert set(log_variance[:, 1].tolist()) == {4.0}


def test_the_weight_of_the_kl_terms_grows_by_the_epoch_to_its_maximum() -> None:
    network, found = network_of(), []
    for epoch in (1, 5, 10, 400):
        network.start_epoch(epoch)
        found.append(network.beta)
    assert found == pytest.approx([0.04, 0.2, 0.4, 0.4])
    at_once = network_of(TINY.model_copy(update={"warm_up": 0}))
    at_once.start_epoch(1)
    assert at_once.beta == 0.4


def test_training_starts_every_epoch_with_its_weight() -> None:
    log = taste_log()
    model = HVamp(hidden=4, latent=2, pseudo_users=2, epochs=3, warm_up=6, beta=0.6, patience=0)
    model.fit(log, options=FP32)
    assert model.network.beta == pytest.approx(0.3)


def test_the_two_encoders_are_shown_differently_corrupted_histories() -> None:
    network, seen = network_of(TINY.model_copy(update={"dropout": 0.5})), []
    for layer in (network.upper_history, network.lower_history):
        layer.register_forward_hook(lambda _module, inputs, _output: seen.append(inputs[0].values))
    network.loss(histories(), 0, Machine.of(FP32))
    upper, lower = seen
    assert (upper == 0).any()
    assert (lower == 0).any()
    assert not torch.equal(upper, lower)


def test_scores_come_from_the_means_of_both_codes_without_noise_or_dropout() -> None:
    network = network_of(TINY.model_copy(update={"dropout": 0.9}))
    network.train()
    written, x = Written(network), functional.normalize(dense(histories()))
    z2, _ = written.upper(x)
    z1, _ = written.lower(x, z2)
    torch.testing.assert_close(network.scores(histories()), written.logits(z1, z2))


def taste_log(n_users: int = 80, n_items: int = 24) -> Interactions:
    """Two groups of users, each with its own half of the items."""
    own = (np.arange(n_users) % 2)[:, None] == (np.arange(n_items) % 2)[None, :]
    matrix = own & (np.random.default_rng(1).random((n_users, n_items)) < 0.6)
    return Interactions(sparse.csr_array(matrix.astype(np.float32)), IdIndex.range(n_users), IdIndex.range(n_items))


def test_it_learns_two_tastes() -> None:
    log = taste_log()
    model = HVamp(hidden=16, latent=4, pseudo_users=5, epochs=40, batch_users=20, learning_rate=1e-2, patience=0)
    scores = model.fit(log, options=FP32).score(log.matrix)
    own = (np.arange(80) % 2)[:, None] == (np.arange(24) % 2)[None, :]
    assert scores[own].mean() > scores[~own].mean() + 2


def test_published_defaults() -> None:
    config = HVampConfig()
    assert (config.hidden, config.latent, config.pseudo_users, config.dropout) == (600, 200, 1000, 0.5)
    assert (config.beta, config.warm_up, config.batch_users, config.learning_rate) == (0.3, 100, 200, 5e-4)
