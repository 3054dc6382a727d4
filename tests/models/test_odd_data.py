"""Data and settings at which numbers go wrong: every model gives finite scores, or says in one sentence why not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse
from small import SMALL

from recae.data.ids import IdIndex
from recae.data.interactions import Columns, Interactions
from recae.data.read import read
from recae.errors import ConfigError, RecaeError
from recae.models.base import Recommender
from recae.models.registry import create, model_class, model_names
from recae.options import RunOptions
from recae.ranking.recommend import recommend

OPTIONS = RunOptions(seed=3, device="cpu")
WIDE = ("factors", "latent", "hidden", "rank", "pseudo_users", "prototypes")

every_model = pytest.mark.parametrize("name", model_names())


def rated(matrix: list[list[float]] | np.ndarray) -> Interactions:
    stored = sparse.csr_array(np.asarray(matrix, dtype=np.float32))
    users, items = (IdIndex.of([f"{side}{n:03}" for n in range(size)]) for side, size in zip("ui", stored.shape))  # noqa: B905
    return Interactions(stored, users, items, columns=Columns(value="rating", value_kind="rating"))


def repeated() -> Interactions:
    """A table in which the same few rows stand again and again."""
    table = {"user_id": [1, 2, 1, 2] * 9, "item_id": [1, 1, 2, 1] * 9, "rating": [5.0, 2.0, 1.0, 3.0] * 9}
    return read(table)


def twins() -> np.ndarray:
    """Every column twice and some users of one kind only: Gram matrices without an inverse."""
    half = np.tile(np.eye(3) * 4 + 1, (4, 1))
    return np.hstack([half, half])


ODD: dict[str, Any] = {
    "one entry": lambda: rated([[3.0]]),
    "one item": lambda: rated(np.full((6, 1), 4.0) - np.arange(6)[:, None] % 2),
    "one user": lambda: rated([[5.0, 1.0, 3.0, 4.0, 2.0]]),
    "everything seen by everybody": lambda: rated(1.0 + np.arange(40).reshape(8, 5) % 5),
    "constant ratings": lambda: rated(np.where(np.add.outer(np.arange(8), np.arange(6)) % 3, 4.0, 0.0)),
    "the same rows again and again": repeated,
    "linearly dependent items": lambda: rated(twins()),
    "ratings of nothing but zero": lambda: zeros(),
    "enormous ratings": lambda: rated(np.where(np.add.outer(np.arange(8), np.arange(6)) % 3, 1e18, 0.0)),
}


def zeros() -> Interactions:
    """Entries that are stored and are 0."""
    log = rated(np.where(np.add.outer(np.arange(8), np.arange(6)) % 3, 4.0, 0.0))
    log.matrix.data[:] = 0
    return log


def small(name: str, **more: Any) -> Recommender:
    """The model with settings of the other tests, in few epochs."""
    settings = SMALL.get(name, {}) | more
    return create(name, **settings | ({"epochs": 2} if "epochs" in model_class(name).Config.model_fields else {}))


def fitted_or_refused(model: Recommender, log: Interactions) -> Recommender | None:
    try:
        return model.fit(log, options=OPTIONS)
    except RecaeError as refusal:
        sentence = str(refusal)
        assert sentence.endswith(".")
        assert "\n" not in sentence
        return None


def assert_usable(model: Recommender, log: Interactions) -> None:
    scores = model.score(log.matrix, log.users)
    assert scores.shape == log.matrix.shape
    assert np.isfinite(scores).all()
    lists = recommend(model, log.matrix, 3, users=log.users)
    unseen = log.n_items - np.diff(log.matrix.indptr)
    np.testing.assert_array_equal((lists.items >= 0).sum(axis=1), np.minimum(3, unseen))


@pytest.mark.filterwarnings("ignore:The training data")
@every_model
@pytest.mark.parametrize("odd", ODD)
def test_odd_data_has_a_defined_result(name: str, odd: str) -> None:
    log = ODD[odd]()
    model = fitted_or_refused(small(name), log)
    if model is not None:
        assert_usable(model, log)


@every_model
def test_more_latent_dimensions_than_items(name: str) -> None:
    log = rated(np.where(np.add.outer(np.arange(8), np.arange(6)) % 3, 4.0, 0.0))
    fields = model_class(name).Config.model_fields
    model = fitted_or_refused(small(name, **{field: 50 for field in WIDE if field in fields}), log)
    if model is not None:
        assert_usable(model, log)


def with_a_rate() -> list[str]:
    return [name for name in model_names() if "learning_rate" in model_class(name).Config.model_fields]


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning")
@pytest.mark.parametrize("rate", [1.0, 1e30])
@pytest.mark.parametrize("name", with_a_rate())
def test_steps_that_are_far_too_large(name: str, rate: float) -> None:
    """Refused before the fit where the range of the setting ends below, else told as what it is: divergence."""
    if rate > 10 and name != "bpr":
        with pytest.raises(ConfigError, match="learning_rate"):
            small(name, learning_rate=rate)
        return
    log = rated(np.where(np.add.outer(np.arange(12), np.arange(6)) % 3, 4.0, 0.0))
    fitted = fitted_or_refused(small(name, learning_rate=rate), log)
    if fitted is not None:
        assert_usable(fitted, log)
