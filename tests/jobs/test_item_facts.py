"""Genres for metrics: found in a catalogue however they are written, and asked for before any work where they miss."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from recae.data.ids import IdIndex
from recae.errors import ConfigError, DataError
from recae.evaluation.background import NOTHING
from recae.jobs.compare import compare
from recae.jobs.evaluate import evaluate, evaluate_lists
from recae.jobs.item_facts import item_background
from recae.jobs.train import train

NAMES = ["ild@5", "serendipity@5", "miscalibration@5"]


@pytest.mark.parametrize(
    "genres",
    [
        ["War|Drama", "(no genres listed)", "Drama"],
        ["War, Drama", "", "Drama"],
        [["War", "Drama"], [], ["Drama"]],
        ["War;Drama", None, "Drama"],
    ],
)
def test_genres_are_found_however_they_are_written(genres: list[Any]) -> None:
    table = pd.DataFrame({"item_id": [1, 2, 3], "Genres": genres})
    known = item_background(["ild@5"], IdIndex.range(5), table).genres
    assert known is not None
    np.testing.assert_array_equal(known.toarray(), [[0, 0], [1, 1], [0, 0], [1, 0], [0, 0]])


def test_the_catalogue_is_read_only_where_a_metric_asks() -> None:
    assert item_background(["ndcg@10"], IdIndex.range(3), "no/such/file.csv") is NOTHING


def test_what_is_missing_is_said_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ild@5 needs to know what the items are like: give --catalog FILE"):
        item_background(NAMES, IdIndex.range(3), None)
    with pytest.raises(DataError, match="no column of genres"):
        item_background(NAMES, IdIndex.range(3), pd.DataFrame({"item_id": [1], "title": ["A"]}))
    with pytest.raises(ConfigError, match=r"cannot be judged here by ild@5"):
        train("no/such/log.csv", model="popularity", out=tmp_path / "m", metrics=["ild@5"])


def test_every_job_takes_them(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    log = pd.DataFrame({"user_id": np.repeat(np.arange(60), 12), "item_id": random.integers(0, 30, 720)})
    log, hidden = log.drop_duplicates()[::2], log.drop_duplicates()[1::2]
    items = pd.DataFrame({"item_id": np.arange(30), "genres": random.choice(["A", "B", "A|C"], 30)})
    log.to_csv(tmp_path / "log.csv", index=False)
    hidden.to_csv(tmp_path / "hidden.csv", index=False)
    items.to_csv(tmp_path / "items.csv", index=False)
    train(tmp_path / "log.csv", model="popularity", out=tmp_path / "model")
    names = [*NAMES, "auc", "gini@5", "popularity-lift@5", "npsp@5", "rprecision"]
    judged = evaluate(
        tmp_path / "model", [tmp_path / "log.csv"], tmp_path / "hidden.csv", metrics=names,
        catalog=tmp_path / "items.csv", report=tmp_path / "report.html",
    )  # fmt: skip
    assert set(judged.means) == set(names)
    assert "Miscalibration@5" in (tmp_path / "report.html").read_text(encoding="utf-8")
    with pytest.raises(ConfigError, match="auc needs a score for every item"):
        evaluate_lists(tmp_path / "hidden.csv", tmp_path / "hidden.csv", metrics=["auc"])
    found_lists = tmp_path / "hidden.csv"
    lists = evaluate_lists(
        found_lists, found_lists, [tmp_path / "log.csv"],
        metrics=["ild@5", "rprecision"], catalog=tmp_path / "items.csv",
    )  # fmt: skip
    assert lists.means["rprecision"] == pytest.approx(1.0)
    with pytest.raises(ConfigError, match="Settings cannot be chosen by ild@5"):
        compare(tmp_path / "log.csv", out=tmp_path / "none", models=["popularity"], metrics=["ild@5"])
    found = compare(
        tmp_path / "log.csv", out=tmp_path / "out", models=["popularity", "item-knn"], metrics=["ndcg@5", *NAMES],
        trials=0,
    )  # fmt: skip
    assert set(NAMES) <= set(found.comparison.runs[0].means)
