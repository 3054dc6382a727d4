"""Published data, a model in closed form: figures known to four digits before this library was written."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
import torch
from scipy import sparse

from recae.data.ids import IdIndex
from recae.data.split import HeldOut
from recae.evaluation.evaluate import evaluate, evaluate_lists
from recae.ranking.recommend import recommend

pytestmark = pytest.mark.real_data


@dataclass
class ItemWeights:
    items: IdIndex
    weights: np.ndarray

    def score(self, histories: sparse.csr_array, users: IdIndex | None = None) -> np.ndarray:
        return histories @ self.weights


@pytest.fixture(scope="module")
def movielens(real_data: Callable[[str], Path]) -> tuple[sparse.csr_array, HeldOut, IdIndex]:
    """(training matrix, test users with train + valid as history, items) of MovieLens 1M, 80/10/10 per user."""
    train, valid, test = (pq.read_table(real_data(f"ml-1m/{part}.parquet")) for part in ("train", "valid", "test"))
    users = IdIndex(train["user_id"].unique().sort())
    items = IdIndex(train["item_id"].unique().sort())

    def positions(*tables: object) -> tuple[np.ndarray, np.ndarray]:
        rows = [users.positions(table["user_id"]) for table in tables]
        columns = [items.positions(table["item_id"]) for table in tables]
        return np.concatenate(rows), np.concatenate(columns)

    def matrix(rows: np.ndarray, columns: np.ndarray) -> sparse.csr_array:
        known = columns >= 0
        values = np.ones(known.sum(), dtype=np.float32)
        return sparse.csr_array((values, (rows[known], columns[known])), shape=(len(users), len(items)))

    rows, columns = positions(test)
    unknown = np.bincount(rows[columns < 0], minlength=len(users))
    truth = HeldOut(matrix(*positions(train, valid)), matrix(rows, columns), users, unknown)
    return matrix(*positions(train)), truth, items


@pytest.mark.parametrize(("l2", "expected"), [(500, 0.3375), (1000, 0.3407)])
def test_ease_in_closed_form_has_its_known_ndcg(
    l2: float, expected: float, movielens: tuple[sparse.csr_array, HeldOut, IdIndex]
) -> None:
    """Steck, "Embarrassingly shallow autoencoders for sparse data", WWW 2019, equation 8."""
    train, truth, items = movielens
    dense = train.toarray()
    gram = torch.from_numpy(dense.T @ dense + l2 * np.eye(len(items), dtype=np.float32))
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(gram)).numpy()
    weights = inverse / -np.diag(inverse)
    np.fill_diagonal(weights, 0)
    model = ItemWeights(items, weights)

    result = evaluate(model, truth, ["ndcg@10", "recall@100"])
    assert result.means()["ndcg@10"] == pytest.approx(expected, abs=0.0005)

    lists = recommend(model, truth.history, 100, memory_bytes=2**22)
    rows = np.repeat(np.arange(len(lists)), 100)
    assert (lists.items >= 0).all()
    assert len(np.unique(rows * len(items) + lists.items.ravel())) == rows.size, "nothing twice in a list"
    assert truth.history[rows, lists.items.ravel()].sum() == 0, "nothing that was seen"
    assert evaluate_lists(lists, truth, ["ndcg@10", "recall@100"]).means() == pytest.approx(result.means(), abs=1e-4)
