"""Real models through the ranker: the same lists from one block as from blocks of a user or a few."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse

from recae.data.ids import IdIndex
from recae.data.interactions import Interactions
from recae.models.registry import create
from recae.ranking.recommend import BYTES_PER_SCORE, recommend
from recae.ranking.rules import Rules

MODELS: dict[str, dict[str, Any]] = {
    "popularity": {},
    "item-knn": {},
    "pure-svd": {"factors": 8},
    "ials": {"factors": 8},
    "ease": {},
    "mult-vae": {"epochs": 2},
}


@pytest.fixture(scope="module")
def log() -> Interactions:
    """120 users of 50 items, the first items the most popular, tastes by odd and even."""
    random = np.random.default_rng(4)
    chance = np.linspace(0.4, 0.02, 50)[None, :] * np.where((np.arange(120)[:, None] + np.arange(50)) % 2, 1.5, 0.5)
    taken = random.random((120, 50)) < chance
    return Interactions(sparse.csr_array(taken.astype(np.float32)), IdIndex.range(120), IdIndex.range(50))


@pytest.mark.parametrize("name", MODELS)
def test_lists_of_a_model_do_not_depend_on_blocks(name: str, log: Interactions) -> None:
    model = create(name, **MODELS[name]).fit(log)
    whole = recommend(model, log.matrix, 10, users=log.users)
    for rows in (1, 7):
        memory_bytes = rows * log.n_items * BYTES_PER_SCORE
        blocks = recommend(model, log.matrix, 10, users=log.users, memory_bytes=memory_bytes)
        assert blocks.items.tolist() == whole.items.tolist()
        np.testing.assert_allclose(blocks.scores, whole.scores, rtol=1e-4, atol=1e-5)
    listed = [set(row) - {-1} for row in whole.items.tolist()]
    seen = [set(log.matrix[[user]].indices.tolist()) for user in range(log.n_users)]
    assert not any(mine & theirs for mine, theirs in zip(listed, seen, strict=True))
    assert (whole.lengths() == np.minimum(10, [50 - len(items) for items in seen])).all()


PRODUCTS: dict[str, dict[str, Any]] = {
    "pure-svd": {"factors": 8},
    "svd-ae": {},
    "edlae-low-rank": {"rank": 8, "iterations": 2},
    "ials": {"factors": 8, "epochs": 2},
    "bpr": {"factors": 8, "epochs": 2},
    "lmf": {"factors": 8, "epochs": 2},
    "nmf": {"factors": 8, "epochs": 2},
    "mult-dae": {"epochs": 1, "patience": 0},
    "mult-vae": {"epochs": 1, "patience": 0},
    "rec-vae": {"epochs": 1, "patience": 0},
    "adversarial-ae": {"epochs": 1, "patience": 0},
    "cdae": {"epochs": 1, "patience": 0},
    "h-vamp": {"epochs": 1, "patience": 0, "hidden": 16, "pseudo_users": 8},
    "elsa": {"epochs": 1, "patience": 0, "latent": 16},
    "cosine-dae": {"epochs": 1, "patience": 0, "latent": 16},
}


@pytest.mark.parametrize("name", PRODUCTS)
def test_the_products_of_a_model_are_its_scores(name: str, log: Interactions) -> None:
    model = create(name, **PRODUCTS[name]).fit(log)
    product = model.as_product()
    assert product is not None
    products = product.queries(log.matrix, log.users) @ product.vectors.T
    products += 0 if product.bias is None else product.bias
    looked_at = log.matrix.toarray() == 0 if product.unseen_only else np.full(log.matrix.shape, True)
    scores = model.score(log.matrix, log.users)
    np.testing.assert_allclose(products[looked_at], scores[looked_at], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("exclude_seen", [True, False])
def test_a_model_whose_products_hold_for_unseen_items_alone_is_ranked_by_its_scores_otherwise(
    exclude_seen: bool, log: Interactions
) -> None:
    model = create("elsa", **PRODUCTS["elsa"]).fit(log)
    scores = model.score(log.matrix)
    listed = recommend(model, log.matrix, 5, rules=Rules(exclude_seen))
    rows = np.arange(log.n_users)[:, None]
    np.testing.assert_allclose(listed.scores, scores[rows, listed.items], rtol=1e-4, atol=1e-5)
