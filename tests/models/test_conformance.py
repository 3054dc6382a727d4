"""What every registered model promises; a new model is tested here by being registered."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import sparse
from small import SMALL

from recae.data.ids import IdIndex
from recae.data.interactions import Interactions
from recae.errors import DataError
from recae.evaluation.evaluate import evaluate
from recae.models.base import Recommender, make_config
from recae.models.registry import create, load, model_class, model_names
from recae.options import RunOptions

OPTIONS = RunOptions(seed=5, device="cpu")

every_model = pytest.mark.parametrize("name", model_names())


def new(name: str) -> Recommender:
    return create(name, **SMALL.get(name, {}))


@pytest.fixture(scope="module")
def fitted(tastes) -> dict[str, Recommender]:
    return {}


@pytest.fixture
def model(name, fitted, tastes) -> Recommender:
    """The model fitted once for the whole module; nobody may change it."""
    if name not in fitted:
        fitted[name] = new(name).fit(tastes, options=OPTIONS)
    return fitted[name]


def scores(model: Recommender, log: Interactions, rows: slice | list[int] = slice(None)) -> np.ndarray:
    names = log.users.subset(np.arange(log.n_users)[rows])
    return model.score(log.matrix[rows], names)


def same_weights(left: Recommender, right: Recommender) -> bool:
    first, second = left.weights(), right.weights()
    return first.keys() == second.keys() and all(np.array_equal(first[key], second[key]) for key in first)


@every_model
def test_scores_are_finite_float32_for_every_item(name, model, tastes):
    found = scores(model, tastes)
    assert found.shape == tastes.matrix.shape
    assert found.dtype == np.float32
    assert np.isfinite(found).all()


@every_model
def test_fitting_remembers_what_ranking_and_reports_need(name, model, tastes):
    assert model.items == tastes.items
    assert model.n_train_users == tastes.n_users
    assert model.columns == tastes.columns
    assert model.data_fingerprint == tastes.fingerprint()
    np.testing.assert_array_equal(model.item_counts, tastes.item_counts())
    assert (model.users is None) == model.info.inductive


@every_model
def test_a_saved_model_scores_the_same(name, model, tastes, tmp_path):
    again = load(model.save(tmp_path / name))
    assert type(again) is type(model)
    assert again.config == model.config
    assert same_weights(again, model)
    np.testing.assert_array_equal(scores(again, tastes), scores(model, tastes))


@every_model
def test_a_row_does_not_depend_on_the_rows_beside_it(name, model, tastes):
    together = scores(model, tastes)
    for row in (0, 57, 119):
        np.testing.assert_allclose(scores(model, tastes, [row])[0], together[row], rtol=1e-4, atol=1e-5)
    backwards = list(range(tastes.n_users))[::-1]
    np.testing.assert_allclose(scores(model, tastes, backwards)[::-1], together, rtol=1e-4, atol=1e-5)


@every_model
def test_no_rows_give_no_scores(name, model, tastes):
    assert scores(model, tastes, slice(0, 0)).shape == (0, tastes.n_items)


@every_model
def test_scoring_leaves_its_input_alone_and_gives_memory_of_its_own(name, model, tastes):
    before = tastes.matrix.copy()
    scores(model, tastes)[:] = -np.inf
    assert (before != tastes.matrix).nnz == 0
    assert np.isfinite(scores(model, tastes)).all()


@every_model
def test_the_same_seed_gives_the_same_weights(name, model, tastes):
    assert same_weights(new(name).fit(tastes, options=OPTIONS), model)


@every_model
def test_a_second_fit_starts_anew(name, model, tastes):
    twice = new(name).fit(tastes.select(users=np.arange(60)), options=OPTIONS).fit(tastes, options=OPTIONS)
    assert same_weights(twice, model)


@every_model
def test_an_empty_history_has_defined_scores(name, model, tastes):
    known = tastes.users.subset([0])
    found = model.score(sparse.csr_array((1, tastes.n_items), dtype=np.float32), known)
    assert found.shape == (1, tastes.n_items)
    assert np.isfinite(found).all()


@every_model
def test_users_that_were_not_in_training_are_scored_or_refused(name, model, tastes):
    stranger = IdIndex.of(["somebody new"])
    if model.info.inductive:
        np.testing.assert_allclose(
            model.score(tastes.matrix[[3]], stranger), scores(model, tastes, [3]), rtol=1e-4, atol=1e-5
        )
        assert model.score(tastes.matrix[[3]]).shape == (1, tastes.n_items)
    else:
        with pytest.raises(DataError, match="somebody new"):
            model.score(tastes.matrix[[3]], stranger)


@every_model
def test_only_models_of_ratings_look_at_values(name, model, tastes):
    doubled = tastes.matrix.copy()
    doubled.data = 6 - doubled.data
    same = np.array_equal(model.score(doubled, tastes.users), scores(model, tastes))
    if model.info.needs == "implicit":
        assert same
    elif model.info.inductive:
        assert not same


@every_model
def test_personal_models_beat_popularity_where_there_are_tastes(name, tastes_held_out):
    train, held_out = tastes_held_out

    def quality(named: str) -> float:
        return evaluate(new(named).fit(train, options=OPTIONS), held_out, ["ndcg@10"]).means()["ndcg@10"]

    if name != "popularity":
        assert quality(name) > quality("popularity") + 0.05


@every_model
def test_reordering_the_items_reorders_the_scores(name, model, tastes):
    """Fitting and scoring where the seed is without effect. Where numbers are drawn, they are drawn by position, so
    that a reordered log is another draw: then scoring alone, with the weights of the items in their new order."""
    order = np.random.default_rng(0).permutation(tastes.n_items)
    moved = tastes.select(items=order)
    if same_weights(new(name).fit(tastes, options=replace(OPTIONS, seed=6)), model):
        reordered = new(name).fit(moved, options=OPTIONS)
    else:
        reordered = with_items_reordered(model, order)
    np.testing.assert_allclose(scores(reordered, moved), scores(model, tastes)[:, order], atol=1e-5)


def with_items_reordered(model: Recommender, order: np.ndarray) -> Recommender:
    """The model with every axis of its weights that is as long as the items in another order."""

    def reorder(array: np.ndarray) -> np.ndarray:
        places = (order if size == len(order) else np.arange(size) for size in array.shape)
        return array[np.ix_(*places)].copy()

    weights = model.weights()
    assert any(len(order) in array.shape for array in weights.values()), "no weights belong to items"
    again = create(model.info.name, **dict(model.config))
    again.items, again.item_counts = model.items.subset(order), model.item_counts[order]
    again.users, again.n_train_users, again.columns = model.users, model.n_train_users, model.columns
    again._restore({key: reorder(array) for key, array in weights.items()})
    return again


@every_model
def test_similar_items_are_other_items(name, model):
    positions, values = model.similar_items(np.array([0, 39]), 5)
    assert positions.shape == values.shape == (2, 5)
    for item, row, similar in zip((0, 39), positions, values, strict=True):
        listed = row[row >= 0]
        assert item not in listed
        assert len(set(listed)) == len(listed)
        assert (np.diff(similar[: len(listed)]) <= 0).all()
        assert np.isnan(similar[len(listed) :]).all()


@every_model
def test_nothing_to_learn_from_is_refused(name, tastes):
    with pytest.raises(DataError, match="no interactions"):
        new(name).fit(tastes.keep(np.zeros(tastes.nnz, dtype=bool)))


@every_model
def test_models_of_ratings_ask_for_ratings(name, make_log):
    log = make_log([(user, item) for user in range(12) for item in range(user % 3, user % 3 + 9)])
    if model_class(name).info.needs == "ratings":
        with pytest.raises(DataError, match="learns from ratings"):
            new(name).fit(log)


@every_model
def test_a_tiny_log_is_enough(name, make_log):
    rows = [(user, item, float(1 + (user + item) % 5)) for user in range(3) for item in range(user, user + 2)]
    log = make_log(rows)
    assert np.isfinite(scores(new(name).fit(log, options=OPTIONS), log)).all()


@every_model
def test_a_person_finds_what_to_know_before_choosing(name):
    found = model_class(name)
    assert found.info.name == name
    assert found.info.title
    assert found.info.source
    assert found.info.cost
    assert found.__doc__
    for field, facts in found.Config.model_fields.items():
        assert facts.description, f"{field} is not explained"


@every_model
def test_the_grid_holds_settings_worth_trying_with_the_defaults_first(name):
    found = model_class(name)
    assert found.grid[0] == {}
    tried = [make_config(found, settings) for settings in found.grid]
    assert len({config.model_dump_json() for config in tried}) == len(tried)


@every_model
def test_tuning_ranges_hold_the_default(name):
    for field, facts in model_class(name).Config.model_fields.items():
        extra = facts.json_schema_extra
        if not extra:
            continue
        if extra["scale"] == "choice":
            assert facts.default in extra["tune"], field
        else:
            low, high = extra["tune"]
            assert low < high, field
            for end in (low, high):
                make_config(model_class(name), {field: end})
