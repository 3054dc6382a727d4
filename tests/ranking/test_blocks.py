"""How many users are looked at together, and what is told meanwhile; the lists never show it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
import torch
from scipy import sparse

from recae.data.ids import IdIndex
from recae.errors import DataError, RecaeError
from recae.ranking import recommend as blocks
from recae.ranking.lists import Product, TopN
from recae.ranking.recommend import (
    BYTES_PER_SCORE,
    MAX_BLOCK_ROWS,
    _even_slices,
    _query_rows,
    block_rows,
    product_rows,
    rank,
    recommend,
    recommend_blocks,
    score_blocks,
)
from recae.ranking.rules import Rules, mask
from recae.workers import Workers, workers

N_USERS, N_ITEMS = 10, 6
SCORES = np.random.default_rng(0).random((N_USERS, N_ITEMS)).astype(np.float32)
HISTORIES = sparse.csr_array((np.arange(N_USERS)[:, None] % N_ITEMS == np.arange(N_ITEMS)).astype(np.float32))


class Table:
    """Scores by the id of the user; remembers how many were asked for at a time."""

    items = IdIndex.range(N_ITEMS)

    def __init__(self) -> None:
        self.asked: list[int] = []

    def score(self, histories: sparse.csr_array, users: IdIndex | None = None) -> np.ndarray:
        assert users is not None
        self.asked.append(len(users))
        return SCORES[users.values.to_numpy()].copy()


class Factors(Table):
    """The same by products, where a history need not be seen by the model for its own items."""

    unseen_only = False

    def as_product(self) -> Product:
        return Product(self._queries, np.eye(N_ITEMS, dtype=np.float32), unseen_only=self.unseen_only)

    def _queries(self, histories: sparse.csr_array, users: IdIndex | None) -> np.ndarray:
        assert users is not None
        self.asked.append(-len(users))
        return SCORES[users.values.to_numpy()]


def expected(seen: bool) -> list[list[int]]:
    scores = np.where(HISTORIES.toarray() > 0, -np.inf, SCORES) if seen else SCORES
    return np.argsort(-scores, axis=1)[:, :3].tolist()


def test_a_block_is_as_large_as_the_memory_allows() -> None:
    assert block_rows(10, 12 * 10 * 7) == 7
    assert block_rows(10, 12 * 10 * 7 - 1) == 6
    assert block_rows(10, 0) == 1
    assert block_rows(1, 2**50) == MAX_BLOCK_ROWS
    assert block_rows(0, BYTES_PER_SCORE * 20) == 20


def test_products_are_as_large_as_the_cache_and_the_memory_allow() -> None:
    assert product_rows(1, 2**50, 1) == 1024
    assert product_rows(5000, 2**50, 1) == 4 * 2**20 // 10_000
    assert product_rows(10**6, 2**50, 1) == 256
    assert product_rows(0, 2**50, 1) == 1024
    assert product_rows(10, 4 * 10 * 7, 1) == 7
    assert product_rows(1, 4 * 7, 1) == 7
    assert product_rows(10, 3 * 4 * 10 * 7, 3) == 7


def test_what_remains_of_sixteens_is_a_block_of_its_own() -> None:
    histories = sparse.csr_array((56, N_ITEMS))

    class Model:
        items = IdIndex.range(N_ITEMS)

        def score(self, histories: sparse.csr_array, users: IdIndex | None = None) -> np.ndarray:
            return histories.toarray()

    found = score_blocks(Model(), histories, memory_bytes=BYTES_PER_SCORE * N_ITEMS * 32)
    assert [rows for rows, _ in found] == [slice(0, 32), slice(32, 48), slice(48, 56)]


def ends(n_rows: int, most: int, *threads: int) -> list[int]:
    slices = list(_even_slices(n_rows, most, *threads))
    assert [rows.start for rows in slices] == [0, *(rows.stop for rows in slices[:-1])][: len(slices)]
    return [rows.stop for rows in slices]


def test_blocks_are_about_equal_and_so_many_that_all_threads_end_together() -> None:
    assert ends(0, 10) == []
    assert ends(100, 1000) == [96, 100]
    assert ends(128, 512) == [128]
    assert ends(1000, 400, 1) == [336, 672, 992, 1000]
    assert ends(600, 250, 2) == [160, 320, 480, 592, 600]
    assert ends(128, 512, 2) == [64, 128]
    assert ends(127, 512, 2) == [112, 127]
    assert ends(9, 4, 1) == [4, 8, 9]


@pytest.mark.parametrize("seen", [True, False])
def test_scores_are_asked_for_within_the_memory_and_progress_is_told(seen: bool, recorder: Any) -> None:
    model, users = Table(), IdIndex.range(N_USERS)
    memory = BYTES_PER_SCORE * N_ITEMS * 4
    lists = recommend(
        model, HISTORIES, 3, users=users, rules=Rules(seen), memory_bytes=memory, progress=recorder
    )  # fmt: skip
    assert lists.items.tolist() == expected(seen)
    assert model.asked == recorder.done == [4, 4, 2]
    assert recorder.tasks == [("Ranking", N_USERS, "users")]
    blocks = recommend_blocks(model, HISTORIES, 3, users=users, progress=recorder, label="Judging")
    assert [rows for rows, _ in blocks] == [slice(0, N_USERS)]
    assert recorder.tasks[1:] == [("Judging", N_USERS, "users")]


def test_vectors_are_asked_for_by_sixteens_at_least_as_fewer_would_differ_in_their_last_digits() -> None:
    bytes_of_user = 16 * 600 + 24 * 10
    product = Product(lambda histories, users: SCORES, np.zeros((5, 600), dtype=np.float32))
    for pool, waiting in ((Workers(1, None), 1), (Workers(2, ThreadPoolExecutor(2)), 5)):
        for memory, rows in ((0, 16), (20, 20), (511, 511), (2**20, 512)):
            assert _query_rows(product, 10, memory * waiting * bytes_of_user, pool) == rows


@pytest.mark.parametrize("seen", [True, False])
def test_products_are_asked_for_within_the_memory_and_progress_is_told(seen: bool, recorder: Any) -> None:
    model, users = Factors(), IdIndex.range(N_USERS)
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        lists = recommend(model, HISTORIES, 3, users=users, rules=Rules(seen), memory_bytes=1, progress=recorder)
    finally:
        torch.set_num_threads(before)
    assert lists.items.tolist() == expected(seen)
    assert [-n for n in model.asked] == recorder.done == [N_USERS]
    assert recorder.tasks == [("Ranking", N_USERS, "users")]
    with pytest.raises(DataError, match="There is 1 user id for 10 histories"):
        recommend(model, HISTORIES, 3, users=IdIndex.range(1))


@pytest.mark.parametrize("model", [Table(), Factors()])
def test_items_that_nobody_may_get_are_in_no_list(model: Table) -> None:
    lists = recommend(model, HISTORIES, 3, users=IdIndex.range(N_USERS), rules=Rules(deny=np.array([1, 4])))
    hidden = mask(SCORES.copy(), HISTORIES, np.isin(np.arange(N_ITEMS), [1, 4]))
    assert lists.items.tolist() == np.argsort(-hidden, axis=1)[:, :3].tolist()


def test_vectors_of_histories_need_no_ids(recorder: Any) -> None:
    random = np.random.default_rng(4)
    histories = sparse.random_array((40, 5), density=0.5, format="csr", rng=random, dtype=np.float32)
    alike = random.random((5, 5), dtype=np.float32)

    class Model:
        items = IdIndex.range(5)

        def as_product(self) -> Product:
            return Product(self._queries, alike)

        def _queries(self, histories: sparse.csr_array, users: IdIndex | None) -> np.ndarray:
            assert users is None
            return histories.toarray()

    lists = recommend(Model(), histories, 2, rules=Rules(False), memory_bytes=1, progress=recorder)
    assert lists.items.tolist() == np.argsort(-(histories @ alike.T), axis=1, kind="stable")[:, :2].tolist()
    assert recorder.done == [16, 16, 8]


def test_without_items_nothing_is_multiplied() -> None:
    class Model:
        items = IdIndex.range(0)

        def score(self, histories: sparse.csr_array, users: IdIndex | None = None) -> np.ndarray:
            return np.zeros(histories.shape, dtype=np.float32)

        def as_product(self) -> Product:
            raise AssertionError("there is nothing to multiply")

    assert recommend(Model(), sparse.csr_array((2, 0)), 3).items.tolist() == [[-1], [-1]]


def test_products_that_leave_out_what_was_seen_are_no_scores_of_it() -> None:
    model, users = Factors(), IdIndex.range(N_USERS)
    model.unseen_only = True
    assert recommend(model, HISTORIES, 3, users=users, rules=Rules(False)).items.tolist() == expected(False)
    assert model.asked == [N_USERS]
    assert recommend(model, HISTORIES, 3, users=users).items.tolist() == expected(True)
    assert model.asked[1:] == [-N_USERS]


def test_scores_come_in_the_order_of_the_users(recorder: Any) -> None:
    model, memory = Table(), BYTES_PER_SCORE * N_ITEMS * 3
    found = list(
        score_blocks(model, HISTORIES, users=IdIndex.range(N_USERS), memory_bytes=memory, progress=recorder)
    )  # fmt: skip
    assert [rows for rows, _ in found] == [slice(0, 3), slice(3, 6), slice(6, 9), slice(9, 10)]
    np.testing.assert_array_equal(np.concatenate([scores for _, scores in found]), SCORES)
    assert recorder.tasks == [("Ranking", N_USERS, "users")]
    assert recorder.done == [3, 3, 3, 1]


def test_a_block_of_scores_is_ranked_by_its_rules() -> None:
    barred = np.arange(N_ITEMS) == 2
    for seen in (True, False):
        scores = np.where(HISTORIES.toarray() > 0, -np.inf, SCORES) if seen else SCORES.copy()
        scores[:, 2] = -np.inf
        wanted = np.argsort(-scores, axis=1)[:, :3].tolist()
        assert rank(SCORES.copy(), HISTORIES, 3, exclude_seen=seen, barred=barred).items.tolist() == wanted
    assert rank(SCORES.copy(), HISTORIES, 3).items.tolist() == expected(True)
    assert rank(SCORES.copy(), HISTORIES, 99).items.shape == (N_USERS, N_ITEMS)
    nobody = rank(SCORES[:0], HISTORIES[:0], 3)
    assert nobody.items.shape == nobody.scores.shape == (0, 3)
    assert (nobody.items.dtype, nobody.scores.dtype) == (np.int64, np.float32)
    wrong = SCORES.copy()
    wrong[4, 1] = np.nan
    for first_row, named in (({}, 4), ({"first_row": 100}, 104)):
        with pytest.raises(RecaeError, match=f"row {named} "):
            rank(wrong.copy(), HISTORIES, 3, **first_row)


def test_ranking_in_threads_gives_the_same_lists_in_the_same_order() -> None:
    random = np.random.default_rng(1)
    scores = random.integers(0, 9, (1000, 40)).astype(np.float32)
    histories = sparse.random_array((1000, 40), density=0.1, format="csr", rng=random, dtype=np.float32)

    class Model:
        items = IdIndex.range(40)

        def score(self, histories: sparse.csr_array, users: IdIndex | None = None) -> np.ndarray:
            assert users is not None
            return scores[users.values.to_numpy()]

    before, found = torch.get_num_threads(), []
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            found.append(recommend(Model(), histories, 5, users=IdIndex.range(1000)))
            assert torch.get_num_threads() == threads
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(found[0].items, found[1].items)
    wanted = np.argsort(-mask(scores.copy(), histories, None), axis=1, kind="stable")[:, :5]
    assert found[0].items.tolist() == wanted.tolist()


@pytest.mark.parametrize("by_products", [False, True])
@pytest.mark.parametrize("bad", [3, 150, 599])
@pytest.mark.parametrize("memory_bytes", [3000, 60_000, 2**28])
def test_the_user_whose_scores_cannot_be_ranked_is_named(by_products: bool, bad: int, memory_bytes: int) -> None:
    random = np.random.default_rng(2)
    scores = random.random((600, 12)).astype(np.float32)
    histories = sparse.random_array((600, 12), density=0.1, format="csr", rng=random, dtype=np.float32)

    class Model:
        items = IdIndex.range(12)

        def score(self, histories: sparse.csr_array, users: IdIndex | None = None) -> np.ndarray:
            assert users is not None
            return scores[users.values.to_numpy()]

    class Products(Model):
        def as_product(self) -> Product:
            return Product(self.score, np.eye(12, dtype=np.float32))

    model, users = (Products if by_products else Model)(), IdIndex.range(600)
    lists = recommend(model, histories, 5, users=users, memory_bytes=memory_bytes)
    hidden = mask(scores.copy(), histories, None)
    assert lists.items.tolist() == np.argsort(-hidden, axis=1, kind="stable")[:, :5].tolist()
    scores[bad] = np.nan
    with pytest.raises(RecaeError, match=f"in row {bad} "):
        recommend(model, histories, 5, users=users, memory_bytes=memory_bytes, rules=Rules(False))


def test_the_user_is_named_where_few_rows_are_looked_at_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(blocks, "CACHE_BYTES", 1)
    scores = np.random.default_rng(3).random((200, 300)).astype(np.float32)
    nothing = sparse.csr_array(scores.shape)
    scores[150, 7] = np.nan
    with pytest.raises(RecaeError, match="in row 160 "):
        rank(scores.copy(), nothing, 3, first_row=10)

    class Model:
        items = IdIndex.range(300)

        def as_product(self) -> Product:
            return Product(lambda histories, users: scores[users.values.to_numpy(), 7:8], np.ones((300, 1), np.float32))

    # Room for more vectors than products.
    with pytest.raises(RecaeError, match="in row 150 "):
        recommend(Model(), nothing, 3, users=IdIndex.range(200), memory_bytes=20_000)


def test_work_is_begun_ahead_and_handed_back_in_its_order() -> None:
    begun: list[int] = []

    def square(task: int) -> int:
        begun.append(task)
        if task == 30:
            raise ValueError("thirty")
        return task * task

    for threads, ahead in ((1, 0), (2, 4)):
        begun.clear()
        with workers(threads) as pool:
            assert (pool.count, pool.ahead) == (threads, ahead)
            assert list(pool.in_order(square, range(20))) == [task * task for task in range(20)]
            found = pool.in_order(square, iter(range(100)))
            assert [next(found) for _ in range(30)] == [task * task for task in range(30)]
            with pytest.raises(ValueError, match="thirty"):
                next(found)
        assert max(begun) <= 30 + ahead + 1


def test_masks_write_to_arrays_of_their_own_only() -> None:
    seen, barred = HISTORIES, np.arange(N_ITEMS) == 1
    hidden = np.where((HISTORIES.toarray() > 0) | barred, -np.inf, SCORES)
    own = SCORES.copy()
    assert mask(own, seen, barred) is own
    np.testing.assert_array_equal(own, hidden)
    for given, allowed in ((SCORES.copy()[:], None), (SCORES.copy(), False)):
        masked = mask(given, seen, barred, own=allowed)
        np.testing.assert_array_equal(given, SCORES)
        np.testing.assert_array_equal(masked, hidden)
    view = SCORES.copy()[:]
    assert mask(view, seen, barred, own=True) is view
    sideways = np.asfortranarray(SCORES)
    np.testing.assert_array_equal(mask(sideways, seen, barred, own=True), hidden)
    for nothing, nobody in ((None, None), (sparse.csr_array((N_USERS, N_ITEMS)), np.zeros(N_ITEMS, dtype=bool))):
        assert mask(view, nothing, nobody) is view


def test_lists_become_rows_with_rank_and_score() -> None:
    lists = TopN(np.array([[2, 0], [1, -1]]), np.array([[0.5, 0.25], [1, np.nan]], dtype=np.float32))
    assert lists.lengths().tolist() == [2, 1]
    assert len(lists) == 2
