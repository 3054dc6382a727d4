"""Top-k by the slower way, scores of any kind, and what rules bar; settled without chance."""

from __future__ import annotations

import threading
import time

import numpy as np
import pytest
import torch

from recae.data.ids import IdIndex
from recae.data.interactions import Columns
from recae.errors import ConfigError, RecaeError
from recae.ranking import topk
from recae.ranking.lists import TopN
from recae.ranking.order import settle
from recae.ranking.rules import Rules
from recae.ranking.topk import top_k
from recae.workers import workers


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("levels", [1, 2, 4, 40])
@pytest.mark.parametrize("columns", [3, 8192])
def test_ties_of_any_kind_of_scores(dtype: type, levels: int, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topk, "TIE_COLUMNS", columns)
    scores = np.random.default_rng(levels).integers(0, levels, (60, 50)).astype(dtype)
    scores[::7, 5:] = -np.inf
    order = np.argsort(-scores, axis=1, kind="stable")
    for k in (1, 2, 3, 9, 49, 50, 52):
        lists = top_k(scores, k)
        best = np.pad(order[:, :k], ((0, 0), (0, max(0, k - 50))), constant_values=-1)
        finite = np.take_along_axis(scores, best, axis=1) > -np.inf
        assert lists.items.tolist() == np.where(finite & (best >= 0), best, -1).tolist()
        assert (lists.items.dtype, lists.scores.dtype) == (np.int64, np.float32)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_the_row_that_cannot_be_ranked_is_named(dtype: type, bad: float) -> None:
    scores = np.zeros((5, 3), dtype=dtype)
    scores[2, 1] = bad
    for first_row, named in (({}, 2), ({"first_row": 10}, 12)):
        with pytest.raises(RecaeError, match=rf"row {named} \(1 of 5 rows"):
            top_k(scores, 1, **first_row)


def test_numbers_of_any_type_are_ranked() -> None:
    wanted = [[1, 3, 0]]
    for kind in (bool, np.uint16, np.int8, np.float16, ">f4", np.float64):
        values = [0, 1, 0, 1] if kind is bool else [1, 3, 0, 2]
        assert top_k(np.array([values]).astype(kind), 3).items.tolist() == wanted
    close = torch.tensor([[1.0, 1.0 + 1e-12]], dtype=torch.float64)
    assert top_k(close, 1).items.tolist() == top_k(close.numpy(), 1).items.tolist() == [[1]]


def test_nobody_has_no_candidates() -> None:
    nothing = np.zeros(0, dtype=np.int64)
    assert settle(nothing, nothing, np.zeros(0, dtype=np.float32), 0, 3).items.shape == (0, 3)


def test_rules_bar_what_they_say() -> None:
    assert Rules().barred(3) is None
    for rules, barred in (
        (Rules(allow=np.array([0, 2])), [False, True, False]),
        (Rules(deny=np.array([0])), [True, False, False]),
        (Rules(allow=np.array([0, 1]), deny=np.array([1, 2])), [False, True, True]),
        (Rules(allow=np.array([])), [True, True, True]),
    ):
        found = rules.barred(3)
        assert found is not None
        assert found.dtype == bool
        assert found.tolist() == barred
    for name in ("allow", "deny"):
        for position in (-1, 3):
            with pytest.raises(ConfigError, match=f"The {name} list names item position {position}; there are 3 items"):
                Rules(**{name: np.array([0, position])}).barred(3)


def test_lists_become_a_table_with_the_callers_names() -> None:
    lists = TopN(np.array([[2, 0], [1, -1]]), np.array([[0.5, 0.25], [1, np.nan]], dtype=np.float32))
    table = lists.to_arrow(IdIndex.of(["ann", "bob"]), IdIndex.of([7, 8, 9]), Columns(user="who", item="what"))
    assert table.to_pydict() == {
        "who": ["ann", "ann", "bob"],
        "what": [9, 7, 8],
        "rank": [1, 2, 1],
        "score": [0.5, 0.25, 1.0],
    }
    assert [str(table.schema.field(name).type) for name in ("rank", "score")] == ["int32", "float"]


def test_as_many_threads_work_as_were_asked_for_each_with_one_of_torch() -> None:
    lock, at_work, most = threading.Lock(), 0, 0

    def work(_: int) -> int:
        nonlocal at_work, most
        with lock:
            at_work += 1
            most = max(most, at_work)
        time.sleep(0.02)
        with lock:
            at_work -= 1
        return torch.get_num_threads()

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        with workers(2) as pool:
            assert list(pool.in_order(work, range(8))) == [1] * 8
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    assert most <= 2
