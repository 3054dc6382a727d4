"""Lists for users: what may never be in them, and that blocks do not show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

import recae
from recae.data.ids import IdIndex
from recae.errors import ConfigError, DataError, RecaeError
from recae.ranking.lists import NO_ITEM
from recae.ranking.recommend import block_rows, recommend, recommend_blocks
from recae.ranking.rules import Rules, mask


@dataclass
class FakeScorer:
    """Scores a row by the items it holds, so that each row has its own list; remembers who was asked for."""

    items: IdIndex
    levels: int = 5
    asked: list[str] = field(default_factory=list)

    def score(self, histories: sparse.csr_array, users: IdIndex | None = None) -> np.ndarray:
        if users is not None:
            self.asked += users.values.to_pylist()
        item = np.arange(len(self.items))
        key = histories @ (item + 1.0)
        return ((key[:, None] * 7 + item[None, :] * 13) % self.levels).astype(np.float32)


def histories_of(lists: list[list[int]], n_items: int) -> sparse.csr_array:
    indptr = np.concatenate(([0], np.cumsum([len(items) for items in lists]))).astype(int)
    indices = np.array([item for items in lists for item in sorted(items)], dtype=np.int32)
    return sparse.csr_array((np.ones(len(indices), dtype=np.float32), indices, indptr), shape=(len(lists), n_items))


@st.composite
def tasks(draw: st.DrawFn) -> tuple[sparse.csr_array, int, Rules]:
    n_items = draw(st.integers(1, 12))
    some = st.lists(st.integers(0, n_items - 1), unique=True)
    histories = histories_of(draw(st.lists(some, max_size=9)), n_items)
    rules = Rules(
        exclude_seen=draw(st.booleans()),
        allow=draw(st.none() | some.map(lambda x: np.array(x, dtype=np.int64))),
        deny=draw(st.none() | some.map(lambda x: np.array(x, dtype=np.int64))),
    )
    return histories, draw(st.integers(1, 15)), rules


def one_user_at_a_time(model: FakeScorer, histories: sparse.csr_array, n: int, rules: Rules) -> list[list[int]]:
    """The reference, with sets and sorted()."""
    lists = []
    for row in range(histories.shape[0]):
        scores = model.score(histories[[row]])[0]
        free = set(range(len(scores))) if rules.allow is None else set(rules.allow.tolist())
        free -= set() if rules.deny is None else set(rules.deny.tolist())
        free -= set(histories[[row]].indices.tolist()) if rules.exclude_seen else set()
        lists.append(sorted(free, key=lambda item: (-scores[item], item))[:n])
    return lists


@settings(deadline=None, max_examples=200)
@given(tasks(), st.integers(1, 1000))
def test_lists_follow_the_rules_whatever_the_blocks(
    task: tuple[sparse.csr_array, int, Rules], memory_bytes: int
) -> None:
    histories, n, rules = task
    model = FakeScorer(IdIndex.range(histories.shape[1]))
    lists = recommend(model, histories, n, rules=rules, memory_bytes=memory_bytes)
    assert lists.items.shape == lists.scores.shape == (histories.shape[0], min(n, histories.shape[1]))
    assert (lists.items.dtype, lists.scores.dtype) == (np.int64, np.float32)
    found = [[item for item in row if item >= 0] for row in lists.items.tolist()]
    assert found == one_user_at_a_time(model, histories, n, rules)
    assert (np.diff((lists.items == -1).astype(int), axis=1) >= 0).all(), "padding only at the end"


def test_blocks_come_in_the_order_of_users_and_carry_their_ids() -> None:
    model = FakeScorer(IdIndex.range(4))
    histories = histories_of([[0], [1], [2], [3], []], 4)
    users = IdIndex.of(["e", "d", "c", "b", "a"])
    blocks = list(recommend_blocks(model, histories, 2, users=users, memory_bytes=4 * 12 * 2))
    assert [(rows.start, rows.stop) for rows, _ in blocks] == [(0, 2), (2, 4), (4, 5)]
    assert model.asked == ["e", "d", "c", "b", "a"]


def test_an_explicit_zero_in_the_history_was_seen() -> None:
    histories = histories_of([[0, 2]], 3)
    histories.data[:] = 0
    model = FakeScorer(IdIndex.range(3))
    assert recommend(model, histories, 3).items.tolist() == [[1, -1, -1]]


def test_seen_items_come_back_when_asked_for() -> None:
    model = FakeScorer(IdIndex.range(3))
    assert set(recommend(model, histories_of([[0, 2]], 3), 3, rules=Rules(False)).items[0]) == {0, 1, 2}


@pytest.mark.parametrize("n_items", [1, 3706, 40_981, 5_000_000, 50_000_000])
def test_a_block_fits_the_memory_and_has_at_least_one_row(n_items: int) -> None:
    rows = block_rows(n_items, 2**28)
    assert rows >= 1
    assert rows == 1 or rows * n_items * 8 <= 2**28


def read_only_view(scores: np.ndarray) -> np.ndarray:
    return np.broadcast_to(scores[0], scores.shape)


def writable_view(scores: np.ndarray) -> np.ndarray:
    return scores[:]


@pytest.mark.parametrize("shared", [read_only_view, writable_view])
def test_a_model_that_hands_out_its_own_buffer_keeps_it(shared: Callable[[np.ndarray], np.ndarray]) -> None:
    own = np.tile(np.array([3, 2, 1], dtype=np.float32), (2, 1))
    before = own.copy()

    class Popularity:
        items = IdIndex.range(3)

        def score(self, histories: sparse.csr_array, users: IdIndex | None = None) -> np.ndarray:
            return shared(own)

    histories = histories_of([[0], [1]], 3)
    assert recommend(Popularity(), histories, 2).items.tolist() == [[1, 2], [0, 2]]
    np.testing.assert_array_equal(own, before)


def test_masking_changes_only_what_is_masked() -> None:
    scores = np.arange(6, dtype=np.float32).reshape(2, 3)
    masked = mask(scores.copy(), histories_of([[1], []], 3), np.array([False, False, True]))
    np.testing.assert_array_equal(masked, [[0, -np.inf, -np.inf], [3, 4, -np.inf]])


@pytest.mark.parametrize("rules", [Rules(allow=np.array([3])), Rules(deny=np.array([-1]))])
def test_rules_about_items_that_do_not_exist_are_refused(rules: Rules) -> None:
    with pytest.raises(ConfigError, match="item position"):
        recommend(FakeScorer(IdIndex.range(3)), histories_of([[]], 3), 1, rules=rules)


def test_wrong_inputs_are_refused_in_a_sentence() -> None:
    model = FakeScorer(IdIndex.range(3))
    with pytest.raises(DataError, match="over 4 items and the model over 3"):
        recommend(model, histories_of([[]], 4), 1)
    with pytest.raises(DataError, match="2 user ids for 1 history"):
        recommend(model, histories_of([[]], 3), 1, users=IdIndex.range(2))
    with pytest.raises(ConfigError, match="top 0"):
        recommend(model, histories_of([[]], 3), 0)


def test_a_model_with_a_wrong_shape_is_refused() -> None:
    class Broken:
        items = IdIndex.range(3)

        def score(self, histories: sparse.csr_array, users: IdIndex | None = None) -> np.ndarray:
            return np.zeros((1, 2), dtype=np.float32)

    with pytest.raises(RecaeError, match=r"shape \(1, 2\) where \(1, 3\)"):
        recommend(Broken(), histories_of([[]], 3), 1)


def test_a_log_is_refused_with_the_way_to_make_histories_of_it() -> None:
    model = FakeScorer(IdIndex.of(["a", "b", "c"]))
    log = recae.read({"user_id": [7, 7], "item_id": ["b", "x"]})
    for wrong in (log, log.matrix.tocoo(), log.matrix.toarray(), None):
        said = rf"given as {type(wrong).__name__}, .*recae.read_histories\(source, model.items\).matrix"
        with pytest.raises(DataError, match=said):
            recommend(model, wrong, 2)  # type: ignore[arg-type]
    histories = recae.read_histories({"user_id": [7, 7], "item_id": ["b", "x"]}, model.items)
    lists = recae.recommend(model, histories.matrix, 3, users=histories.users)
    assert sorted(lists.items[0].tolist()) == [NO_ITEM, 0, 2]
