"""CFGAN: both losses by hand, the sparse discriminator against autograd, and what masking may touch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse
from torch import Tensor

from recae.data.ids import IdIndex
from recae.data.interactions import Interactions
from recae.models.autoencoders.cfgan import Cfgan, CfganConfig, CfganNetwork, sampled_zeros
from recae.models.registry import load
from recae.options import RunOptions
from recae.training import masked
from recae.training.engine import Machine, Pass, Schedule, train
from recae.training.masked import masked_product
from recae.training.sparse import SparseRows

CPU = torch.device("cpu")
FP32 = RunOptions(seed=5, device="cpu", precision="fp32")
DENSE = np.random.default_rng(0).random((6, 10)) < 0.4


def rows_of(matrix: np.ndarray) -> SparseRows:
    return SparseRows.of(sparse.csr_array(matrix.astype(np.float32)), CPU)


def network_of(**settings: float) -> CfganNetwork:
    config = CfganConfig(latent=4, discriminator_hidden=3, **settings)
    return CfganNetwork(10, config, torch.Generator().manual_seed(1))


def log_of(n_users: int = 60, n_items: int = 24) -> Interactions:
    """Two groups of users, each with its own half of the items."""
    rng = np.random.default_rng(1)
    own = (np.arange(n_users) % 2)[:, None] == (np.arange(n_items) % 2)[None, :]
    matrix = sparse.csr_array((own & (rng.random((n_users, n_items)) < 0.6)).astype(np.float32))
    return Interactions(matrix, IdIndex.range(n_users), IdIndex.range(n_items))


def made_up(network: CfganNetwork, x: Tensor) -> Tensor:
    """The generator's outputs, written densely."""
    encoder, output = network.generator.encoder, network.generator.output
    return torch.sigmoid(x @ encoder.weight + encoder.bias) @ output.weight.T + output.bias


def probability(network: CfganNetwork, x: Tensor, vectors: Tensor) -> Tensor:
    """The discriminator of [history, vector] as one layer over both, written densely."""
    part = network.discriminator
    weight = torch.cat([part.history.weight, part.purchases.weight])
    hidden = torch.sigmoid(torch.cat([x, vectors], dim=1) @ weight + part.history.bias + part.purchases.bias)
    return torch.sigmoid(hidden @ part.verdict.weight.T + part.verdict.bias)


def gradients(network: CfganNetwork) -> dict[str, Tensor]:
    found = {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}
    network.zero_grad()
    return found


class TestLosses:
    def test_the_discriminators_loss_and_gradients_are_those_of_the_dense_form(self) -> None:
        network, x = network_of(masking_share=0.5), torch.from_numpy(DENSE).float()
        network.generator.requires_grad_(False)
        loss = network.discriminate(rows_of(DENSE), 0, Machine.of(FP32))
        loss.total.backward()
        ours = gradients(network)

        mask = x + sampled_zeros(rows_of(DENSE), 0.5, Machine.of(FP32).generator)
        real, fake = probability(network, x, x), probability(network, x, made_up(network, x) * mask)
        expected = -torch.log(real).mean() - torch.log(1 - fake).mean()
        expected.backward()
        torch.testing.assert_close(loss.total, expected)
        assert all(name.startswith("discriminator.") for name in ours)
        for name, gradient in gradients(network).items():
            torch.testing.assert_close(ours[name], gradient, msg=name)

    def test_the_generators_loss_and_gradients_are_those_of_the_dense_form(self) -> None:
        settings = {"masking_share": 0.5, "zero_share": 0.7, "zero_weight": 0.3}
        network, x = network_of(**settings), torch.from_numpy(DENSE).float()
        network.discriminator.requires_grad_(False)
        loss = network.deceive(rows_of(DENSE), 0, Machine.of(FP32))
        loss.total.backward()
        ours = gradients(network)

        generator = Machine.of(FP32).generator
        zeros = sampled_zeros(rows_of(DENSE), 0.7, generator)
        mask = x + sampled_zeros(rows_of(DENSE), 0.5, generator)
        outputs = made_up(network, x)
        adversarial = -torch.log(probability(network, x, outputs * mask)).mean()
        squares = (outputs.square() * zeros).sum(dim=1).mean()
        (adversarial + 0.3 * squares).backward()
        torch.testing.assert_close(loss.total, adversarial + 0.3 * squares)
        torch.testing.assert_close(loss.parts["zeros"], squares)
        assert all(name.startswith("generator.") for name in ours)
        for name, gradient in gradients(network).items():
            torch.testing.assert_close(ours[name], gradient, msg=name)

    def test_the_condition_is_the_whole_history_and_the_penalties_are_the_authors(self) -> None:
        model = Cfgan()
        config = model.config
        assert config.schedule(100).l2 == config.l2 == 1e-3
        assert (config.learning_rate, config.discriminator_rate, config.discriminator_l2) == (1e-4, 5e-5, 5e-5)
        assert (config.masking_share, config.zero_share, config.zero_weight) == (0.9, 0.9, 0.03)
        assert (config.latent, config.discriminator_hidden, config.batch_users) == (300, 250, 256)


class TestMaskedProduct:
    @pytest.mark.parametrize("block_outputs", [1, 1 << 21])
    @pytest.mark.parametrize("moving", [(0, 1, 2), (3,), (0, 1, 2, 3), (2,)])
    def test_it_equals_autograd_on_the_dense_form(
        self, block_outputs: int, moving: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """For 600 items: in one block or three."""
        monkeypatch.setattr(masked, "_BLOCK_OUTPUTS", block_outputs)
        draw = torch.Generator().manual_seed(2)
        shapes = ((5, 4), (600, 4), (600,), (600, 3))
        ours = [torch.randn(shape, generator=draw).requires_grad_(n in moving) for n, shape in enumerate(shapes)]
        theirs = [tensor.detach().clone().requires_grad_(tensor.requires_grad) for tensor in ours]
        shown, zeros = torch.rand(2, 5, 600, generator=draw) < 0.5
        upstream = torch.randn(5, 3, generator=draw)

        product, squares = masked_product(*ours, shown, zeros, torch.float32)
        ((product * upstream).sum() + 0.7 * squares).backward()
        hidden, weight, bias, reader = theirs
        outputs = hidden @ weight.T + bias
        dense = (outputs * shown) @ reader
        ((dense * upstream).sum() + 0.7 * (outputs * zeros).square().sum()).backward()

        torch.testing.assert_close(product, dense, rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(squares, (outputs * zeros).square().sum(), rtol=1e-4, atol=1e-4)
        for one, other in zip(ours, theirs, strict=True):
            assert (one.grad is None) == (other.grad is None)
            if one.grad is not None and other.grad is not None:
                torch.testing.assert_close(one.grad, other.grad, rtol=1e-4, atol=1e-3)

    def test_without_zeros_there_is_no_sum(self) -> None:
        ones = torch.ones(2, 3)
        _, squares = masked_product(ones, ones, torch.ones(2), ones, torch.ones(2, 2, dtype=bool), None, torch.float32)
        assert squares == 0

    def test_narrow_products_are_close_to_the_exact_ones(self) -> None:
        draw = torch.Generator().manual_seed(2)
        hidden, weight, reader = (torch.randn(50, 8, generator=draw) for _ in range(3))
        shown = torch.rand(50, 50, generator=draw) < 0.5
        exact, narrow = (
            masked_product(hidden, weight, torch.zeros(50), reader, shown, None, dtype)[0]
            for dtype in (torch.float32, torch.bfloat16)
        )
        assert narrow.dtype == torch.float32
        assert (narrow - exact).norm() < 0.02 * exact.norm()
        assert not torch.equal(narrow, exact)


class TestSampledZeros:
    def test_purchases_are_never_sampled_and_others_at_their_share(self) -> None:
        matrix = np.random.default_rng(0).random((200, 300)) < 0.3
        sampled = sampled_zeros(rows_of(matrix), 0.7, torch.Generator().manual_seed(0)).numpy()
        assert not (sampled & matrix).any()
        assert sampled[~matrix].mean() == pytest.approx(0.7, abs=0.01)

    @pytest.mark.parametrize("share", [0.0, 1.0])
    def test_none_or_all_can_be_asked_for(self, share: float) -> None:
        sampled = sampled_zeros(rows_of(DENSE), share, torch.Generator().manual_seed(0)).numpy()
        np.testing.assert_array_equal(sampled, ~DENSE & (share == 1))

    def test_what_is_neither_bought_nor_sampled_stays_hidden_from_the_discriminator(self) -> None:
        """Without partial masking, an output where nothing was bought changes nothing."""
        network, batch = network_of(masking_share=0, zero_weight=0), rows_of(np.eye(10)[:3])
        before = network.deceive(batch, 0, Machine.of(FP32)).total
        with torch.no_grad():
            network.generator.output.bias[3:] += 5
        assert torch.equal(network.deceive(batch, 0, Machine.of(FP32)).total, before)
        with torch.no_grad():
            network.generator.output.bias[2] += 5
        assert not torch.equal(network.deceive(batch, 0, Machine.of(FP32)).total, before)


class TestTraining:
    def passes(self) -> tuple[CfganNetwork, list[Pass]]:
        model = Cfgan(latent=4, discriminator_hidden=3)
        model.network = model._build(60, 24, torch.Generator().manual_seed(0))
        return model.network, list(model._passes(log_of().matrix))

    def test_an_epoch_is_a_pass_of_the_discriminator_and_then_one_of_the_generator(self) -> None:
        network, (first, second) = self.passes()
        assert [step.loss for step in (*first.steps, *second.steps)] == [network.discriminate, network.deceive]
        assert (first.steps[0].learning_rate, first.steps[0].l2) == (5e-5, 5e-5)

    @pytest.mark.parametrize(("chosen", "moved"), [(0, "discriminator."), (1, "generator.")])
    def test_each_step_moves_only_its_own_network(self, chosen: int, moved: str) -> None:
        network, passes = self.passes()
        before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
        train(network, [passes[chosen]], log_of().matrix, Schedule(2, 20, 1e-2), Machine.of(FP32), FP32)
        for name, tensor in network.state_dict().items():
            assert torch.equal(tensor, before[name]) != name.startswith(moved), name

    def test_only_the_generator_is_kept_and_saved(self, tmp_path) -> None:
        model = Cfgan(latent=4, discriminator_hidden=3, epochs=2, patience=0).fit(log_of(), options=FP32)
        assert set(model.weights()) == {"encoder.weight", "encoder.bias", "output.weight", "output.bias"}
        again = load(model.save(tmp_path / "model"))
        np.testing.assert_array_equal(again.score(log_of().matrix), model.score(log_of().matrix))

    def test_it_learns_two_tastes_from_the_discriminator(self) -> None:
        """Zeros alone would draw every output to 0: what rises above it comes from the adversary."""
        log = log_of()
        settings = {"learning_rate": 0.05, "zero_weight": 1.0, "batch_users": 60, "epochs": 60, "patience": 0}
        model = Cfgan(latent=8, discriminator_hidden=8, discriminator_rate=0.05, **settings).fit(log, options=FP32)
        scores = model.score(log.matrix)
        own = (np.arange(60) % 2)[:, None] == (np.arange(24) % 2)[None, :]
        assert scores[own].mean() > scores[~own].mean() + 0.2
        flat = Cfgan(latent=8, discriminator_hidden=8, discriminator_rate=0, **settings).fit(log, options=FP32)
        blind = flat.score(log.matrix)
        assert abs(blind[own].mean() - blind[~own].mean()) < 0.1
