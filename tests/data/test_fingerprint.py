"""Fingerprints of targets: the same for the same targets however they come, another one for any others."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from recae.data.fingerprint import targets_fingerprint
from recae.data.histories import read_held_out
from recae.data.ids import IdIndex
from recae.data.split import HeldOut

Pairs = set[tuple[int, int]]
PAIRS = st.sets(st.tuples(st.integers(0, 8), st.integers(0, 8)), min_size=1, max_size=30)


def of(pairs: Pairs, known: list[int], *, as_text: bool = False) -> str:
    rows = sorted(pairs, reverse=as_text)
    table = {"user_id": [user for user, _ in rows], "item_id": [item for _, item in rows]}
    if as_text:
        table = {name: [str(value) for value in values] for name, values in table.items()}  # type: ignore[misc]
    items = IdIndex.of([str(item) for item in known] if as_text else known)
    return targets_fingerprint(read_held_out([], [table], items), items)


@settings(max_examples=25, deadline=None)
@given(PAIRS, st.permutations(list(range(9))))
def test_order_and_type_have_no_say_nor_which_items_a_model_knows(pairs: Pairs, order: list[int]) -> None:
    assert of(pairs, list(range(9))) == of(pairs, order, as_text=True) == of(pairs, order[:3])


@settings(max_examples=40, deadline=None)
@given(PAIRS, PAIRS)
def test_other_targets_have_another_one(one: Pairs, other: Pairs) -> None:
    assert (of(one, list(range(9))) == of(other, list(range(9)))) is (one == other)


def test_users_and_items_are_not_taken_for_each_other() -> None:
    assert of({(1, 2), (3, 4)}, [1, 2, 3, 4]) != of({(2, 1), (4, 3)}, [1, 2, 3, 4])
    assert of({(1, 2), (3, 4)}, [2, 4]) != of({(1, 4), (3, 2)}, [2, 4])


def test_a_long_sum_wraps_in_silence() -> None:
    target = sparse.csr_array(np.ones((300, 300), dtype=np.float32))
    held_out = HeldOut(sparse.csr_array(target.shape, dtype=np.float32), target, IdIndex.range(300), np.zeros(300, int))
    assert len(targets_fingerprint(held_out, IdIndex.range(300))) == 16
