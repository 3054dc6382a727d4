"""Folders of every format that a released version wrote: they are read, and give what they gave then.

scripts/keep_formats.py keeps them.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import recae
from recae.data import prepared, split_folder
from recae.data.interactions import Interactions
from recae.data.prepared_split import open_prepared_split
from recae.data.split import Split
from recae.models import folder as model_folder

KEPT = Path(__file__).parent / "kept"
MODELS = sorted(path.parent for path in KEPT.glob("model-*/*/manifest.json"))
SPLITS = sorted([*KEPT.glob("split-*"), *KEPT.glob("prepared-split-*")])


@pytest.fixture(scope="module")
def log() -> Interactions:
    return recae.read(KEPT / "log.csv")


def named(path: Path) -> str:
    return str(path.relative_to(KEPT))


@pytest.mark.parametrize(
    ("kind", "newest"),
    [
        ("model", model_folder.FORMAT_VERSION),
        ("prepared", prepared.FORMAT),
        ("prepared-split", prepared.FORMAT),
        ("split", split_folder.FORMAT),
    ],
)
def test_there_is_a_folder_of_every_format(kind: str, newest: int) -> None:
    missing = [version for version in range(1, newest + 1) if not (KEPT / f"{kind}-{version}").is_dir()]
    assert not missing, "run scripts/keep_formats.py and commit what it writes"


@pytest.mark.parametrize("place", MODELS, ids=named)
def test_a_kept_model_lists_what_it_listed(place: Path, log: Interactions) -> None:
    told = json.loads((place.parent / "lists.json").read_text())[place.name]
    items, scores = np.array(told["items"]), np.array(told["scores"])

    model = recae.load(place)
    found = recae.recommend(model, log.matrix, items.shape[1], users=log.users)

    near = 1e-4 * np.nanmax(np.abs(scores))
    np.testing.assert_allclose(found.scores, scores, rtol=0, atol=near)
    close = np.abs(np.diff(scores, axis=1)) <= 2 * near
    apart = ~(np.pad(close, ((0, 0), (1, 0))) | np.pad(close, ((0, 0), (0, 1))))
    assert apart.mean() > 0.5
    np.testing.assert_array_equal(found.items[apart], items[apart])
    assert model.items == log.items
    assert model.data_fingerprint == log.fingerprint()


@pytest.mark.parametrize("place", sorted(KEPT.glob("prepared-[0-9]*")), ids=named)
def test_a_kept_prepared_log_is_the_log(place: Path, log: Interactions) -> None:
    found = recae.read(place)
    prepared.verify(found, place)
    assert found.fingerprint() == log.fingerprint()
    assert found.columns == log.columns
    np.testing.assert_array_equal(found.timestamps, log.timestamps)


@pytest.mark.parametrize("place", SPLITS, ids=named)
def test_a_kept_split_is_the_split(place: Path, log: Interactions) -> None:
    def parts(split: Split) -> list[np.ndarray]:
        assert split.test is not None
        return [split.train.matrix.toarray(), split.test.history.toarray(), split.test.target.toarray()]

    found = open_prepared_split(place) if place.name.startswith("prepared") else split_folder.read_split(place)
    made = recae.make_split(log, found.spec, seed=found.seed)
    assert found.train.fingerprint() == made.train.fingerprint()
    for mine, theirs in zip(parts(found), parts(made), strict=True):
        np.testing.assert_array_equal(mine, theirs)
