"""The neural models at the points where implementations usually part from the papers."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy import sparse

from recae.data.ids import IdIndex
from recae.data.interactions import Columns, Interactions
from recae.errors import ConfigError, DataError
from recae.models.autoencoders.autorec import AutoRecConfig, AutoRecNetwork
from recae.models.autoencoders.autorec_item import AutoRecItem
from recae.models.autoencoders.autorec_user import AutoRecUser
from recae.models.autoencoders.mult_dae import MultDae, MultDaeConfig, MultDaeNetwork
from recae.models.autoencoders.mult_vae import MultVae, MultVaeConfig, MultVaeNetwork, gaussian_kl, kl_weight
from recae.options import RunOptions
from recae.training.engine import Machine
from recae.training.sparse import SparseRows

CPU = torch.device("cpu")
FP32 = RunOptions(seed=5, device="cpu", precision="fp32")


def rows_of(matrix: np.ndarray) -> SparseRows:
    return SparseRows.of(sparse.csr_array(matrix.astype(np.float32)), CPU)


def rated_log(n_users: int = 60, n_items: int = 30, seed: int = 0) -> Interactions:
    """Ratings of rank one plus a little noise, about half of them known."""
    rng = np.random.default_rng(seed)
    taste, quality = rng.uniform(0.5, 1.5, n_users), rng.uniform(1, 3, n_items)
    ratings = np.clip(np.outer(taste, quality) + rng.normal(0, 0.05, (n_users, n_items)), 0.5, 5)
    known = rng.random((n_users, n_items)) < 0.5
    matrix = sparse.csr_array((ratings * known).astype(np.float32))
    columns = Columns(value="rating", value_kind="rating")
    return Interactions(matrix, IdIndex.range(n_users), IdIndex.range(n_items), columns=columns)


def taste_log(n_users: int = 80, n_items: int = 24) -> Interactions:
    """Two groups of users, each with its own half of the items."""
    rng = np.random.default_rng(1)
    own = (np.arange(n_users) % 2)[:, None] == (np.arange(n_items) % 2)[None, :]
    matrix = sparse.csr_array((own & (rng.random((n_users, n_items)) < 0.6)).astype(np.float32))
    return Interactions(matrix, IdIndex.range(n_users), IdIndex.range(n_items))


class TestMultVae:
    def test_kl_equals_torch_distributions(self) -> None:
        generator = torch.Generator().manual_seed(0)
        mean, log_variance = torch.randn(2, 7, 5, generator=generator)
        ours = gaussian_kl(mean, log_variance)
        posterior = torch.distributions.Normal(mean, (0.5 * log_variance).exp())
        prior = torch.distributions.Normal(torch.zeros(7, 5), torch.ones(7, 5))
        torch.testing.assert_close(ours, torch.distributions.kl_divergence(posterior, prior).sum(dim=1))

    def test_kl_is_annealed_per_gradient_step_and_capped(self) -> None:
        assert [kl_weight(step, 0.2, 10) for step in (0, 1, 2, 50)] == [0, 0.1, 0.2, 0.2]
        assert kl_weight(0, 0.3, 0) == 0.3

    def test_the_weight_of_the_kl_term_follows_the_step_not_the_epoch(self) -> None:
        """One network, one batch, no dropout, the same noise: two steps differ by the KL term alone."""
        config = MultVaeConfig(hidden=8, latent=3, dropout=0, beta=1, anneal_steps=100)
        batch = rows_of(np.random.default_rng(0).random((6, 10)) < 0.4)
        network = MultVaeNetwork(10, config, torch.Generator().manual_seed(1))
        early, late = (network.loss(batch, step, Machine.of(FP32)) for step in (10, 60))
        torch.testing.assert_close(late.total - early.total, 0.5 * early.parts["kl"], rtol=1e-3, atol=1e-5)

    def test_the_loss_is_the_papers_written_densely(self) -> None:
        config = MultVaeConfig(hidden=8, latent=3, dropout=0, beta=0.2, anneal_steps=0)
        dense = np.random.default_rng(0).random((6, 10)) < 0.4
        network = MultVaeNetwork(10, config, torch.Generator().manual_seed(1))
        ours = network.loss(rows_of(dense), 0, Machine.of(FP32)).total

        x = torch.from_numpy(dense).float()
        hidden = torch.tanh(torch.nn.functional.normalize(x) @ network.encoder.weight + network.encoder.bias)
        mean, log_variance = (hidden @ network.code[1].weight.T + network.code[1].bias).split(3, dim=1)
        noise = torch.empty(6, 3).normal_(generator=Machine.of(FP32).generator)
        code = mean + noise * (0.5 * log_variance).exp()
        decoded = torch.tanh(code @ network.decoder[0].weight.T + network.decoder[0].bias)
        logits = decoded @ network.output.weight.T + network.output.bias
        likelihood = (x * torch.log_softmax(logits, dim=1)).sum(dim=1).mean()
        kl = 0.5 * (log_variance.exp() + mean**2 - 1 - log_variance).sum(dim=1).mean()
        torch.testing.assert_close(ours, -likelihood + 0.2 * kl)

    def test_without_hidden_layers_the_code_is_linear_in_the_history_and_the_logits_in_the_code(self) -> None:
        config = MultVaeConfig(hidden=0, latent=3, dropout=0)
        network = MultVaeNetwork(10, config, torch.Generator().manual_seed(1))
        dense = np.random.default_rng(0).random((6, 10)) < 0.4
        x = torch.nn.functional.normalize(torch.from_numpy(dense).float())
        mean = (x @ network.encoder.weight + network.encoder.bias)[:, :3]
        torch.testing.assert_close(network.scores(rows_of(dense)), mean @ network.output.weight.T + network.output.bias)

    def test_scores_come_from_the_mean_of_the_code_without_noise_or_dropout(self) -> None:
        model = MultVae(hidden=8, latent=3, epochs=2, patience=0).fit(taste_log(), options=FP32)
        histories = taste_log().matrix[:5]
        np.testing.assert_array_equal(model.score(histories), model.score(histories))

    def test_ratings_in_a_history_do_not_matter(self) -> None:
        model = MultVae(hidden=8, latent=3, epochs=2, patience=0).fit(taste_log(), options=FP32)
        histories = taste_log().matrix[:5]
        np.testing.assert_array_equal(model.score(histories), model.score(histories * 5))

    def test_published_defaults(self) -> None:
        config = MultVaeConfig()
        assert (config.hidden, config.latent, config.dropout, config.beta) == (600, 200, 0.5, 0.2)
        assert (config.anneal_steps, config.batch_users, config.learning_rate) == (200_000, 500, 1e-3)


class TestMultDae:
    def test_the_l2_penalty_is_the_sum_of_squared_weights_without_biases(self) -> None:
        """After training without data pull, weights follow d/dw (l2 w^2) = 2 l2 w: the engine is given 2 l2."""
        model = MultDae(l2=0.3)
        assert model.config.schedule(100).l2 == pytest.approx(0.6)

    def test_dropout_acts_on_the_normalised_history(self) -> None:
        """With one item left in, its value is 1 / (keep x norm of the whole history), not 1."""
        config = MultDaeConfig(latent=4, dropout=0.5)
        network = MultDaeNetwork(4, config, torch.Generator().manual_seed(0))
        seen: list[torch.Tensor] = []
        network.encoder.register_forward_hook(lambda _module, inputs, _output: seen.append(inputs[0].values))
        network.loss(rows_of(np.ones((1, 4))), 0, Machine.of(FP32))
        values = set(seen[0].tolist())
        assert values <= {0.0, 1.0}  # 1 / sqrt(4) / 0.5
        assert values

    def test_it_learns_two_tastes(self) -> None:
        log = taste_log()
        model = MultDae(latent=8, epochs=120, batch_users=20, learning_rate=0.01, patience=0).fit(log, options=FP32)
        scores = model.score(log.matrix)
        own = (np.arange(80) % 2)[:, None] == (np.arange(24) % 2)[None, :]
        assert scores[own].mean() > scores[~own].mean() + 2


class TestAutoRec:
    def test_only_observed_ratings_enter_the_loss(self) -> None:
        ratings = np.array([[5.0, 0, 3.0], [0, 2.0, 0]])
        network = AutoRecNetwork(3, AutoRecConfig(latent=4, dropout=0, known=False), torch.Generator().manual_seed(0))
        network.start_at(sparse.csr_array(ratings))
        ours = network.loss(rows_of(ratings), 0, Machine.of(FP32))
        x = torch.from_numpy(ratings).float()
        centred = torch.where(x != 0, x - 10 / 3, 0.0)  # an unknown rating counts as the mean of the known ones
        code = torch.sigmoid(centred @ network.encoder + network.encoder_bias) - 0.5
        output = code @ network.output.weight.T + network.output.bias  # identity output, as in the paper's best
        expected = (output - centred)[x != 0].square()
        torch.testing.assert_close(ours.total, expected.sum() / 2)
        torch.testing.assert_close(ours.parts["mse"], expected.mean())

    def test_the_penalty_is_half_l2_over_the_whole_sum_of_errors(self) -> None:
        assert AutoRecUser(l2=50).config.schedule(200).l2 == pytest.approx(50 / 200)

    def test_the_penalty_does_not_count_rows_without_ratings(self, monkeypatch: pytest.MonkeyPatch) -> None:
        log = rated_log()
        asked: list[int] = []
        real = AutoRecConfig.penalty
        monkeypatch.setattr(AutoRecConfig, "penalty", lambda self, rows: (asked.append(rows), real(self, rows))[1])
        padded = sparse.csr_array(sparse.vstack([log.matrix, sparse.csr_array((5, log.n_items), dtype=np.float32)]))
        empty = Interactions(padded, IdIndex.range(log.n_users + 5), log.items, columns=log.columns)
        AutoRecUser(latent=4, epochs=1, patience=0).fit(empty, options=FP32)
        assert asked == [log.n_users]

    @pytest.mark.parametrize("model", [AutoRecItem, AutoRecUser])
    def test_it_recovers_ratings_of_low_rank(self, model: type[AutoRecItem] | type[AutoRecUser]) -> None:
        log = rated_log()
        fitted = model(latent=16, l2=0.01, dropout=0, epochs=150, batch_users=16, learning_rate=0.02)
        fitted.fit(log, options=FP32)
        predicted = fitted.score(log.matrix, log.users)
        known = log.matrix.toarray() != 0
        error = np.sqrt(np.mean((predicted - log.matrix.toarray())[known] ** 2))
        spread = log.matrix.data.std()
        assert error < 0.3 * spread

    def test_item_based_scores_belong_to_the_user_not_to_the_row(self) -> None:
        log = rated_log()
        model = AutoRecItem(latent=8, epochs=3, patience=0).fit(log, options=FP32)
        turned = np.arange(log.n_users)[::-1]
        straight = model.score(log.matrix, log.users)
        np.testing.assert_allclose(
            model.score(log.matrix[turned], log.users.subset(turned)), straight[turned], rtol=1e-5
        )
        with pytest.raises(DataError, match="1 users that were not in its training data"):
            model.score(log.matrix[:1], IdIndex.of([999]))

    def test_it_needs_ratings(self) -> None:
        with pytest.raises(DataError, match="learns from ratings"):
            AutoRecUser().fit(taste_log())


def test_impossible_settings_are_refused_in_one_sentence() -> None:
    with pytest.raises(ConfigError, match=r"dropout.*less than 1.*got 1\.5"):
        MultVae(dropout=1.5)
    with pytest.raises(ConfigError, match=r"widht.*It has: .*latent"):
        MultVae(widht=3)


def test_without_validation_data_a_part_is_cut_and_training_stops_in_time() -> None:
    model = MultDae(latent=8, epochs=200, patience=2, learning_rate=0.02).fit(taste_log(400), options=FP32)
    assert model.curve is not None
    assert model.curve.metric_name == "ndcg@10"
    assert model.curve.stopped_early
    assert len(model.curve.points) == model.curve.best_epoch + 2
