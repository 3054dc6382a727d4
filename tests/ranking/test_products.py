"""Lists by products in bf16 or fp32 against those of one rule over all items, above all where scores are close."""

from __future__ import annotations

import threading
import warnings
from typing import Any
from unittest import mock

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from recae.data.ids import IdIndex
from recae.errors import UnsoundModelError
from recae.ranking import groups, narrow, products
from recae.ranking.lists import Product, TopN
from recae.ranking.narrow import NarrowVectors
from recae.ranking.pairs import pair_scores, say_once_that_csr_is_in_beta
from recae.ranking.products import ProductRanker
from recae.ranking.recommend import product_rows, recommend
from recae.ranking.rounding import HALF_UNIT, Norms, least_score
from recae.ranking.rules import Rules
from recae.workers import workers

DTYPES = [torch.bfloat16, torch.float32]
WAYS = [0.0, np.inf]
"""From how many candidates on the bounds of each pair are looked at: always, or never."""
LOOKS = [(0, 1), (groups.WIDE, 1), (groups.WIDE, groups.HITS_BYTES)]
"""From which width on groups tell where to look, and how many scores are looked at otherwise."""


def by_the_rule(
    queries: np.ndarray, product: Product, k: int, seen: sparse.csr_array | None, barred: np.ndarray | None
) -> TopN:
    """The reference: every pair scored by itself, then a full sort of each row."""
    n_users, n_items = len(queries), len(product.vectors)
    bias = None if product.bias is None else torch.from_numpy(product.bias)
    items, scores = np.full((n_users, k), -1), np.full((n_users, k), np.nan, dtype=np.float32)
    for row in range(n_users):
        own = torch.from_numpy(queries[row : row + 1])
        every, nobody = np.arange(n_items), np.zeros(n_items, dtype=np.int64)
        found = pair_scores(own, torch.from_numpy(product.vectors), bias, nobody, every).copy()
        free = np.ones(n_items, dtype=bool) if barred is None else ~barred
        if seen is not None:
            free[seen.indices[seen.indptr[row] : seen.indptr[row + 1]]] = False
        order = np.lexsort((every, -found))
        best = order[free[order]][:k]
        items[row, : len(best)], scores[row, : len(best)] = best, found[best]
    return TopN(items, scores)


def numbers(draw: st.DrawFn, shape: tuple[int, int], kind: str) -> np.ndarray:
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    normal = random.standard_normal(shape, dtype=np.float32)
    if kind == "few levels":
        return np.round(normal)
    if kind == "sizes apart":
        return normal * np.float32(10.0) ** random.integers(-12, 12, size=(shape[0], 1)).astype(np.float32)
    if kind == "almost equal":
        # Apart by less than bf16 can tell, so that every item is a candidate.
        return np.float32(1) + normal * np.float32(1e-4)
    if kind == "tiny":
        return normal * np.float32(1e-38)
    if kind == "zeros":
        return np.where(random.random((shape[0], 1)) < 0.5, normal, 0).astype(np.float32)
    return normal


KINDS = st.sampled_from(["normal", "few levels", "sizes apart", "almost equal", "tiny", "zeros"])


@st.composite
def tasks(
    draw: st.DrawFn,
) -> tuple[np.ndarray, Product, int, sparse.csr_array | None, np.ndarray | None]:
    n_users, n_items, d = draw(st.integers(1, 6)), draw(st.integers(1, 400)), draw(st.integers(1, 40))
    queries = numbers(draw, (n_users, d), draw(KINDS))
    vectors = numbers(draw, (n_items, d), draw(KINDS))
    if draw(st.booleans()):
        vectors = vectors[np.random.default_rng(0).integers(0, n_items, n_items)]  # the same item several times
    bias = draw(st.none() | KINDS.map(lambda kind: numbers(draw, (n_items, 1), kind)[:, 0].copy()))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    share = draw(st.sampled_from([0.0, 0.1, 0.9, 1.0]))
    seen = draw(st.none() | st.just(sparse.csr_array((random.random((n_users, n_items)) < share).astype(np.float32))))
    barred = draw(st.none() | st.just(random.random(n_items) < draw(st.sampled_from([0.1, 0.95, 1.0]))))
    return queries, Product(lambda histories, users: queries, vectors, bias), draw(st.integers(1, 60)), seen, barred


@settings(deadline=None, max_examples=250)
@given(tasks(), st.sampled_from(DTYPES), st.sampled_from(WAYS), st.sampled_from(LOOKS))
def test_the_lists_are_those_of_the_rule_whatever_the_numbers(
    task: tuple[np.ndarray, Product, int, sparse.csr_array | None, np.ndarray | None],
    dtype: torch.dtype,
    many: float,
    looks: tuple[int, int],
) -> None:
    queries, product, k, seen, barred = task
    expected = by_the_rule(queries, product, k, seen, barred)
    with mock.patch.object(products, "MANY", many), mock.patch.multiple(groups, WIDE=looks[0], HITS_BYTES=looks[1]):
        lists = ProductRanker(product, k, barred, dtype).rank(queries, seen)
    np.testing.assert_array_equal(lists.items, expected.items)
    np.testing.assert_array_equal(lists.scores, expected.scores)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shift", [0.0, -12.0, -40.0])
@pytest.mark.parametrize(("many", "wide"), [(WAYS[0], groups.WIDE), (WAYS[1], groups.WIDE), (WAYS[1], 0)])
def test_wide_rows_of_positive_and_of_negative_scores(
    dtype: torch.dtype, shift: float, many: float, wide: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Most of the best are positive, about half of them, or few, which are 0."""
    monkeypatch.setattr(products, "MANY", many)
    monkeypatch.setattr(groups, "WIDE", wide)
    random = np.random.default_rng(1)
    queries = random.standard_normal((40, 32), dtype=np.float32)
    vectors = random.standard_normal((5000, 32), dtype=np.float32)
    bias = np.full(5000, shift, dtype=np.float32) + random.standard_normal(5000, dtype=np.float32)
    vectors[::500], bias[::500] = 0, 0
    seen = sparse.random_array((40, 5000), density=0.02, format="csr", rng=random, dtype=np.float32)
    product = Product(lambda histories, users: queries, vectors, bias)
    expected = by_the_rule(queries, product, 100, seen, None)
    lists = ProductRanker(product, 100, None, dtype).rank(queries, seen)
    np.testing.assert_array_equal(lists.items, expected.items)
    np.testing.assert_array_equal(lists.scores, expected.scores)


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_norms_are_never_too_small_and_hardly_too_large(data: st.DataObject) -> None:
    shape = data.draw(st.integers(1, 8)), data.draw(st.integers(1, 700))
    kind = data.draw(st.sampled_from(["normal", "few levels", "sizes apart", "almost equal", "tiny", "zeros"]))
    vectors = numbers(data.draw, shape, kind)
    narrow = torch.from_numpy(vectors).bfloat16()
    norms = Norms.of(torch.from_numpy(vectors), narrow)
    exact, kept = vectors.astype(np.float64), narrow.double().numpy()
    own, lost = (np.linalg.norm(each, axis=1) for each in (np.maximum(abs(exact), abs(kept)), exact - kept))
    assert (norms.own >= np.maximum(np.linalg.norm(exact, axis=1), np.linalg.norm(kept, axis=1))).all()
    assert (norms.lost >= lost).all()
    np.testing.assert_allclose(norms.lost, lost, rtol=1e-3, atol=1e-16)
    np.testing.assert_allclose(norms.own, own, rtol=1e-2, atol=1e-16)


def test_few_rows_need_more_than_the_candidates_of_bf16(monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise the fast way would be none: on ordinary vectors neither fp32 nor whole rows are asked for."""
    random = np.random.default_rng(2)
    queries = random.standard_normal((200, 64), dtype=np.float32)
    product = Product(lambda histories, users: queries, random.standard_normal((3000, 64), dtype=np.float32))
    asked: list[torch.dtype] = []
    original = ProductRanker._by_candidates

    def spy(self: ProductRanker, *given: object) -> object:
        asked.append(given[2].dtype)  # type: ignore[attr-defined]
        return original(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(ProductRanker, "_by_candidates", spy)
    monkeypatch.setattr(ProductRanker, "_whole", lambda *_: pytest.fail("a whole row was scored"))
    ProductRanker(product, 50, None, torch.bfloat16).rank(queries, None)
    assert asked == [torch.bfloat16]


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_lists_do_not_depend_on_the_rows_beside_them(dtype: torch.dtype) -> None:
    random = np.random.default_rng(3)
    queries = np.round(random.standard_normal((50, 16), dtype=np.float32), 1)
    product = Product(lambda histories, users: queries, np.round(random.standard_normal((900, 16), np.float32), 1))
    ranker = ProductRanker(product, 20, None, dtype)
    whole = ranker.rank(queries, None)
    for rows in (slice(0, 1), slice(7, 20), slice(20, 50)):
        part = ranker.rank(queries[rows], None)
        np.testing.assert_array_equal(part.items, whole.items[rows])
        np.testing.assert_array_equal(part.scores, whole.scores[rows])


@pytest.mark.parametrize("bad", [np.nan, np.inf, 3e38])
@pytest.mark.parametrize("dtype", DTYPES)
def test_scores_that_cannot_be_ranked_are_refused_by_row(bad: float, dtype: torch.dtype) -> None:
    queries = np.ones((5, 4), dtype=np.float32)
    product = Product(lambda histories, users: queries, np.ones((30, 4), dtype=np.float32))
    queries[3, 0], queries[3, 1] = bad, bad
    for first_row, named in (({}, 3), ({"first_row": 10}, 13)):
        with pytest.raises(UnsoundModelError, match=rf"cannot be ranked.* in row {named} "):
            ProductRanker(product, 3, None, dtype).rank(queries, None, **first_row)


@pytest.mark.parametrize("dtype", DTYPES)
def test_rows_whose_scores_are_too_close_have_biases_histories_and_rules_too(dtype: torch.dtype) -> None:
    """A third of the rows can be settled in bf16, a third in fp32, and in a third all products are equal."""
    random = np.random.default_rng(7)
    sizes = np.array([1, 0, 1e-3] * 5, dtype=np.float32)
    queries = sizes[:, None] * random.standard_normal((15, 16), dtype=np.float32)
    vectors = random.standard_normal((900, 16), dtype=np.float32)
    seen = sparse.random_array((15, 900), density=0.3, format="csr", rng=random, dtype=np.float32)
    product = Product(lambda histories, users: queries, vectors, np.arange(900, dtype=np.float32) % 2 + 1)
    barred = np.arange(900) % 3 == 0
    expected = by_the_rule(queries, product, 5, seen, barred)
    lists = ProductRanker(product, 5, barred, dtype).rank(queries, seen)
    np.testing.assert_array_equal(lists.items, expected.items)
    np.testing.assert_array_equal(lists.scores, expected.scores)


def test_as_much_memory_is_used_for_the_rows_that_bf16_leaves(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half as many at a time, as fp32 takes twice as much."""
    asked: list[tuple[torch.dtype, int]] = []
    original = ProductRanker._by_candidates

    def spy(self: ProductRanker, *given: Any) -> object:
        asked.append((given[2].dtype, len(given[0])))
        return original(self, *given)

    monkeypatch.setattr(ProductRanker, "_by_candidates", spy)
    vectors = np.random.default_rng(8).standard_normal((300, 8), dtype=np.float32)
    queries = np.full((20, 8), 1e-5, dtype=np.float32)
    queries[10] = 1
    product = Product(lambda histories, users: queries, vectors, np.ones(300, dtype=np.float32))
    ProductRanker(product, 5, None, torch.bfloat16).rank(queries, None)
    assert asked == [(torch.bfloat16, 20), (torch.float32, 10), (torch.float32, 9)]


@pytest.mark.parametrize("dtype", DTYPES)
def test_fewer_items_than_places_are_all_listed(dtype: torch.dtype) -> None:
    queries = np.ones((2, 1), dtype=np.float32)
    product = Product(lambda histories, users: queries, np.array([[-1], [-1e29], [2]], dtype=np.float32))
    lists = ProductRanker(product, 5, None, dtype).rank(queries, None)
    assert lists.items.tolist() == [[2, 0, 1, -1, -1]] * 2


def test_scores_hardly_below_0_are_never_taken_for_nans(monkeypatch: pytest.MonkeyPatch) -> None:
    """Before their bits are put in order, they would be."""

    def checked(kth: np.ndarray, bounds: np.ndarray, half_unit: float) -> np.ndarray:
        assert not np.isnan(kth).any()
        return least_score(kth, bounds, half_unit)

    monkeypatch.setattr(products, "least_score", checked)
    queries, vectors = np.ones((2, 1), dtype=np.float32), np.arange(1, 200)[:, None] * -3e-41
    product = Product(lambda histories, users: queries, vectors)
    assert ProductRanker(product, 3, None, torch.bfloat16).rank(queries, None).items.tolist() == [[0, 1, 2]] * 2


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("kind", [np.float64, ">f4", np.float32])
def test_vectors_may_be_of_any_layout(kind: str | type, dtype: torch.dtype) -> None:
    random = np.random.default_rng(9)
    queries, vectors = random.integers(-9, 9, (6, 4)), random.integers(-9, 9, (50, 4))
    bias = random.integers(-9, 9, 50)
    expected = np.argsort(-(queries @ vectors.T + bias), axis=1, kind="stable")[:, :7]
    given = [np.asfortranarray(each.astype(kind)) for each in (queries, vectors, bias)]
    for each in given:
        each.setflags(write=False)
    ranker = ProductRanker(Product(lambda histories, users: given[0], *given[1:]), 7, None, dtype)
    assert ranker.rank(given[0], None).items.tolist() == expected.tolist()


def test_products_are_in_what_the_processor_is_faster_with_unless_another_type_is_given(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    product = Product(lambda histories, users: np.ones((1, 2)), np.ones((3, 2), dtype=np.float32))
    for in_bf16, fastest in ((True, torch.bfloat16), (False, torch.float32)):
        monkeypatch.setattr(products, "multiplies_bf16", lambda answer=in_bf16: answer)
        assert ProductRanker(product, 2)._narrow.dtype == fastest
        for dtype in DTYPES:
            assert ProductRanker(product, 2, None, dtype)._narrow.dtype == dtype


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("biased", [False, True])
@pytest.mark.parametrize("some", [False, True])
@pytest.mark.parametrize("block", [1, 100, narrow.BLOCK_NUMBERS])
def test_rounded_scores_are_as_near_as_their_bounds_say(
    dtype: torch.dtype, biased: bool, some: bool, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Items that nobody may get count for nothing."""
    monkeypatch.setattr(narrow, "BLOCK_NUMBERS", block)
    random = np.random.default_rng(10)
    queries, vectors = (torch.from_numpy(random.standard_normal((n, 12), dtype=np.float32)) for n in (9, 70))
    queries[::2] = queries[::2].round()  # which loses nothing in bf16
    bias = torch.from_numpy(10 * random.standard_normal(70, dtype=np.float32)) if biased else None
    barred = np.arange(70) % 7 == 3
    if some:
        vectors[barred] *= 1e6
    rounded = NarrowVectors(vectors, bias, barred if some else None, dtype)
    scores, norms = rounded.scores(queries, torch.empty(9, 70, dtype=dtype))
    if some:
        assert (scores[:, barred] == -torch.inf).all()
    looked_at = np.flatnonzero(~barred)
    found = scores.double().numpy()[:, looked_at]
    exact = (queries.double() @ vectors.double().T + (0 if bias is None else bias.double())).numpy()[:, looked_at]
    row, item = np.repeat(np.arange(9), len(looked_at)), np.tile(looked_at, 9)
    of_pairs = rounded.bounds_of_pairs(norms, row, item).reshape(9, -1)
    assert (np.abs(found - exact) <= of_pairs + HALF_UNIT[dtype] * np.abs(found)).all()
    bounds = rounded.bounds(norms)
    assert (of_pairs <= bounds[:, None]).all()
    assert (bounds <= (1.5 if dtype == torch.bfloat16 else 2e-3)).all()


def test_each_vector_is_rounded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rounded: list[int] = []
    original = NarrowVectors._round

    def spy(self: NarrowVectors, rows: slice) -> None:
        rounded.extend(range(70)[rows])
        original(self, rows)

    monkeypatch.setattr(NarrowVectors, "_round", spy)
    monkeypatch.setattr(narrow, "BLOCK_NUMBERS", 100)
    NarrowVectors(torch.ones(70, 12), None, None, torch.bfloat16)
    assert rounded == list(range(70))


def test_the_threads_that_rank_prepare_the_vectors(monkeypatch: pytest.MonkeyPatch) -> None:
    """torch's own would stay on the cores for a while."""
    random = np.random.default_rng(8)
    vectors, bias = torch.from_numpy(random.standard_normal((70, 12), dtype=np.float32)), torch.arange(70.0)
    alone = NarrowVectors(vectors, bias, None, torch.bfloat16)
    monkeypatch.setattr(narrow, "BLOCK_NUMBERS", 100)
    threads: set[int] = set()
    original = NarrowVectors._round

    def spy(self: NarrowVectors, rows: slice) -> None:
        threads.add(threading.get_ident())
        original(self, rows)

    monkeypatch.setattr(NarrowVectors, "_round", spy)
    with workers(2) as pool:
        shared = NarrowVectors(vectors, bias, None, torch.bfloat16, pool)
        product = Product(lambda histories, users: vectors.numpy(), vectors.numpy())
        ProductRanker(product, 3, dtype=torch.bfloat16, pool=pool)
    assert threads
    assert threading.get_ident() not in threads
    threads.clear()
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        model = Vectors(vectors.numpy(), vectors.numpy())
        recommend(model, sparse.csr_array((70, 70), dtype=np.float32), 3, users=IdIndex.range(70))
    finally:
        torch.set_num_threads(before)
    assert threads
    assert threading.get_ident() not in threads
    queries = vectors[:9]
    (scores, norms), (same, _) = (each.scores(queries, torch.empty(9, 70).bfloat16()) for each in (alone, shared))
    assert torch.equal(scores, same)
    assert np.array_equal(alone.bounds(norms), shared.bounds(norms))


def test_an_item_that_cannot_be_scored_is_no_matter_where_nobody_may_get_it() -> None:
    queries, vectors = np.ones((2, 3), dtype=np.float32), np.ones((4, 3), dtype=np.float32)
    vectors[1] = np.nan
    product = Product(lambda histories, users: queries, vectors)
    barred = np.array([False, True, False, False])
    assert ProductRanker(product, 4, barred).rank(queries, None).items.tolist() == [[0, 2, 3, -1]] * 2
    with pytest.raises(UnsoundModelError, match="nan"):
        ProductRanker(product, 4).rank(queries, None)


def test_the_bound_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the margin the lists of bf16 are wrong here: the tests above look at something."""
    random = np.random.default_rng(4)
    queries = random.standard_normal((50, 64), dtype=np.float32)
    vectors = 5 + random.standard_normal((3000, 64), dtype=np.float32) / 10
    product = Product(lambda histories, users: queries, vectors)
    expected = by_the_rule(queries, product, 50, None, None)
    monkeypatch.setattr(products, "least_score", lambda kth, bounds, half_unit: kth)
    lists = ProductRanker(product, 50, None, torch.bfloat16).rank(queries, None)
    assert (lists.items != expected.items).any()


def test_what_torch_warns_of_once_in_a_process_is_not_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """By a torch that has not warned yet; warnings fail tests."""
    made: list[torch.Tensor] = []
    make = torch.sparse_csr_tensor

    def make_and_warn(*given: Any, **options: Any) -> torch.Tensor:
        made.append(make(*given, **options))
        warnings.warn("Sparse CSR tensor support is in beta state.", UserWarning, stacklevel=2)
        return made[-1]

    monkeypatch.setattr(torch, "sparse_csr_tensor", make_and_warn)
    say_once_that_csr_is_in_beta.cache_clear()
    say_once_that_csr_is_in_beta()
    say_once_that_csr_is_in_beta()
    assert len(made) == 1


class Vectors:
    """Users by position, whose scores are products."""

    def __init__(self, queries: np.ndarray, vectors: np.ndarray) -> None:
        self.items, self._queries, self._vectors = IdIndex.range(len(vectors)), queries, vectors

    def score(self, histories: sparse.csr_array, users: IdIndex | None = None) -> np.ndarray:
        raise AssertionError("a block of scores was made")

    def as_product(self) -> Product:
        return Product(self._of, self._vectors)

    def _of(self, histories: sparse.csr_array, users: IdIndex | None) -> np.ndarray:
        assert users is not None
        return self._queries[users.values.to_numpy()]


def test_lists_depend_neither_on_memory_nor_on_threads() -> None:
    random = np.random.default_rng(5)
    queries = np.round(random.standard_normal((300, 16), dtype=np.float32), 1)
    model = Vectors(queries, np.round(random.standard_normal((700, 16), dtype=np.float32), 1))
    histories = sparse.random_array((300, 700), density=0.05, format="csr", rng=random, dtype=np.float32)
    rules = Rules(deny=np.arange(0, 700, 7))
    users, before = IdIndex.range(300), torch.get_num_threads()
    whole = recommend(model, histories, 30, users=users, rules=rules)
    try:
        for threads, memory_bytes in ((1, 1), (1, 2**28), (3, 100_000), (3, 2**28)):
            torch.set_num_threads(threads)
            lists = recommend(model, histories, 30, users=users, rules=rules, memory_bytes=memory_bytes)
            assert torch.get_num_threads() == threads
            np.testing.assert_array_equal(lists.items, whole.items)
            np.testing.assert_array_equal(lists.scores, whole.scores)
    finally:
        torch.set_num_threads(before)
    expected = by_the_rule(queries, model.as_product(), 30, histories, rules.barred(700))
    np.testing.assert_array_equal(whole.items, expected.items)


def test_a_million_items_leave_room_for_few_users_at_a_time() -> None:
    assert product_rows(1_000_000, 2**28, 2) * 1_000_000 * 4 * 2 <= 2**28
    assert product_rows(1_000_000, 1, 2) == 1


def test_the_bounds_of_pairs_spare_most_candidates_where_few_items_have_long_vectors(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One long vector makes the bound of a row loose; those of the other pairs are not."""
    random = np.random.default_rng(6)
    queries = random.standard_normal((60, 32), dtype=np.float32)
    vectors = random.standard_normal((2000, 32), dtype=np.float32)
    vectors[3] *= 30
    product = Product(lambda histories, users: queries, vectors)
    counts: dict[float, int] = {}

    def counted(queries: torch.Tensor, *given: object) -> np.ndarray:
        counts[products.MANY] = counts.get(products.MANY, 0) + len(given[2])  # type: ignore[arg-type]
        return pair_scores(queries, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(products, "pair_scores", counted)
    lists = []
    for many in WAYS:
        monkeypatch.setattr(products, "MANY", many)
        lists.append(ProductRanker(product, 50, None, torch.bfloat16).rank(queries, None))
    assert 60 * 50 <= counts[0.0] < 0.7 * counts[np.inf]
    np.testing.assert_array_equal(lists[0].items, lists[1].items)
