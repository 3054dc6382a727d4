"""MacridVAE against the paper's equations written densely, by autograd and by torch.distributions."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import sparse
from torch.nn.functional import normalize

from recae.data.ids import IdIndex
from recae.data.interactions import Interactions
from recae.models.autoencoders.macrid_vae import (
    MacridVae,
    MacridVaeConfig,
    MacridVaeNetwork,
    variance_kl,
)
from recae.options import RunOptions
from recae.training import multinomial
from recae.training.engine import Machine
from recae.training.prototypes import GroupedLinear, PrototypeOutput
from recae.training.sparse import SparseRows

CPU = torch.device("cpu")
FP32 = RunOptions(seed=5, device="cpu", precision="fp32")


def rows_of(matrix: np.ndarray) -> SparseRows:
    return SparseRows.of(sparse.csr_array(matrix.astype(np.float32)), CPU)


def random_likes(n_rows: int, n_items: int, seed: int = 0) -> np.ndarray:
    likes = np.random.default_rng(seed).random((n_rows, n_items)) < 0.3
    likes[:, 0] = True
    return likes


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_kl_equals_torch_distributions_up_to_the_constant_of_the_mean() -> None:
    deviation, log_ratio = 0.3, torch.randn(2, 7, 5, generator=generator())
    mean = normalize(torch.randn(2, 7, 5, generator=generator(1)), dim=2)
    posterior = torch.distributions.Normal(mean, deviation * (0.5 * log_ratio).exp())
    prior = torch.distributions.Normal(torch.zeros(5), torch.full((5,), deviation))
    theirs = torch.distributions.kl_divergence(posterior, prior).sum(dim=2)
    torch.testing.assert_close(variance_kl(log_ratio), theirs - 1 / (2 * deviation**2), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("temperature", [0.03, 0.1, 1.0])
@pytest.mark.parametrize("block_logits", [1, 1 << 21])
def test_the_likelihood_and_its_gradients_are_those_of_the_dense_form(
    monkeypatch: pytest.MonkeyPatch, block_logits: int, temperature: float
) -> None:
    monkeypatch.setattr(multinomial, "_BLOCK_LOGITS", block_logits)
    output = PrototypeOutput(700, 5, 3, temperature, generator(1))
    likes = random_likes(8, 700)
    likes[3] = False
    inputs = [normalize(torch.randn(3, 8, 5, generator=generator(2)), dim=2), normalize(output.weight.detach(), dim=1)]
    inputs.append(output.log_groups(inputs[1]).detach())
    ours, theirs = ([each.clone().requires_grad_() for each in inputs] for _ in range(2))

    loss = output.negative_log_likelihood(*ours, rows_of(likes), torch.float32)
    codes, items, log_groups = theirs
    logits = torch.logsumexp(log_groups.T[:, None, :] + codes @ items.T / temperature, dim=0)
    dense = -(torch.from_numpy(likes).float() * torch.log_softmax(logits, dim=1)).sum(dim=1).mean()
    (2 * loss).backward()
    (2 * dense).backward()

    torch.testing.assert_close(loss, dense)
    torch.testing.assert_close(output.logits(*inputs), logits, rtol=1e-4, atol=1e-4)
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine.grad, other.grad, rtol=1e-3, atol=1e-4)


def test_the_likelihood_in_bf16_stays_close_to_fp32() -> None:
    output = PrototypeOutput(300, 16, 3, 0.1, generator(1))
    gradients = []
    for dtype in (torch.float32, torch.bfloat16):
        codes = normalize(torch.randn(3, 20, 16, generator=generator(2)), dim=2).requires_grad_()
        items = normalize(output.weight.detach(), dim=1)
        target = rows_of(random_likes(20, 300))
        output.negative_log_likelihood(codes, items, output.log_groups(items), target, dtype).backward()
        gradients.append(codes.grad)
    exact, rounded = gradients
    assert (rounded - exact).norm() < 0.03 * exact.norm()
    assert not torch.equal(rounded, exact), "bf16 was not used"


def test_each_groups_part_of_a_history_is_scaled_to_length_one_before_the_encoder() -> None:
    layer = GroupedLinear(20, 6, generator(1))
    weight, bias = (each.detach().clone().requires_grad_() for each in (layer.weight, layer.bias))
    groups = torch.rand(20, 3, generator=generator(2)).requires_grad_()
    again = groups.detach().clone().requires_grad_()
    likes = random_likes(7, 20)
    upstream = torch.randn(3, 7, 6, generator=generator(3))

    ours = layer(rows_of(likes), groups, 0.0, None)
    parts = torch.from_numpy(likes).float() * again.T[:, None, :]
    theirs = normalize(parts, dim=2) @ weight + bias
    (ours * upstream).sum().backward()
    (theirs * upstream).sum().backward()

    torch.testing.assert_close(ours, theirs)
    torch.testing.assert_close(groups.grad, again.grad)
    torch.testing.assert_close(layer.weight.grad, weight.grad)
    torch.testing.assert_close(layer.bias.grad, bias.grad)


def test_dropout_acts_after_the_scaling_and_for_each_group_by_itself() -> None:
    layer = GroupedLinear(1000, 1, generator())
    torch.nn.init.ones_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    found = layer(rows_of(np.ones((1, 1000))), torch.ones(1000, 4), 0.75, generator(1))
    kept = found.flatten() * math.sqrt(1000) / 4  # 1 / (1 - 0.75)
    torch.testing.assert_close(kept, kept.round(), atol=1e-2, rtol=0)
    assert ((kept - 250).abs() < 70).all()
    assert len(set(kept.round().tolist())) > 1


def test_the_whole_loss_and_every_gradient_equal_the_dense_form() -> None:
    """Without dropout and Gumbel noise; all that is left to chance is the noise of the codes."""
    config = MacridVaeConfig(prototypes=3, hidden=6, latent=4, dropout=0, gumbel=False, beta=0.3, anneal_steps=0)
    likes = random_likes(6, 15)
    ours, twin = (MacridVaeNetwork(15, config, generator(1)) for _ in range(2))
    loss = ours.loss(rows_of(likes), 0, Machine.of(FP32))
    loss.total.backward()

    x = torch.from_numpy(likes).float()
    items, prototypes = normalize(twin.output.weight, dim=1), normalize(twin.output.prototypes, dim=1)
    groups = torch.softmax(items @ prototypes.T / 0.1, dim=1)
    noise = torch.empty(3, 6, 4).normal_(generator=Machine.of(FP32).generator)
    mixture, divergence = torch.zeros(6, 15), torch.zeros(())
    for k in range(3):
        hidden = torch.tanh(normalize(x * groups[:, k], dim=1) @ twin.encoder.weight + twin.encoder.bias)
        mean, shrinkage = (hidden @ twin.code.weight.T + twin.code.bias).split(4, dim=1)
        spread = 0.075 * torch.exp(-0.5 * shrinkage)
        code = normalize(normalize(mean, dim=1) + spread * noise[k], dim=1)
        mixture = mixture + groups[:, k] * torch.exp(code @ items.T / 0.1)
        divergence = divergence + (-torch.log(spread / 0.075) + (spread / 0.075) ** 2 / 2 - 0.5).sum(dim=1).mean()
    likelihood = (x * torch.log(mixture / mixture.sum(dim=1, keepdim=True))).sum(dim=1).mean()
    total = -likelihood + 0.3 * divergence
    total.backward()

    torch.testing.assert_close(loss.total, total)
    for (name, mine), other in zip(ours.named_parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, other.grad, rtol=1e-3, atol=1e-4, msg=name)


def test_gumbel_draws_pick_each_group_as_often_as_its_probability_says() -> None:
    """The largest of relaxed draws is a draw from the categorical distribution, whatever their relaxation."""
    output = PrototypeOutput(3, 4, 3, 0.5, generator(4))
    items = normalize(output.weight.detach(), dim=1)
    stream, picks = generator(1), torch.zeros(3, 3)
    for _ in range(4000):
        drawn = output.log_groups(items, stream)
        picks[torch.arange(3), drawn.argmax(dim=1)] += 1
    torch.testing.assert_close(drawn.exp().sum(dim=1), torch.ones(3))
    torch.testing.assert_close(picks / 4000, output.log_groups(items).exp().detach(), atol=0.04, rtol=0)


def test_items_of_two_separate_worlds_get_codes_of_their_own() -> None:
    """Users who like things of both worlds: what one code says of a user leaves the other code alone."""
    rng = np.random.default_rng(0)
    tastes = rng.integers(0, 2, (200, 2))  # in each world of 20 items, which half a user likes
    half = (np.arange(40) % 20) // 10
    likes = (tastes[:, np.arange(40) // 20] == half) & (rng.random((200, 40)) < 0.5)
    log = Interactions(sparse.csr_array(likes.astype(np.float32)), IdIndex.range(200), IdIndex.range(40))
    settings = {"hidden": 16, "latent": 8, "epochs": 25, "batch_users": 25, "learning_rate": 0.01, "patience": 0}
    model = MacridVae(prototypes=4, **settings).fit(log, options=FP32)
    scores = model.score(log.matrix)
    own = tastes[:, np.arange(40) // 20] == half
    assert scores[own].mean() > scores[~own].mean() + 1
    np.testing.assert_array_equal(scores, model.score(log.matrix))


def test_a_block_of_items_is_all_that_is_kept_of_the_logits(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    real = torch.Tensor.exp_
    monkeypatch.setattr(torch.Tensor, "exp_", lambda self: (seen.append(self.numel()), real(self))[1])
    network = MacridVaeNetwork(20_000, MacridVaeConfig(hidden=4, latent=4), generator())
    likes = sparse.random_array(
        (100, 20_000), density=0.001, format="csr", dtype=np.float32, rng=np.random.default_rng(0)
    )
    network.loss(SparseRows.of(likes, CPU), 0, Machine.of(FP32)).total.backward()
    assert seen
    assert max(seen) <= multinomial._BLOCK_LOGITS


def test_published_defaults() -> None:
    config = MacridVaeConfig()
    assert (config.prototypes, config.latent, config.temperature, config.deviation) == (7, 100, 0.1, 0.075)
    assert (config.dropout, config.beta, config.batch_users, config.learning_rate) == (0.5, 0.2, 100, 1e-3)
