"""An interrupted fit goes on and ends in the weights of an uninterrupted one, byte for byte."""

from __future__ import annotations

import re
import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small import SMALL

from recae.data.interactions import Interactions
from recae.errors import ConfigError
from recae.models.base import Recommender
from recae.models.registry import create, model_class, model_names
from recae.options import Checkpoints, RunOptions
from recae.training import checkpoint
from recae.training.checkpoint import Keeper

SHORT = {"epochs": 4}
VARIANTS: dict[str, tuple[str, dict[str, object]]] = {
    **{name: (name, {}) for name in model_names() if model_class(name).resumable},
    "mult-dae, sampled": ("mult-dae", {"sampled": 12}),
    "mult-vae, sampled": ("mult-vae", {"sampled": 12, "hidden": 0}),
    "rec-vae, refined": ("rec-vae", {"implicit_slim_every": 2, "implicit_slim_threshold": 5, "encoder_passes": 2}),
    "glocal-k, averaged": ("glocal-k", {"starts": 2, "tuning_epochs": 2, "batch_users": 15, "patience": 2}),
    "autorec-user, averaged": ("autorec-user", {"starts": 3, "patience": 1}),
    "glocal-k": ("glocal-k", {"tuning_epochs": 3, "batch_users": 15}),
    "h-vamp": ("h-vamp", {"warm_up": 3}),
}


@pytest.fixture
def offers(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """[how often a state was offered, at which of these offers somebody presses Ctrl-C]."""
    counted, offer = [0, -1], Keeper.offer

    def counting(keeper: Keeper) -> None:
        if counted[0] == counted[1]:
            keeper.held.number = signal.SIGINT
        counted[0] += 1
        offer(keeper)

    monkeypatch.setattr(Keeper, "offer", counting)
    return counted


def new(name: str) -> Recommender:
    model, settings = VARIANTS[name]
    return create(model, **(SMALL[model] | SHORT | settings))


def options(folder: Path, resume: bool = True) -> RunOptions:
    return RunOptions(seed=9, device="cpu", checkpoints=Checkpoints(folder, resume))


@pytest.mark.parametrize("name", VARIANTS)
def test_interrupted_anywhere_it_ends_in_the_same_weights(
    name: str, tastes: Interactions, tmp_path: Path, offers: list[int]
) -> None:
    whole = new(name).fit(tastes, options=replace(options(tmp_path), checkpoints=None))
    observed = new(name).fit(tastes, options=options(tmp_path / "unused"))
    total, expected = offers[0], whole.weights()
    assert total >= SHORT["epochs"]
    assert not (tmp_path / "unused").exists(), "a minute had not passed"
    drawn = np.random.default_rng(len(name)).integers(0, total, 3)
    for stops in [[0], [total - 1], sorted(set(drawn.tolist()))]:
        folder = tmp_path / str(stops)
        before = 0
        for stop in stops:  # counted from the beginning, whatever was interrupted before
            offers[:] = [0, stop - before]
            with pytest.raises(KeyboardInterrupt):
                new(name).fit(tastes, options=options(folder))
            before = stop + 1
        offers[:] = [0, -1]
        resumed = new(name).fit(tastes, options=options(folder))
        assert offers[0] == total - before, "it went on, and did not start anew"
        found = resumed.weights()
        assert found.keys() == expected.keys()
        for key, weight in expected.items():
            assert found[key].tobytes() == weight.tobytes(), (stops, key)
        for one in (observed, resumed):
            assert (one.curve is None) == (whole.curve is None)
            if one.curve is not None and whole.curve is not None:
                assert replace(one.curve, points=()) == replace(whole.curve, points=())
                assert [replace(point, seconds=0) for point in one.curve.points] == [
                    replace(point, seconds=0) for point in whole.curve.points
                ]


def interrupted(folder: Path, tastes: Interactions, offers: list[int]) -> None:
    offers[:] = [0, 7]
    with pytest.raises(KeyboardInterrupt):
        new("mult-vae").fit(tastes, options=options(folder))
    offers[:] = [0, -1]


def test_a_checkpoint_of_something_else_is_refused(
    tastes: Interactions, tmp_path: Path, offers: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    interrupted(tmp_path, tastes, offers)
    small = tastes.keep(np.arange(tastes.nnz) > 5)
    for model, data, seed, what in (
        (new("mult-vae, sampled"), tastes, 9, "settings"),
        (new("mult-dae"), tastes, 9, "model, settings"),
        (new("mult-vae"), small, 9, "training data"),
        (new("mult-vae"), tastes, 8, "seed"),
    ):
        with pytest.raises(ConfigError, match=rf"begun with other terms \({what}\): run without --resume"):
            model.fit(data, options=replace(options(tmp_path), seed=seed))
    monkeypatch.setattr(checkpoint, "library_versions", lambda: {"torch": "0"})
    with pytest.raises(ConfigError, match=r"\(versions\)"):
        new("mult-vae").fit(tastes, options=options(tmp_path))


def test_without_resume_it_starts_anew(tastes: Interactions, tmp_path: Path, offers: list[int]) -> None:
    interrupted(tmp_path, tastes, offers)
    new("mult-vae").fit(tastes, options=options(tmp_path / "other"))
    whole = offers[0]
    offers[:] = [0, -1]
    new("mult-vae").fit(tastes, options=options(tmp_path, resume=False))
    assert offers[0] == whole


@pytest.mark.parametrize("name", ["checkpoint.json", "checkpoint-0.safetensors"])
@pytest.mark.parametrize("where", [0.1, 0.5, 0.95])
def test_a_damaged_checkpoint_is_told_and_the_fit_starts_anew(
    name: str, where: float, tastes: Interactions, tmp_path: Path, offers: list[int], recorder: Any
) -> None:
    whole = new("mult-vae").fit(tastes, options=replace(options(tmp_path), checkpoints=None)).weights()
    interrupted(tmp_path, tastes, offers)
    content = bytearray((tmp_path / name).read_bytes())
    content[int(where * len(content))] ^= 1
    (tmp_path / name).write_bytes(content)
    found = new("mult-vae").fit(tastes, options=replace(options(tmp_path), progress=recorder)).weights()
    assert any(
        re.fullmatch(r"Warning: The checkpoint in .* is damaged: .* starts anew\.", one) for one in recorder.said
    )
    assert all(found[key].tobytes() == weight.tobytes() for key, weight in whole.items())


def test_a_checkpoint_without_its_tensors_is_damaged(
    tastes: Interactions, tmp_path: Path, offers: list[int], recorder: Any
) -> None:
    interrupted(tmp_path, tastes, offers)
    (tmp_path / "checkpoint-0.safetensors").unlink()
    new("mult-vae").fit(tastes, options=replace(options(tmp_path), progress=recorder))
    assert any("checkpoint-0.safetensors is missing. The fit starts anew" in one for one in recorder.said)


@pytest.mark.skipif(sys.platform == "win32", reason="no such signals there")
def test_signals_are_held_back_only_while_it_trains(tastes: Interactions, tmp_path: Path, offers: list[int]) -> None:
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    interrupted(tmp_path, tastes, offers)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_checkpoints_are_written_by_the_clock_and_cost_little(
    tastes: Interactions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, written = [0.0], []
    monkeypatch.setattr(checkpoint.time, "monotonic", lambda: now[0])

    def write(*_: object) -> None:
        written.append(now[0])
        now[0] += 2.0  # what it takes

    monkeypatch.setattr(checkpoint, "write_checkpoint", write)
    offer = Keeper.offer

    def passing(keeper: Keeper) -> None:
        now[0] += 10.0
        offer(keeper)

    monkeypatch.setattr(Keeper, "offer", passing)
    new("mult-vae").fit(tastes, options=options(tmp_path))
    assert written[:3] == [60.0, 162.0, 264.0], "a minute at first, then fifty times what one takes"
    monkeypatch.setattr(checkpoint, "SLOW_DISK", 10.0)  # bytes a second
    now[0] = 0.0
    written.clear()
    new("mult-vae").fit(tastes, options=options(tmp_path))
    assert written == [], "the first one waits until it is a small part of the time"
