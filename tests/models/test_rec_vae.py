"""RecVAE and ImplicitSLIM at the points where implementations usually part from the papers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from scipy import sparse
from torch.distributions import Categorical, MixtureSameFamily, Normal

from recae.data.ids import IdIndex
from recae.data.interactions import Interactions
from recae.errors import ConfigError
from recae.models.autoencoders import implicit_slim as implicit_slim_module
from recae.models.autoencoders.implicit_slim import implicit_slim
from recae.models.autoencoders.rec_vae import (
    Alternation,
    RecVae,
    RecVaeConfig,
    RecVaeNetwork,
    composite_log_density,
    kl_weights,
)
from recae.options import RunOptions
from recae.training.engine import Machine, Schedule, Step, train
from recae.training.layers import Dense
from recae.training.sparse import SparseRows

FP32 = RunOptions(seed=5, device="cpu", precision="fp32")
TINY = RecVaeConfig(hidden=6, layers=3, latent=3, dropout=0, gamma=0.05)


def random_matrix(n_users: int = 30, n_items: int = 12, density: float = 0.4, seed: int = 0) -> sparse.csr_array:
    rng = np.random.default_rng(seed)
    matrix = rng.random((n_users, n_items)) < density
    matrix[np.arange(n_users), rng.integers(0, n_items, n_users)] = True
    return sparse.csr_array(matrix.astype(np.float32))


def rows_of(matrix: sparse.csr_array) -> SparseRows:
    return SparseRows.of(matrix, torch.device("cpu"))


def network_of(config: RecVaeConfig, n_items: int = 12, seed: int = 1) -> RecVaeNetwork:
    return RecVaeNetwork(n_items, config, torch.Generator().manual_seed(seed))


def copies(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in module.state_dict().items()}


def equal(left: dict[str, torch.Tensor], right: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(left[name], right[name]) for name in left)


def encoded_densely(network: RecVaeNetwork, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Mean and log variance written out: every layer sees the sum of all layers before it."""
    encoder, outputs = network.encoder, []
    for number, norm in enumerate(encoder.norms):
        if number == 0:
            inside = torch.nn.functional.normalize(x) @ encoder.first.weight + encoder.first.bias
        else:
            dense = encoder.dense[number - 1]
            inside = outputs[-1] @ dense.weight.T + dense.bias + torch.stack(outputs).sum(dim=0)
        swish = inside * torch.sigmoid(inside)
        centred = swish - swish.mean(dim=1, keepdim=True)
        scaled = centred / (centred.square().mean(dim=1, keepdim=True) + 0.1).sqrt()
        outputs.append(scaled * norm.weight + norm.bias)
    both = outputs[-1] @ encoder.code.weight.T + encoder.code.bias
    return both[:, :3], both[:, 3:]


def composite_density(old_mean: torch.Tensor, old_log_variance: torch.Tensor, z: torch.Tensor) -> torch.Tensor:
    """(n_rows, latent) log density by torch.distributions."""
    zeros = torch.zeros_like(z)
    means = torch.stack([zeros, old_mean, zeros], dim=-1)
    log_variances = torch.stack([zeros, old_log_variance, zeros + 10], dim=-1)
    weights = Categorical(torch.tensor([3 / 20, 3 / 4, 1 / 10]).expand(*z.shape, 3))
    return MixtureSameFamily(weights, Normal(means, (log_variances / 2).exp())).log_prob(z)


class TestLosses:
    def test_the_prior_is_a_mixture_in_each_dimension(self) -> None:
        z, mean, log_variance = torch.randn(3, 7, 4, generator=torch.Generator().manual_seed(0)) * 2
        ours = composite_log_density(z, mean, log_variance)
        torch.testing.assert_close(ours, composite_density(mean, log_variance, z))

    def test_the_weight_of_the_kl_term_is_in_proportion_to_the_history(self) -> None:
        batch = rows_of(sparse.csr_array(np.array([[1, 1, 1, 1], [0, 1, 0, 0]], dtype=np.float32)))
        torch.testing.assert_close(kl_weights(batch, RecVaeConfig(gamma=0.01)), torch.tensor([0.04, 0.01]))
        torch.testing.assert_close(kl_weights(batch, RecVaeConfig(gamma=0, beta=0.2)), torch.tensor([0.2, 0.2]))

    def test_the_encoders_loss_is_the_papers_written_densely(self) -> None:
        matrix, network = random_matrix(), network_of(TINY)
        alternation = Alternation(network, TINY, matrix)
        alternation.old_encoder.load_state_dict(network_of(TINY, seed=2).encoder.state_dict())
        ours = alternation.encoder_loss(rows_of(matrix), 0, Machine.of(FP32))

        x = torch.from_numpy(matrix.toarray())
        mean, log_variance = encoded_densely(network, x)
        z = mean + (0.5 * log_variance).exp() * torch.empty(30, 3).normal_(generator=Machine.of(FP32).generator)
        logits = z @ network.output.weight.T + network.output.bias
        likelihood = (x * torch.log_softmax(logits, dim=1)).sum(dim=1)
        prior = composite_density(*encoded_densely(network_of(TINY, seed=2), x), z)
        kl = (Normal(mean, (0.5 * log_variance).exp()).log_prob(z) - prior).sum(dim=1)
        torch.testing.assert_close(ours.parts["kl"], kl.mean())
        torch.testing.assert_close(ours.total, (0.05 * x.sum(dim=1) * kl - likelihood).mean())

    def test_the_decoder_sees_whole_histories_and_the_encoder_corrupted_ones(self) -> None:
        config = TINY.model_copy(update={"dropout": 0.5})
        network, matrix = network_of(config), random_matrix()
        alternation = Alternation(network, config, matrix)
        seen: list[tuple[object, int]] = []

        def note(encoder: object) -> Callable[..., None]:
            return lambda _module, inputs, _output: seen.append((encoder, int((inputs[0].values == 0).sum())))

        network.encoder.first.register_forward_hook(note("new"))
        alternation.old_encoder.first.register_forward_hook(note("old"))
        alternation.encoder_loss(rows_of(matrix), 0, Machine.of(FP32))
        alternation.decoder_loss(rows_of(matrix), 0, Machine.of(FP32))
        (first, hidden), (second, kept), (third, whole) = seen
        assert (first, second, third) == ("new", "old", "new")
        assert 0.3 * matrix.nnz < hidden < 0.7 * matrix.nnz
        assert kept == whole == 0

    def test_the_decoder_is_shown_less_where_that_is_asked_for(self) -> None:
        config = TINY.model_copy(update={"decoder_dropout": 0.5})
        network, matrix, hidden = network_of(config), random_matrix(), list[int]()
        alternation = Alternation(network, config, matrix)
        network.encoder.first.register_forward_hook(
            lambda _module, inputs, _output: hidden.append(int((inputs[0].values == 0).sum()))
        )
        alternation.encoder_loss(rows_of(matrix), 0, Machine.of(FP32))
        alternation.decoder_loss(rows_of(matrix), 0, Machine.of(FP32))
        assert hidden[0] == 0
        assert 0.3 * matrix.nnz < hidden[1] < 0.7 * matrix.nnz


class TestAlternation:
    def trained(self, **changed: object) -> tuple[RecVaeNetwork, Alternation, list[tuple[str, Step]]]:
        """Two epochs; the steps in the order in which they were made, checked for what they moved."""
        config = TINY.model_copy(update={"dropout": 0.3, **changed})
        network, matrix = network_of(config), random_matrix()
        alternation = Alternation(network, config, matrix)
        calls: list[tuple[str, Step]] = []
        sides = {"encoder": network.encoder, "decoder": network.output, "old": alternation.old_encoder}
        before = {name: copies(side) for name, side in sides.items()}

        def moved() -> set[str]:
            return {name for name, side in sides.items() if not equal(before[name], copies(side))}

        def watched(name: str, step: Step) -> Step:
            real = step.loss

            def loss(batch: SparseRows, number: int, machine: Machine):  # type: ignore[no-untyped-def]
                since = moved()
                # What changed since the last step was made by that step, or by the copy between two passes.
                previous = calls[-1][0] if calls else None
                allowed = {None: set(), "encoder": {"encoder"}, "decoder": {"decoder"}}[previous]
                changed_pass = previous == "encoder" and name == "decoder"
                assert since == (allowed | {"old"} if changed_pass else allowed)
                before.update({key: copies(side) for key, side in sides.items()})
                calls.append((name, step))
                return real(batch, number, machine)

            object.__setattr__(step, "loss", loss)
            return step

        passes = alternation.passes()
        for step in {id(step): step for each in passes for step in each.steps}.values():
            watched("decoder" if len(step.parameters) == 2 else "encoder", step)
        schedule = Schedule(epochs=2, batch_rows=10, learning_rate=1e-2)
        train(network, passes, matrix, schedule, Machine.of(FP32), FP32)
        return network, alternation, calls

    def test_each_pass_moves_one_side_and_the_old_encoder_changes_only_between_passes(self) -> None:
        network, alternation, calls = self.trained()
        assert [name for name, _ in calls] == (["encoder"] * 9 + ["decoder"] * 3) * 2
        assert equal(copies(alternation.old_encoder), copies(network.encoder))

    def test_all_passes_of_the_encoder_share_one_adam(self) -> None:
        passes = Alternation(network_of(TINY), TINY, random_matrix()).passes()
        assert [len(each.steps) for each in passes] == [1, 1, 1, 1]
        assert passes[0].steps[0] is passes[1].steps[0] is passes[2].steps[0] is not passes[3].steps[0]

    def test_the_old_encoder_is_not_part_of_the_model(self) -> None:
        log = taste_log()
        model = RecVae(hidden=8, layers=2, latent=4, epochs=1, patience=0).fit(log, options=FP32)
        encoder = 24 * 8 + 8 + 8 * 8 + 8 + 4 * 8 + 8 * 8 + 8  # first, dense, two norms, code
        assert sum(array.size for array in model.weights().values()) == encoder + 24 * 4 + 24


class TestImplicitSlim:
    def dense(self, w: np.ndarray, x: np.ndarray, l2: float, alpha: float, threshold: int) -> np.ndarray:
        """The minimum of |(I - B)^T V|^2 + alpha |A^T (V - W)|^2 in items x items matrices."""
        gram = x.T @ x + l2 * np.eye(x.shape[1])
        residual = np.linalg.inv(gram) @ np.diag(np.diag(gram))  # I - B with 1 / diag(C^-1) taken for diag(C)
        guides = w * (x.sum(axis=0) >= threshold)[:, None]
        return np.linalg.solve(residual @ residual.T + alpha * guides @ guides.T, alpha * guides @ guides.T @ w)

    @pytest.mark.parametrize("block_bytes", [1, 1 << 26])
    @pytest.mark.parametrize(("l2", "alpha", "threshold"), [(5.0, 1.0, 0), (30.0, 0.2, 13)])
    def test_it_is_the_minimum_computed_densely(
        self, l2: float, alpha: float, threshold: int, block_bytes: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(implicit_slim_module, "_BLOCK_BYTES", block_bytes)
        matrix = random_matrix()
        counts = matrix.toarray().sum(axis=0)
        assert counts.min() < 13 <= counts.max()
        embeddings = np.random.default_rng(3).normal(size=(12, 4)).astype(np.float32)
        ours = implicit_slim(embeddings, matrix, l2, alpha, threshold)
        assert ours.dtype == np.float32
        expected = self.dense(embeddings.astype(np.float64), matrix.toarray().astype(np.float64), l2, alpha, threshold)
        np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-5)

    def test_it_refines_both_ends_before_every_such_epoch(self) -> None:
        config = TINY.model_copy(update={"implicit_slim_every": 2, "implicit_slim_l2": 5, "implicit_slim_threshold": 3})
        network, matrix = network_of(config), random_matrix()
        first, *others = Alternation(network, config, matrix).passes()
        assert first.before is not None
        assert [each.before for each in others[:-1]] == [None, None]
        before = copies(network)
        first.before(1)
        assert equal(before, copies(network))
        first.before(2)
        after = copies(network)
        for name in ("encoder.first.weight", "output.weight"):
            expected = implicit_slim(before[name].numpy(), matrix, 5, 1, 3)
            np.testing.assert_array_equal(after.pop(name).numpy(), expected)
        assert equal(after, before)

    def test_a_threshold_that_no_item_reaches_is_refused(self) -> None:
        with pytest.raises(ConfigError, match=r"implicit_slim_threshold=1000.*no item has more than \d+"):
            RecVae(implicit_slim_every=1, epochs=1).fit(taste_log(), options=FP32)


def taste_log(n_users: int = 80, n_items: int = 24) -> Interactions:
    """Two groups of users, each with its own half of the items."""
    own = (np.arange(n_users) % 2)[:, None] == (np.arange(n_items) % 2)[None, :]
    matrix = own & (np.random.default_rng(1).random((n_users, n_items)) < 0.6)
    return Interactions(sparse.csr_array(matrix.astype(np.float32)), IdIndex.range(n_users), IdIndex.range(n_items))


def test_scores_are_logits_at_the_mean_without_noise_or_dropout() -> None:
    network, matrix = network_of(TINY.model_copy(update={"dropout": 0.9})), random_matrix()
    network.train()
    mean, _ = encoded_densely(network, torch.from_numpy(matrix.toarray()))
    expected = mean @ network.output.weight.T + network.output.bias
    torch.testing.assert_close(network.scores(rows_of(matrix)), expected)


@pytest.mark.parametrize(
    "settings", [{}, {"implicit_slim_every": 5, "implicit_slim_l2": 10, "implicit_slim_threshold": 5}]
)
def test_it_learns_two_tastes(settings: dict[str, int]) -> None:
    log = taste_log()
    model = RecVae(hidden=16, layers=2, latent=4, epochs=12, batch_users=20, learning_rate=1e-2, patience=0, **settings)
    scores = model.fit(log, options=FP32).score(log.matrix)
    own = (np.arange(80) % 2)[:, None] == (np.arange(24) % 2)[None, :]
    assert scores[own].mean() > scores[~own].mean() + 2


def test_published_defaults() -> None:
    config = RecVaeConfig()
    assert (config.hidden, config.layers, config.latent, config.dropout, config.gamma) == (600, 5, 200, 0.5, 0.005)
    assert (config.encoder_passes, config.batch_users, config.learning_rate, config.epochs) == (3, 500, 5e-4, 50)


def test_a_dense_layer_in_bf16_rounds_its_products_and_keeps_gradients_in_float32() -> None:
    layer = Dense(40, 30, torch.Generator().manual_seed(0))
    hidden = torch.randn(8, 40, generator=torch.Generator().manual_seed(1), requires_grad=True)
    found = []
    for dtype in (torch.float32, torch.bfloat16):
        layer.zero_grad()
        hidden.grad = None
        output = layer(hidden, dtype)
        output.square().sum().backward()
        assert output.dtype == layer.weight.grad.dtype == hidden.grad.dtype == torch.float32
        found.append(torch.cat([part.flatten() for part in (output, layer.weight.grad, layer.bias.grad, hidden.grad)]))
    exact, rounded = found
    assert 0 < (rounded - exact).norm() < 0.02 * exact.norm()
