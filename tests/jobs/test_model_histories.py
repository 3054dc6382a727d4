"""Histories read for a model: its own column names, items it knows none of, users without any history."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from recae.errors import DataError
from recae.jobs.evaluate import evaluate
from recae.jobs.prepare import split_input
from recae.jobs.reading import Reading
from recae.jobs.recommend import recommend
from recae.jobs.train import train
from recae.store.tables import write_table


@pytest.fixture(scope="module")
def odd(crowds: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log under names that nobody would guess, and a decoy under usual ones."""
    table = pq.read_table(crowds).rename_columns(["wer", "was", "wie"])
    decoy = pa.array([0] * len(table))
    path = tmp_path_factory.mktemp("odd") / "log.csv"
    write_table(table.append_column("user_id", decoy).append_column("item_id", decoy), path)
    return path


@pytest.fixture(scope="module")
def model(odd: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    reading = Reading(user_col="wer", item_col="was", rating_col="wie")
    return train(odd, model="ease", reading=reading, out=tmp_path_factory.mktemp("m") / "model").folder


def test_columns_are_called_as_in_the_training_data(model: Path, odd: Path, crowds: Path, tmp_path: Path) -> None:
    made = recommend(model, [odd], out=tmp_path / "l.parquet")
    assert made.users == 80
    assert pq.read_table(tmp_path / "l.parquet").column_names[:2] == ["wer", "was"]
    (tmp_path / "t.csv").write_text("wer,was\n7,999\n")
    assert evaluate(model, [odd], tmp_path / "t.csv", metrics=["hit@5"]).means == {"hit@5": 0}
    # Files without such columns are read by their usual names, and options win.
    usual = recommend(model, [crowds], out=tmp_path / "u.parquet")
    assert (usual.users, usual.rows) == (80, made.rows)
    wrong = Reading(user_col="user_id")
    assert recommend(model, [odd], out=tmp_path / "w.parquet", reading=wrong).users == 1


def test_many_items_of_which_the_model_knows_none_are_refused_as_another_column(model: Path, tmp_path: Path) -> None:
    fruit = "".join(f"{number % 7},apple{number:03}\n" for number in range(100))
    (tmp_path / "h.csv").write_text("user_id,item_id\n" + fruit)
    (tmp_path / "t.csv").write_text("user_id,item_id\n1,3\n2,4\n")
    sentence = r"knows none of the 100 items .* 'item_id' has 'apple000', .* and the model knows 0, 1, 2.* --item-col"
    with pytest.raises(DataError, match=sentence):
        recommend(model, [tmp_path / "h.csv"], out=tmp_path / "l.csv")
    with pytest.raises(DataError, match=sentence):
        evaluate(model, [tmp_path / "h.csv"], tmp_path / "t.csv")
    assert not (tmp_path / "l.csv").exists()


def test_new_users_with_a_few_unknown_items_get_popular_ones(model: Path, tmp_path: Path, told: Any) -> None:
    (tmp_path / "h.csv").write_text("user_id,item_id\n1,apple\n2,pear\n")
    made = recommend(model, [tmp_path / "h.csv"], out=tmp_path / "l.csv", top=3, progress=told)
    assert (made.users, made.cold_users, made.rows) == (2, 2, 6)
    assert any("'apple'" in line for line in told.lines)


def test_users_judged_without_a_history_are_told_with_the_file_that_has_it(
    crowds: Path, tmp_path: Path, told: Any
) -> None:
    split = split_input(crowds, tmp_path / "split", spec="user-holdout:valid=0.1,test=0.2").folder
    folder = train(split, model="ease", out=tmp_path / "m").folder
    evaluate(folder, [split / "train.parquet"], split / "test.parquet", metrics=["ndcg@5"], progress=told)
    warning = next(line for line in told.lines if line.startswith("Warning"))
    assert "16 of 16 users with targets have no history in" in warning
    assert f"give --history {split / 'test_history.parquet'}" in warning
    told.lines.clear()
    evaluate(folder, [split / "test_history.parquet"], split / "test.parquet", metrics=["ndcg@5"], progress=told)
    assert told.lines == []


def test_a_model_of_its_training_users_says_so(crowds: Path, tmp_path: Path, told: Any) -> None:
    folder = train(crowds, model="bpr", settings={"epochs": 1}, out=tmp_path / "m").folder
    (tmp_path / "h.csv").write_text("user_id,item_id\n1,2\n500,3\n")
    given = {"histories": [tmp_path / "h.csv"], "out": tmp_path / "l.csv", "progress": told}
    recommend(folder, **given)
    why = "bpr scores only users of its training data, and 1 user is not"
    assert told.lines == [f"{why}: popular items for them."]
    told.lines.clear()
    assert recommend(folder, **given, on_cold="skip", force=True).skipped_users == 1
    assert told.lines == [f"{why}: no lists for them."]
    with pytest.raises(DataError, match=f"{why} .*the first: 500"):
        recommend(folder, **given, on_cold="error", force=True)
