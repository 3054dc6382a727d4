"""Users to learn from are picked by their figures, the same every time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from scipy import sparse

from recae.data.ids import IdIndex
from recae.data.split import HeldOut
from recae.evaluation.result import Evaluation
from recae.jobs.error_examples import error_examples, examples_of_one, pick_users, saved_lists
from recae.ranking.lists import TopN

N = 10
TITLES = [f"item {i}" for i in range(4)]


def held_out() -> HeldOut:
    """User 0 has no target, user 1 none that is known, user 2 no history; the later, the more targets."""
    history = np.zeros((N + 1, 4), dtype=np.float32)
    history[:, 0] = 1
    history[2] = 0
    target = np.zeros((N + 1, 4), dtype=np.float32)
    for user in range(2, N + 1):
        target[user, 1 : 2 + user % 3] = 1
    unknown = np.zeros(N + 1, dtype=np.int64)
    unknown[1] = 1
    return HeldOut(sparse.csr_array(history), sparse.csr_array(target), IdIndex.range(N + 1), unknown)


def evaluation(values: list[float], metric: str = "ndcg@10") -> Evaluation:
    return Evaluation(IdIndex(IdIndex.range(N + 1).take(np.arange(1, N + 1))), {metric: np.array(values)})


GOOD = evaluation([0.0, 0.0, 0.9, 0.9, 0.1, 0.9, 0.0, 0.0, 0.9, 0.9])
POOR = evaluation([0.0, 0.0, 0.1, 0.5, 0.1, 0.9, 0.0, 0.2, 0.9, 0.2])
NONE = evaluation([0.0] * N)


def test_worst_are_those_of_the_best_model_and_have_most_hidden_items_first() -> None:
    picked = pick_users({"poor": POOR, "good": GOOD, "popularity": NONE}, "ndcg@10", held_out())
    assert picked is not None
    worst = picked.users.users.values.to_pylist()[: picked.n_worst]
    # Users 7 and 8 have 0: user 8 has 3 hidden items, user 7 has 2. Users 1 and 2 cannot be judged fairly.
    assert worst == [8, 7, 5]
    assert picked.best == "good"
    disputed = picked.users.users.values.to_pylist()[picked.n_worst :]
    # 0.8, 0.7 and 0.4; popularity, which is behind for everybody, has no say.
    assert disputed == [3, 10, 4]
    assert picked.values["good"].tolist() == [0.0, 0.0, 0.1, 0.9, 0.9, 0.9]
    assert picked.rows.tolist() == [8, 7, 5, 3, 10, 4]


def test_one_model_disagrees_with_nobody_and_popularity_counts_where_there_is_one_other() -> None:
    alone = pick_users({"good": GOOD}, "ndcg@10", held_out())
    assert alone is not None
    assert alone.n_worst == len(alone.rows) == 3
    two = pick_users({"good": GOOD, "popularity": NONE}, "ndcg@10", held_out())
    assert two is not None
    assert len(two.rows) == 6


def test_nobody_is_picked_without_values_per_user() -> None:
    assert pick_users({"good": GOOD}, "rmse", held_out()) is None
    lonely = held_out().select(np.array([1]))  # whose only target nobody knows
    assert pick_users({"good": Evaluation(lonely.users, {"ndcg@10": np.zeros(1)})}, "ndcg@10", lonely) is None


def test_lower_is_better_turns_the_order() -> None:
    errors = evaluation([0.5, 0.5, 3.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7], "miscalibration@10")
    picked = pick_users({"one": errors}, "miscalibration@10", held_out())
    assert picked is not None
    assert picked.users.users.values.to_pylist() == [3, 10, 9]
    assert picked.values["one"].tolist() == [3.0, 0.7, 0.6]


def test_examples_tell_what_was_known_and_how_rare_the_hidden_items_are() -> None:
    test = held_out()
    picked = pick_users({"good": GOOD}, "ndcg@10", test)
    assert picked is not None
    lists = TopN(np.tile([1, 3], (3, 1)), np.zeros((3, 2), dtype=np.float32))
    first = error_examples(picked, {"good": lists}, TITLES, np.array([90, 50, 20, 4]), test)[0]
    assert (first.kind, first.user.user, first.history_items, first.hidden_items) == ("worst", "8", 1, 3)
    assert (first.hidden_users, first.values) == (20.0, {"good": 0.0})
    assert first.user.lists["good"] == (("item 1", True), ("item 3", True))
    assert first.usual_users == 35.0  # 9 times 50, 6 times 20, 3 times 4


def test_lists_from_elsewhere_may_have_items_that_nobody_knows() -> None:
    lists = TopN(np.tile([2, 77], (3, 1)), np.zeros((3, 2), dtype=np.float32))
    found = examples_of_one("the lists", GOOD, held_out(), TITLES, None, lambda picked: lists)
    assert found[0].user.lists["the lists"] == (("item 2", True), ("(unknown item)", False))
    assert found[0].hidden_users == 0


def test_a_model_that_cannot_be_opened_has_no_list(tmp_path: Path) -> None:
    assert saved_lists(tmp_path, ["gone"], held_out()) == {}


def test_one_without_values_per_user_has_no_examples() -> None:
    bare = Evaluation(IdIndex.range(2), {}, {"rmse": 1.0})
    assert examples_of_one("m", bare, held_out(), TITLES, None, lambda picked: TopN(np.empty(0), np.empty(0))) == ()
