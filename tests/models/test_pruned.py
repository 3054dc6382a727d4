"""Item-item weights without the small ones: which stay, what is said of the rest, and that models go on working."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from recae.data.split import HeldOut
from recae.errors import ModelFormatError
from recae.jobs.inspect import inspect
from recae.models.cost import Shape
from recae.models.linear import pruned
from recae.models.linear.pruned import prune, pruning_sentence
from recae.models.registry import create, load
from recae.options import RunOptions

PRUNABLE = ["ease", "edlae", "rdlae", "dlae", "deql", "rdlae-low-pass"]


@settings(max_examples=80, deadline=None)
@given(
    weights=npst.arrays(
        np.float32,
        st.integers(1, 12).map(lambda n: (n, n)),
        elements=st.floats(-100, 100, width=32) | st.sampled_from([0.0, 0.5, -0.5]),
    ),
    keep=st.integers(1, 14),
    block=st.integers(1, 40),
)
def test_the_greatest_stay_whatever_the_blocks(weights, keep, block):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pruned, "BLOCK_NUMBERS", block)
        found, said = prune(weights, keep)
    magnitudes = np.sort(np.abs(weights), axis=None)[::-1]
    least = magnitudes[min(keep * len(weights), magnitudes.size) - 1]
    expected = np.where(np.abs(weights) >= least, weights, 0)
    np.testing.assert_array_equal(found.toarray(), expected)
    assert found.nnz == said.weights == np.count_nonzero(expected)
    total = np.square(weights, dtype=np.float64).sum()
    assert said.share_of_squares == pytest.approx(np.square(expected, dtype=np.float64).sum() / total if total else 1)


class Heard:
    def __init__(self) -> None:
        self.said: list[str] = []

    def task(self, label, total=None, unit=""):
        return RunOptions().progress.task(label)

    def say(self, message: str) -> None:
        self.said.append(message)


def held_out(log, users: int = 50) -> HeldOut:
    binary = log.binary()
    last = binary.copy()
    last.data = (np.arange(binary.nnz) % 3 == 0).astype(np.float32)
    last.eliminate_zeros()
    some = np.arange(users)
    whole = HeldOut((binary - last).tocsr(), last, log.users, np.zeros(log.n_users, dtype=np.int64))
    whole.history.eliminate_zeros()
    return whole.select(some)


@pytest.mark.parametrize("name", PRUNABLE)
def test_scores_are_history_times_the_greatest_weights(name, tastes):
    dense = create(name, l2=10.0).fit(tastes).weights()["weights"]
    model = create(name, l2=10.0, keep=7).fit(tastes)
    least = np.sort(np.abs(dense), axis=None)[-7 * 40]
    histories = tastes.binary()[:9]
    expected = histories.toarray() @ np.where(np.abs(dense) >= least, dense, 0)
    np.testing.assert_allclose(model.score(histories), expected, atol=1e-5)
    assert 7 * 40 <= len(model.weights()["values"]) < 8 * 40


def test_what_is_lost_is_told_in_narration_manifest_and_inspection(tastes, tmp_path):
    heard = Heard()
    model = create("ease", l2=10.0, keep=4).fit(tastes, held_out(tastes), RunOptions(progress=heard))
    facts = model.facts()["pruning"]
    assert 0.1 < facts["share_of_squares"] < 1
    assert facts["share_of_weights"] == pytest.approx(len(model.weights()["values"]) / (40 * 39))
    assert facts["users"] == 50
    assert facts["before"] != facts["after"]
    assert heard.said == [f"ease: {pruning_sentence(facts)}."]
    assert "of the squares; ndcg@10 of 50 validation users is 0." in heard.said[0]
    folder = model.save(tmp_path / "m", other=1)
    assert json.loads((folder / "manifest.json").read_text())["facts"] == {"pruning": facts, "other": 1}
    assert inspect(folder).pruning == pruning_sentence(facts)


def test_without_validation_data_only_the_weights_are_compared(tastes):
    facts = create("ease", l2=10.0, keep=4).fit(tastes).facts()["pruning"]
    assert set(facts) == {"keep", "weights", "share_of_weights", "share_of_squares"}
    assert pruning_sentence(facts).endswith("of the squares")
    model = create("ease", l2=10.0).fit(tastes)
    assert model.facts() == {}


def test_it_comes_back_and_a_damaged_one_does_not(tastes, tmp_path):
    model = create("rdlae", l2=10.0, keep=5).fit(tastes)
    folder = model.save(tmp_path / "m")
    again = load(folder)
    np.testing.assert_array_equal(again.score(tastes.binary()), model.score(tastes.binary()))
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["config"]["keep"] = 0
    (folder / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(ModelFormatError, match="'weights' is missing"):
        load(folder)


def test_more_weights_than_there_are_keep_every_one(tastes):
    whole = create("ease", l2=10.0).fit(tastes)
    pruned_model = create("ease", l2=10.0, keep=10**6).fit(tastes)
    histories = tastes.binary()[:9]
    np.testing.assert_allclose(pruned_model.score(histories), whole.score(histories), atol=1e-6)
    assert pruned_model.facts()["pruning"]["share_of_squares"] == 1


def test_the_cost_of_a_pruned_model_is_that_of_its_weights():
    shape = Shape.assumed(10_000, 40_000, 1_000_000)
    dense, sparse = create("ease").cost(shape), create("ease", keep=100).cost(shape)
    assert dense.size_bytes == 4 * 40_000**2
    assert sparse.size_bytes == 8 * 100 * 40_000
    assert sparse.fit_bytes >= dense.fit_bytes
