"""The sampled softmax against the whole one: exact with all items, right on average with some."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse

from recae.data.ids import IdIndex
from recae.data.interactions import Interactions
from recae.models.autoencoders.mult_dae import MultDae
from recae.models.autoencoders.mult_vae import MultVae
from recae.options import RunOptions
from recae.training.layers import SparseLinear
from recae.training.multinomial import MultinomialOutput
from recae.training.sampled import first_layer, sampled_likelihood
from recae.training.sparse import SparseRows

N_ITEMS = 400
FP32 = RunOptions(seed=5, device="cpu", precision="fp32")


def target(seed: int = 0) -> SparseRows:
    rng = np.random.default_rng(seed)
    matrix = sparse.random_array((9, N_ITEMS), density=0.02, format="csr", dtype=np.float32, rng=rng)
    return SparseRows.of(matrix, torch.device("cpu"))


def output() -> MultinomialOutput:
    layer = MultinomialOutput(6, N_ITEMS, torch.Generator().manual_seed(1))
    with torch.no_grad():
        layer.bias.normal_(0, 0.5, generator=torch.Generator().manual_seed(3))
    return layer


def gradients(loss: torch.Tensor, hidden: torch.Tensor, layer: MultinomialOutput) -> list[torch.Tensor]:
    found = torch.autograd.grad(loss, (hidden, layer.weight, layer.bias))
    return [each.to_dense() if each.is_sparse else each for each in found]


def of_sample(draws: int, seed: int) -> tuple[torch.Tensor, list[torch.Tensor]]:
    layer, generator = output(), torch.Generator().manual_seed(seed)
    hidden = torch.randn(9, 6, generator=torch.Generator().manual_seed(2), requires_grad=True)
    loss, _ = sampled_likelihood(layer, hidden, target(), draws, torch.float32, generator)
    return loss.detach(), gradients(loss, hidden, layer)


def of_all() -> tuple[torch.Tensor, list[torch.Tensor]]:
    layer, hidden = output(), torch.randn(9, 6, generator=torch.Generator().manual_seed(2), requires_grad=True)
    loss = layer.negative_log_likelihood(hidden, target(), torch.float32)
    loss.backward()
    return loss.detach(), [hidden.grad, layer.weight.grad, layer.bias.grad]


@pytest.mark.parametrize("draws", [N_ITEMS, 10 * N_ITEMS])
def test_a_sample_of_all_items_is_the_whole_softmax(draws: int) -> None:
    torch.testing.assert_close(of_sample(draws, 0), of_all())


def test_a_sample_of_a_tenth_is_right_on_average() -> None:
    """Beyond the small bias of a logarithm of a mean; without the correction it would be far off."""
    expected, whole = of_all()
    samples = [of_sample(N_ITEMS // 10, seed) for seed in range(400)]
    losses = torch.stack([loss for loss, _ in samples])
    assert losses.mean() == pytest.approx(float(expected), abs=0.002 * float(expected))
    for number, exact in enumerate(whole):
        mean = torch.stack([found[number] for _, found in samples]).mean(dim=0)
        assert (mean - exact).norm() < 0.06 * exact.norm()


def test_the_first_layer_reads_only_the_rows_in_use() -> None:
    x, encoder = target(), SparseLinear(N_ITEMS, 5, torch.Generator().manual_seed(1))
    ours, read = first_layer(encoder, x)
    theirs = encoder(x)
    torch.testing.assert_close(ours, theirs)
    assert len(read) == len(x.indices.unique())
    upstream = torch.randn(9, 5, generator=torch.Generator().manual_seed(2))
    (sparse_gradient,) = torch.autograd.grad((ours * upstream).sum(), encoder.weight)
    (theirs * upstream).sum().backward()
    assert sparse_gradient.is_sparse
    torch.testing.assert_close(sparse_gradient.to_dense(), encoder.weight.grad)


def taste_log(n_items: int = 60) -> Interactions:
    """Two groups of users, each with its own half of the items; of the last items nobody has any."""
    rng = np.random.default_rng(1)
    own = (np.arange(80) % 2)[:, None] == (np.arange(n_items) % 2)[None, :]
    own[:, 40:] = False
    matrix = sparse.csr_array((own & (rng.random(own.shape) < 0.6)).astype(np.float32))
    return Interactions(matrix, IdIndex.range(80), IdIndex.range(n_items))


@pytest.mark.parametrize(("model", "settings"), [(MultDae, {}), (MultVae, {"hidden": 0}), (MultVae, {"hidden": 12})])
def test_models_learn_tastes_from_samples(model: type[MultDae | MultVae], settings: dict[str, int]) -> None:
    log = taste_log()
    fitted = model(
        latent=8, sampled=10, epochs=80, batch_users=20, learning_rate=0.02, l2=1e-5, patience=0, **settings
    ).fit(log, options=FP32)
    scores = fitted.score(log.matrix)[:, :40]
    own = (np.arange(80) % 2)[:, None] == (np.arange(40) % 2)[None, :]
    assert scores[own].mean() > scores[~own].mean() + 2


@pytest.mark.parametrize("model", [MultDae, MultVae])
def test_rows_that_were_not_drawn_stand_still(model: type[MultDae | MultVae]) -> None:
    log = taste_log()
    settings = {"latent": 8, "batch_users": 80, "patience": 0, "sampled": 10}
    once, twice = (model(epochs=epochs, **settings).fit(log, options=FP32).weights() for epochs in (1, 2))
    assert (once["encoder.weight"][40:] == twice["encoder.weight"][40:]).all(), "nobody has them"
    moved = (once["output.weight"] != twice["output.weight"]).any(axis=1)
    assert moved[:40].all(), "somebody in the batch has them"
    assert 1 <= moved[40:].sum() < 10
