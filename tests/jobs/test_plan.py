"""`plan`: what each model takes on a log that is there or is to come, and what jobs say and refuse beforehand."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from recae.errors import CapacityError, ConfigError
from recae.jobs import foretell, rates
from recae.jobs.compare import compare
from recae.jobs.foretell import LEAST_BLOCK, block_for_lists, foretell_fits
from recae.jobs.plan import Sizes, plan
from recae.jobs.rates import FASTER, SLOWER, UNITS, Rates, in_words, measured_rates
from recae.models.cost import Cost, Shape, Work
from recae.models.registry import create, model_class, model_names
from recae.options import RunOptions
from recae.progress import SILENT
from recae.ranking.recommend import MEMORY_BYTES

STEADY = Rates(products=1e10, narrow=4e10, moved=1e10, sparse=1e8)
LARGE = Sizes(users=1_000_000, items=200_000, interactions=50_000_000)


@pytest.fixture(autouse=True)
def steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is always as fast."""
    for module in ("recae.jobs.plan", "recae.jobs.foretell"):
        monkeypatch.setattr(f"{module}.measured_rates", lambda *_: STEADY)


def test_models_that_fit_come_first_and_the_quickest_first_among_them() -> None:
    told = plan(LARGE, options=RunOptions(max_memory=16 << 30))
    assert {one.model for one in told.models} == set(model_names())
    assert [one.fits for one in told.models] == sorted((one.fits for one in told.models), reverse=True)
    for fits in (True, False):
        times = [sum(one.fit_seconds) for one in told.models if one.fits is fits]
        assert times == sorted(times)
    by_name = {one.model: one for one in told.models}
    assert not by_name["ease"].fits
    assert by_name["ease"].fit_bytes > 4 * 200_000**2
    assert by_name["ials"].fits
    assert "What would fit: " in by_name["ease"].instead
    assert by_name["ials"].instead == ""


def test_a_log_is_measured_and_models_that_cannot_learn_from_it_are_left_out(crowds: Path, tmp_path: Path) -> None:
    from recae.data.read import read

    log = read(crowds)
    told = plan(crowds)
    assert (told.users, told.items, told.interactions) == (log.n_users, log.n_items, log.nnz)
    needing = {name for name in model_names() if model_class(name).info.needs == "ratings"}
    assert (needing <= {one.model for one in told.models}) == log.has_ratings
    bare = tmp_path / "bare.csv"
    bare.write_text("user_id,item_id\n1,1\n1,2\n2,1\n")
    assert needing.isdisjoint(one.model for one in plan(bare).models)
    assert [one.model for one in plan(bare, models=["autorec-user"]).models] == ["autorec-user"]


def test_settings_go_to_the_models_that_have_them() -> None:
    told = plan(LARGE, models=["mult-vae", "elsa", "ease"], settings={"latent": 64})
    settings = {one.model: one.settings for one in told.models}
    assert settings == {"mult-vae": {"latent": 64}, "elsa": {"latent": 64}, "ease": {}}
    with pytest.raises(ConfigError, match="None of the models has the hyper-parameter latnt"):
        plan(LARGE, models=["mult-vae", "elsa"], settings={"latnt": 64})
    with pytest.raises(ConfigError, match="did you mean latent"):
        plan(LARGE, models=["elsa"], settings={"latnt": 64})


def test_more_interactions_than_places_are_refused() -> None:
    with pytest.raises(ConfigError, match="at most 20 different"):
        plan(Sizes(4, 5, 21))


def test_nothing_is_said_of_what_is_small(told: Any) -> None:
    foretell_fits([create("ease")], Shape.assumed(100, 50, 1000), "Fitting ease", RunOptions(progress=told))
    assert told.lines == []


def test_what_is_notable_is_said(told: Any) -> None:
    shape = Shape.assumed(100_000, 20_000, 5_000_000)
    options = RunOptions(progress=told, max_memory=1 << 40)
    foretell_fits([create("ease"), create("mult-vae")], shape, "Fitting both", options)
    (said,) = told.lines
    assert said.startswith("Fitting both takes up to ")
    assert "GB of memory and about " in said


def test_a_comparison_is_refused_before_any_model_is_fitted(
    crowds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("recae.jobs.contest_run.select", lambda *_, **__: pytest.fail("a model was fitted"))
    may = RunOptions(max_memory=64 << 20)
    with pytest.raises(CapacityError, match=r"^ease on .* What would fit: "):
        compare(crowds, models=["popularity", "ease"], out=tmp_path / "c", trials=0, options=may)
    assert list(tmp_path.iterdir()) == []


def test_blocks_of_scores_follow_what_may_be_used(tastes_model: SimpleNamespace) -> None:
    model, histories = tastes_model.model, tastes_model.histories
    told = model.cost(Shape.assumed(model.n_train_users, len(model.items), histories.nnz))
    shape = Shape.assumed(*histories.shape, histories.nnz)
    least = told.lists_bytes(shape, LEAST_BLOCK)
    assert block_for_lists(model, histories, least, SILENT, "Lists") == LEAST_BLOCK
    assert block_for_lists(model, histories, least + 1000, SILENT, "Lists") == LEAST_BLOCK + 1000
    assert block_for_lists(model, histories, 1 << 40, SILENT, "Lists") == MEMORY_BYTES
    with pytest.raises(CapacityError, match=r"^Lists would take about"):
        block_for_lists(model, histories, least - 1, SILENT, "Lists")


@pytest.fixture
def tastes_model(crowds: Path) -> SimpleNamespace:
    from recae.data.read import read

    log = read(crowds)
    return SimpleNamespace(model=create("ease", l2=5).fit(log), histories=log.matrix)


def test_seconds_are_the_sum_of_what_each_kind_of_work_takes() -> None:
    work = Work(products=1e10, narrow=4e10, moved=2e10, sparse=1e8)
    assert STEADY.seconds(work) == pytest.approx(5)
    assert STEADY.range(work) == pytest.approx((5 * FASTER, 5 * SLOWER))
    cost = Cost(0, 0, work, Work(), least=0.1)
    assert STEADY.fit_range(cost) == pytest.approx((0.5 * FASTER, 5 * SLOWER))


def test_the_speed_of_this_machine_is_measured_once() -> None:
    found = measured_rates("cpu", "fp32")
    assert all(np.isfinite(rate) and rate > 0 for rate in vars(found).values())
    assert found.narrow >= found.products
    assert rates.measured_rates("cpu", "fp32") is found


@given(st.floats(0, 1e8), st.floats(1, 100))
def test_a_range_is_told_in_words_that_keep_it(least: float, times: float) -> None:
    most = least * times
    told = in_words(least, most)
    if told == "under a second":
        assert most < 1
        return
    seconds = {f"{unit}s": size for size, unit in UNITS}
    *start, high, unit = told.replace(",", "").split()
    assert float(high) * seconds[unit] == pytest.approx(most, rel=0.06)
    if start == ["up", "to"]:
        assert least < 1
    elif start:
        low, size = start[0], seconds[start[1] if len(start) == 3 else unit]
        assert float(low) * size == pytest.approx(least, rel=0.06)


def test_a_quick_machine_never_takes_longer_than_the_slow_one_that_is_assumed() -> None:
    assert all(getattr(foretell.SLOW, kind) <= rate for kind, rate in vars(STEADY).items())
