"""CDAE at the points where implementations usually part from the paper."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse

from recae.data.ids import IdIndex
from recae.data.interactions import Interactions
from recae.models.autoencoders.cdae import Cdae, CdaeConfig, CdaeFoldIn, CdaeNetwork, draw_negatives
from recae.models.registry import create
from recae.options import RunOptions
from recae.training.engine import Machine
from recae.training.sparse import SparseRows

CPU = torch.device("cpu")
FP32 = RunOptions(seed=5, device="cpu", precision="fp32")


def rows_of(matrix: np.ndarray, positions: list[int] | None = None) -> SparseRows:
    places = None if positions is None else np.array(positions)
    return SparseRows.of(sparse.csr_array(matrix.astype(np.float32)), CPU, places)


def random_likes(n_rows: int, n_items: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).random((n_rows, n_items)) < 0.4


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


class TestNegatives:
    def test_they_are_outside_the_history_and_as_many_as_asked_for_per_item_of_it(self) -> None:
        likes = random_likes(30, 12)
        likes[4], likes[5] = False, True  # a user without items, and one with all of them
        drawn = draw_negatives(rows_of(likes), 3, generator())
        wanted = 3 * likes.sum(axis=1)
        wanted[5] = 0
        np.testing.assert_array_equal(drawn.counts.numpy(), wanted)
        assert not likes[drawn.rows.numpy(), drawn.indices.numpy()].any()

    def test_every_other_item_is_as_likely_as_any(self) -> None:
        likes = np.array([[1, 0, 1, 0, 0, 1, 1, 0], [0, 1, 0, 0, 0, 0, 0, 0]], dtype=bool)
        drawn = draw_negatives(rows_of(likes), 10_000, generator())
        counts = np.zeros(likes.shape)
        np.add.at(counts, (drawn.rows.numpy(), drawn.indices.numpy()), 1)
        for row in (0, 1):
            expected = 10_000 * likes[row].sum() / (~likes[row]).sum()
            np.testing.assert_allclose(counts[row][~likes[row]], expected, atol=5 * expected**0.5)

    def test_the_order_of_a_rows_entries_does_not_matter(self) -> None:
        matrix = sparse.csr_array((np.ones(3, np.float32), np.array([6, 0, 3]), np.array([0, 3])), shape=(1, 8))
        drawn = draw_negatives(SparseRows.of(matrix, CPU), 200, generator())
        assert set(drawn.indices.tolist()) == {1, 2, 4, 5, 7}

    def test_the_generator_decides_them(self) -> None:
        rows = rows_of(random_likes(9, 20))
        first, again, other = (draw_negatives(rows, 5, generator(seed)).indices for seed in (1, 1, 2))
        assert torch.equal(first, again)
        assert not torch.equal(first, other)


@pytest.mark.parametrize("objective", ["logistic", "square"])
@pytest.mark.parametrize("with_users", [True, False])
def test_loss_and_gradients_are_those_of_the_dense_form(objective: str, with_users: bool) -> None:
    config = CdaeConfig(latent=4, dropout=0.5, negatives=2, objective=objective, l2=0.3)
    likes = random_likes(6, 10)
    batch = rows_of(likes, [5, 0, 3, 1, 2, 7])
    network = CdaeNetwork(9 if with_users else 0, 10, config, generator(1))
    network.loss(batch, 0, Machine.of(FP32)).total.backward()
    ours = {name: each.grad.to_dense() for name, each in network.named_parameters()}

    twin = CdaeNetwork(9 if with_users else 0, 10, config, generator(1))
    stream = Machine.of(FP32).generator
    corrupted = batch.dropped(0.5, stream)
    assert set(corrupted.values.tolist()) == {0.0, 2.0}  # what is left is scaled by 1 / (1 - q)
    others = draw_negatives(batch, 2, stream)
    x = torch.zeros(6, 10)
    x[corrupted.rows, corrupted.indices] = corrupted.values
    inner = x @ twin.encoder.weight + twin.encoder.bias
    own = twin.users[batch.positions] if with_users else torch.zeros(1)
    outputs = torch.sigmoid(inner + own) @ twin.output.weight.T + twin.output.bias

    def cost(found: torch.Tensor, target: float) -> torch.Tensor:
        if objective == "square":
            return 0.5 * ((found - target) ** 2).sum()
        return torch.nn.functional.binary_cross_entropy_with_logits(
            found, torch.full_like(found, target), reduction="sum"
        )

    liked, drawn = outputs[torch.from_numpy(likes)], outputs[others.rows, others.indices]
    total = (cost(liked, 1) + cost(drawn, 0) + 0.15 * own.square().sum()) / 6
    total.backward()
    theirs = {name: each.grad for name, each in twin.named_parameters()}
    torch.testing.assert_close(network.loss(batch, 0, Machine.of(FP32)).total, total)
    assert ours.keys() == theirs.keys()
    for name, gradient in ours.items():
        torch.testing.assert_close(gradient, theirs[name], msg=name)


def test_scores_use_the_whole_history_and_the_users_own_vector() -> None:
    network = CdaeNetwork(3, 10, CdaeConfig(latent=4), generator(1))
    likes = random_likes(2, 10)
    hidden = torch.sigmoid(
        torch.from_numpy(likes).float() @ network.encoder.weight + network.encoder.bias + network.users[[2, 0]]
    )
    expected = hidden @ network.output.weight.T + network.output.bias
    torch.testing.assert_close(network.scores(rows_of(likes, [2, 0])), expected)


def like_log(n_users: int = 40, n_items: int = 12) -> Interactions:
    matrix = sparse.csr_array(random_likes(n_users, n_items).astype(np.float32))
    return Interactions(matrix, IdIndex.range(n_users), IdIndex.range(n_items))


def test_a_users_vector_stands_still_in_the_steps_of_others() -> None:
    """Users without interactions are in no batch: theirs stay as they were drawn, the others' move."""
    matrix = sparse.csr_array(sparse.vstack([like_log().matrix, sparse.csr_array((5, 12), dtype=np.float32)]))
    log = Interactions(matrix, IdIndex.range(45), IdIndex.range(12))
    model = Cdae(latent=4, epochs=2, patience=0, batch_users=7).fit(log, options=FP32)
    untrained = CdaeNetwork(45, 12, model.config, torch.Generator().manual_seed(FP32.seed)).users.detach().numpy()
    moved = (model.weights()["users"] != untrained).any(axis=1)
    np.testing.assert_array_equal(moved, log.user_counts() > 0)


def test_two_users_with_one_history_are_told_apart_only_by_their_vectors() -> None:
    log = like_log()
    same = sparse.csr_array(np.repeat(log.matrix[[0]].toarray(), 2, axis=0))
    names = log.users.subset(np.array([0, 1]))
    personal = Cdae(latent=4, epochs=3, patience=0).fit(log, options=FP32).score(same, names)
    folded = CdaeFoldIn(latent=4, epochs=3, patience=0).fit(log, options=FP32).score(same, names)
    assert not np.allclose(personal[0], personal[1])
    np.testing.assert_array_equal(folded[0], folded[1])


@pytest.mark.parametrize("name", ["cdae", "cdae-fold-in"])
def test_columns_that_everybody_has_or_nobody_has_do_no_harm(name: str) -> None:
    likes = random_likes(20, 9)
    likes[:, 0], likes[:, 1], likes[3] = True, False, True
    log = Interactions(sparse.csr_array(likes.astype(np.float32)), IdIndex.range(20), IdIndex.range(9))
    model = create(name, latent=3, epochs=3, patience=0).fit(log, options=FP32)
    assert np.isfinite(model.score(log.matrix, log.users)).all()
