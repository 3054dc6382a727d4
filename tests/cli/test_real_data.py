"""The main job on real data, its lists judged by a few lines that share nothing with the project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest


def ndcg_at_10(lists: pd.DataFrame, test: pd.DataFrame) -> float:
    wanted = set(zip(test["user_id"], test["item_id"], strict=True))
    top = lists[lists["rank"] <= 10]
    hit = [pair in wanted for pair in zip(top["user_id"], top["item_id"], strict=True)]
    gain = (top["rank"].map(lambda rank: 1 / np.log2(rank + 1)) * hit).groupby(top["user_id"]).sum()
    ideal = test.groupby("user_id").size().clip(upper=10).map(lambda n: sum(1 / np.log2(np.arange(2, n + 2))))
    return float((gain.reindex(ideal.index).fillna(0) / ideal).mean())


@pytest.mark.real_data
def test_ease_on_movielens_1m_reaches_the_known_figure(recae, real_data: Callable[[str], Path], tmp_path: Path) -> None:
    train, valid, test = (real_data(f"ml-1m/{name}.parquet") for name in ("train", "valid", "test"))
    model, out = tmp_path / "model", tmp_path / "lists.parquet"
    assert recae("train", train, "--model", "ease", "--set", "l2=500", "--out", model).code == 0
    history = ("--history", train, "--history", valid)
    assert recae("recommend", model, *history, "--top", 100, "--out", out).code == 0
    lists, seen = pd.read_parquet(out), pd.concat([pd.read_parquet(train), pd.read_parquet(valid)])
    reached = ndcg_at_10(lists, pd.read_parquet(test))
    assert reached == pytest.approx(0.3375, abs=0.0005)
    judged = recae("evaluate", model, *history, "--target", test, "--metrics", "ndcg@10", "--json")
    assert judged.answer["metrics"]["ndcg@10"] == pytest.approx(reached, abs=1e-4)
    assert not lists.duplicated(["user_id", "item_id"]).any()
    assert lists.merge(seen, on=["user_id", "item_id"]).empty
    assert (lists.groupby("user_id").size() == 100).all()
    assert set(lists["user_id"]) == set(seen["user_id"])


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["popularity", "item-knn", "pure-svd"])
def test_lists_on_book_crossing_keep_the_rules(
    recae, real_data: Callable[[str], Path], tmp_path: Path, name: str
) -> None:
    log = next(real_data("book-crossing").glob("history.*"))
    model, out = tmp_path / "model", tmp_path / "lists.parquet"
    filters = ("--min-user-items", 5, "--min-item-users", 5)
    assert recae("train", log, *filters, "--model", name, "--out", model).code == 0
    assert recae("recommend", model, "--history", log, "--top", 10, "--out", out).code == 0
    lists, seen = pd.read_parquet(out), pd.read_parquet(log)
    user, item = lists.columns[:2]
    assert set(lists[user]) == set(seen[user])
    assert not lists.duplicated([user, item]).any()
    assert lists.merge(seen, on=[user, item]).empty
    assert (lists.groupby(user)["rank"].agg(["size", "max"]) == 10).all(axis=None)
