"""The adversarial autoencoder: its three losses by hand, what each step moves, and what the adversary is for."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse
from torch import Tensor
from torch.nn import functional

from recae.data.ids import IdIndex
from recae.data.interactions import Interactions
from recae.models.autoencoders.adversarial_ae import AdversarialAe, AdversarialAeConfig, AdversarialAeNetwork
from recae.options import RunOptions
from recae.training.engine import Machine, Pass, Schedule, train
from recae.training.sparse import SparseRows

CPU = torch.device("cpu")
FP32 = RunOptions(seed=5, device="cpu", precision="fp32")
DENSE = np.random.default_rng(0).random((6, 10)) < 0.4


def rows_of(matrix: np.ndarray) -> SparseRows:
    return SparseRows.of(sparse.csr_array(matrix.astype(np.float32)), CPU)


def network_of(hidden: int = 5, dropout: float = 0.0) -> AdversarialAeNetwork:
    config = AdversarialAeConfig(hidden=hidden, latent=3, discriminator_hidden=4, dropout=dropout)
    return AdversarialAeNetwork(10, config, torch.Generator().manual_seed(1))


def log_of(n_users: int = 80, n_items: int = 24) -> Interactions:
    """Two groups of users, each with its own half of the items."""
    rng = np.random.default_rng(1)
    own = (np.arange(n_users) % 2)[:, None] == (np.arange(n_items) % 2)[None, :]
    matrix = sparse.csr_array((own & (rng.random((n_users, n_items)) < 0.6)).astype(np.float32))
    return Interactions(matrix, IdIndex.range(n_users), IdIndex.range(n_items))


def codes(network: AdversarialAeNetwork, dense: np.ndarray = DENSE) -> Tensor:
    """The codes of whole histories, written densely."""
    x = functional.normalize(torch.from_numpy(dense).float())
    hidden = torch.relu(x @ network.encoder.weight + network.encoder.bias)
    return hidden @ network.code[1].weight.T + network.code[1].bias


def probability(network: AdversarialAeNetwork, code: Tensor) -> Tensor:
    first, _, second, _, last = network.discriminator
    hidden = torch.relu(code @ first.weight.T + first.bias)
    hidden = torch.relu(hidden @ second.weight.T + second.bias)
    return torch.sigmoid(hidden @ last.weight.T + last.bias)


class TestLosses:
    def test_reconstruction_is_the_multinomial_likelihood_of_the_history(self) -> None:
        network = network_of()
        ours = network.reconstruct(rows_of(DENSE), 0, Machine.of(FP32)).total
        decoded = torch.relu(codes(network) @ network.decoder[0].weight.T + network.decoder[0].bias)
        logits = decoded @ network.output.weight.T + network.output.bias
        x = torch.from_numpy(DENSE).float()
        torch.testing.assert_close(ours, -(x * torch.log_softmax(logits, dim=1)).sum(dim=1).mean())

    def test_the_discriminator_tells_codes_from_draws_of_a_standard_normal(self) -> None:
        network = network_of()
        ours = network.discriminate(rows_of(DENSE), 0, Machine.of(FP32)).total
        draws = torch.empty(6, 3).normal_(generator=Machine.of(FP32).generator)
        of_draws, of_codes = probability(network, draws), probability(network, codes(network))
        torch.testing.assert_close(ours, -torch.log(of_draws).mean() - torch.log(1 - of_codes).mean())

    def test_the_encoder_is_paid_for_codes_taken_for_draws(self) -> None:
        network = network_of()
        ours = network.confuse(rows_of(DENSE), 0, Machine.of(FP32)).total
        torch.testing.assert_close(ours, -torch.log(probability(network, codes(network))).mean())

    def test_dropout_acts_on_the_normalised_history_in_all_three(self) -> None:
        """With one item left in, its value is 1 / (keep x norm of the whole history), not 1."""
        network = network_of(dropout=0.5)
        seen: list[Tensor] = []
        network.encoder.register_forward_hook(lambda _module, inputs, _output: seen.append(inputs[0].values))
        for loss in (network.reconstruct, network.discriminate, network.confuse):
            loss(rows_of(np.ones((4, 10))), 0, Machine.of(FP32))
        corrupted = 2 / np.sqrt(10)
        for values in seen:
            torch.testing.assert_close(values.unique(), torch.tensor([0, corrupted], dtype=torch.float32))
        network.scores(rows_of(np.ones((4, 10))))
        torch.testing.assert_close(seen[-1], torch.full((40,), corrupted / 2))

    def test_without_hidden_layers_code_and_logits_are_linear(self) -> None:
        network = network_of(hidden=0)
        code = functional.normalize(torch.from_numpy(DENSE).float()) @ network.encoder.weight + network.encoder.bias
        torch.testing.assert_close(network.scores(rows_of(DENSE)), code @ network.output.weight.T + network.output.bias)


class TestTraining:
    def steps(self) -> tuple[AdversarialAeNetwork, Pass]:
        model = AdversarialAe(hidden=5, latent=3, discriminator_hidden=4, adversarial_rate=0.02, l2=0.1)
        model.network = model._build(80, 24, torch.Generator().manual_seed(0))
        (each,) = model._passes(log_of().matrix)
        return model.network, each

    def test_every_batch_is_reconstructed_then_judged_then_fought_over(self) -> None:
        network, each = self.steps()
        assert [step.loss for step in each.steps] == [network.reconstruct, network.discriminate, network.confuse]
        assert [step.learning_rate for step in each.steps] == [None, 0.02, 0.02]
        assert [step.l2 for step in each.steps] == [None, 0.0, 0.0]
        assert AdversarialAe(l2=0.1).config.schedule(7).l2 == 0.1

    @pytest.mark.parametrize(
        ("chosen", "moved"),
        [(0, ("encoder.", "code.", "decoder.", "output.")), (1, ("discriminator.",)), (2, ("encoder.", "code."))],
    )
    def test_each_step_moves_only_its_parameters(self, chosen: int, moved: tuple[str, ...]) -> None:
        network, each = self.steps()
        before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        alone = [Pass((each.steps[chosen],))]
        train(network, alone, log_of().matrix, Schedule(2, 20, 1e-2), Machine.of(FP32), FP32)
        for name, tensor in network.state_dict().items():
            assert torch.equal(tensor, before[name]) != name.startswith(moved), name

    def test_rate_zero_leaves_a_denoising_autoencoder(self) -> None:
        model = AdversarialAe(hidden=0, latent=3, discriminator_hidden=4, adversarial_rate=0, epochs=3, patience=0)
        model.fit(log_of(), options=FP32)
        untrained = model._build(80, 24, Machine.of(FP32).generator)
        for name, drawn in untrained.discriminator.state_dict().items():
            assert torch.equal(model.network.discriminator.state_dict()[name], drawn), name

    def test_the_adversary_draws_codes_towards_a_standard_normal(self) -> None:
        """Free codes of two tastes lie far apart; the variance that the adversary wants is 1."""

        def spread(rate: float) -> float:
            settings = {"learning_rate": 0.01, "batch_users": 40, "epochs": 40, "patience": 0}
            model = AdversarialAe(hidden=0, latent=2, discriminator_hidden=16, adversarial_rate=rate, **settings)
            model.fit(log_of(), options=FP32)
            with torch.no_grad():
                code = model.network.encode(SparseRows.of(log_of().matrix, CPU).normalized())
            return float(code.square().mean())

        free, held = spread(0), spread(0.01)
        assert abs(np.log(held)) < abs(np.log(free))
        assert 0.3 < held < 2.5

    def test_it_learns_two_tastes(self) -> None:
        log = log_of()
        model = AdversarialAe(hidden=0, latent=8, epochs=30, batch_users=20, learning_rate=0.01, patience=0)
        scores = model.fit(log, options=FP32).score(log.matrix)
        own = (np.arange(80) % 2)[:, None] == (np.arange(24) % 2)[None, :]
        assert scores[own].mean() > scores[~own].mean() + 2
