"""How networks are run to score, against how they are run to train."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse

from recae.models.affine import affine
from recae.models.autoencoders.inference import encoded, shown
from recae.models.autoencoders.mult_vae import MultVaeConfig, MultVaeNetwork
from recae.training.layers import SparseLinear
from recae.training.sparse import SparseRows

CPU = torch.device("cpu")


@pytest.fixture
def histories() -> sparse.csr_array:
    random = np.random.default_rng(1)
    return sparse.csr_array(random.poisson(0.2, (40, 90)).astype(np.float32))


def test_layers_give_the_numbers_of_training(histories: sparse.csr_array) -> None:
    generator = torch.Generator().manual_seed(2)
    encoder, hidden = SparseLinear(90, 17, generator), torch.randn(40, 17, generator=generator)
    rows = SparseRows.of(histories, CPU)
    torch.testing.assert_close(encoded(encoder, shown(histories, CPU, None, ones=False)), encoder(rows).detach())
    weight, bias = torch.randn(9, 17, generator=generator), torch.randn(9, generator=generator)
    torch.testing.assert_close(affine(hidden, weight, bias), torch.addmm(bias, hidden, weight.T))
    assert affine(hidden[:0], weight, bias).shape == (0, 9)


@pytest.mark.parametrize("hidden", [0, 24])
def test_the_vae_is_scored_by_the_mean_of_its_code(histories: sparse.csr_array, hidden: int) -> None:
    network = MultVaeNetwork(90, MultVaeConfig(hidden=hidden, latent=7), torch.Generator().manual_seed(3)).eval()
    rows = SparseRows.of(histories, CPU)
    with torch.no_grad():
        mean, _ = network.encode(rows.normalized())
        torch.testing.assert_close(network.last_hidden(rows), network._decode(mean))


@pytest.mark.parametrize("hidden", [0, 600])
def test_a_users_vector_does_not_depend_on_who_is_beside(histories: sparse.csr_array, hidden: int) -> None:
    network = MultVaeNetwork(90, MultVaeConfig(hidden=hidden), torch.Generator().manual_seed(4)).eval()
    with torch.no_grad():
        whole = network.last_hidden(shown(histories, CPU, None, ones=True))
        for part in (slice(0, 1), slice(39, 40), slice(3, 5), slice(5, 38)):
            alone = network.last_hidden(shown(histories[part], CPU, None, ones=True))
            assert torch.equal(alone, whole[part])


def test_ratings_are_shown_only_to_networks_of_ratings(histories: sparse.csr_array) -> None:
    assert shown(histories, CPU, None, ones=False).values.tolist() == histories.data.tolist()
    assert shown(histories, CPU, None, ones=True).values.tolist() == [1.0] * histories.nnz
