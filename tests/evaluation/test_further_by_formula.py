"""The further metrics against their formulas, one user and one place at a time; lists are longer than the cut-off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from math import exp, log, log2
from typing import Any

import numpy as np
import pytest

from recae.evaluation.evaluate import evaluate_lists
from recae.ranking.lists import TopN

K = 3


@dataclass(frozen=True, eq=False)
class User:
    """What the formulas look at, in plain Python."""

    case: Any
    user: int
    whole: list[int]

    @cached_property
    def listed(self) -> list[int]:
        return [item for item in self.whole[:K] if item >= 0]

    @cached_property
    def grades(self) -> dict[int, float]:
        row = self.case.truth.target[[self.user]]
        return dict(zip(row.indices.tolist(), row.data.tolist(), strict=True))

    @cached_property
    def unknown_grades(self) -> list[float]:
        return self.case.truth.outside.matrix[[self.user]].data.tolist()

    @cached_property
    def history(self) -> list[int]:
        return self.case.truth.history[[self.user]].indices.tolist()

    @cached_property
    def relevant(self) -> int:
        return len(self.grades) + len(self.unknown_grades)

    def known(self, item: int) -> bool:
        return item < self.case.truth.target.shape[1]

    def hits(self, places: int) -> list[bool]:
        return [item in self.grades for item in self.whole[:places]]

    def share(self, item: int) -> float:
        return self.case.known.item_counts[item] / self.case.known.n_train_users if self.known(item) else 0.0

    def inverse(self, item: int) -> float:
        count = self.case.known.item_counts[item] if self.known(item) else 0
        scale = (log(self.case.known.n_train_users) - 1) * 2.5**0.55
        return 1 + scale * exp(-0.55 * log(count + 1.5))

    def cosine(self, one: int, other: int) -> float:
        if not (self.known(one) and self.known(other)):
            return 0.0
        a, b = (self.case.known.vectors[item] for item in (one, other))
        sizes = float(np.linalg.norm(a) * np.linalg.norm(b))
        return float(a @ b) / sizes if sizes else 0.0

    def genre_share(self, items: list[int]) -> np.ndarray:
        rows = [self.case.known.genres[[item]].toarray()[0].astype(float) for item in items if self.known(item)]
        total = sum((row / row.sum() for row in rows if row.sum()), start=np.zeros(self.case.known.genres.shape[1]))
        return total / total.sum() if total.sum() else total


def graded(user: User, gain: Callable[[float], float]) -> float:
    places = range(2, K + 2)
    ideal = sorted([*user.grades.values(), *user.unknown_grades], reverse=True)
    most = sum(gain(grade) / log2(place) for place, grade in zip(places, ideal, strict=False))
    reached = sum(
        gain(user.grades[item]) / log2(place)
        for place, item in zip(places, user.whole, strict=False)
        if item in user.grades
    )
    return reached / most if most else 0.0


def distances(user: User) -> list[float]:
    """For each listed item the mean distance to the history."""
    far = [[1 - user.cosine(item, other) for other in user.history] for item in user.listed]
    return [float(np.mean(one)) if one else 1.0 for one in far]


def miscalibration(user: User) -> float:
    wanted, given = user.genre_share(user.history), user.genre_share(user.listed)
    return sum(
        p * log(p / (0.99 * q + 0.01 * p)) for p, q in zip(wanted.tolist(), given.tolist(), strict=True) if p > 0
    )


def by_the_formula(user: User) -> dict[str, float]:
    hits, listed = user.hits(K), user.listed
    precisions = [sum(hits[: i + 1]) / (i + 1) for i, hit in enumerate(hits) if hit]
    pairs = [1 - user.cosine(a, b) for i, a in enumerate(listed) for b in listed[:i]]
    reached = sum(user.inverse(item) for item, hit in zip(user.whole[:K], hits, strict=True) if hit)
    possible = sorted([*map(user.inverse, user.grades), *[user.inverse(999)] * len(user.unknown_grades)], reverse=True)
    far = distances(user)
    return {
        "rprecision": sum(user.hits(user.relevant)) / user.relevant,
        "map-all@3": sum(precisions) / user.relevant,
        "rbp50@3": sum(0.5 * 0.5**i for i, hit in enumerate(hits) if hit),
        "rbp95@3": sum(0.05 * 0.95**i for i, hit in enumerate(hits) if hit),
        "ndcg-graded@3": graded(user, lambda grade: grade),
        "ndcg-exp@3": graded(user, lambda grade: 2**grade - 1),
        "psp@3": reached / K,
        "npsp@3": reached / sum(possible[:K]),
        "popularity@3": sum(map(user.share, listed)) / max(len(listed), 1),
        "ild@3": sum(pairs) / len(pairs) if pairs else 0.0,
        "unexpectedness@3": sum(far) / len(far) if far else 0.0,
        "serendipity@3": sum(one for item, one in zip(listed, far, strict=True) if item in user.grades) / K,
        "miscalibration@3": miscalibration(user),
    }


def lists_of(case: Any, seed: int) -> TopN:
    """The model's lists, some of whose items nobody knows."""
    items = case.lists(20).items.copy()
    strange = (np.random.default_rng(seed).random(items.shape) < 0.1) & (items >= 0)
    items[strange] = 30 + np.arange(strange.sum())
    return TopN(items, np.zeros(items.shape, dtype=np.float32))


@pytest.mark.parametrize("seed", [21, 22])
def test_values_of_every_user(make_case: Callable[[int], Any], seed: int) -> None:
    case = make_case(seed)
    lists = lists_of(case, seed)
    users = [User(case, user, lists.items[user].tolist()) for user in case.judged.tolist()]
    expected = [by_the_formula(user) for user in users]
    found = evaluate_lists(lists, case.truth, list(expected[0]), background=case.known).per_user
    for name, values in found.items():
        np.testing.assert_allclose(values, [one[name] for one in expected], rtol=0, atol=1e-9, err_msg=name)
        alone = evaluate_lists(lists, case.truth, [name], background=case.known).per_user
        np.testing.assert_array_equal(alone[name], values)


def test_values_of_all_users_together(make_case: Callable[[int], Any]) -> None:
    case = make_case(23)
    lists = lists_of(case, 23)
    users = [User(case, user, lists.items[user].tolist()) for user in case.judged.tolist()]
    counts = [sum(item in user.listed for user in users) for item in range(case.truth.target.shape[1])]
    together = [count / sum(counts) for count in counts if count]
    both = [user for user in users if user.listed and user.history]
    after, before = (
        [np.mean([user.share(item) for item in getattr(user, name)]) for user in both] for name in ("listed", "history")
    )
    names = ["gini@3", "entropy@3", "coverage@3", "popularity-lift@3"]
    found = evaluate_lists(lists, case.truth, names, background=case.known).overall
    differences = np.abs(np.subtract.outer(counts, counts)).mean()
    assert found["gini@3"] == pytest.approx(differences / (2 * np.mean(counts)))
    assert found["entropy@3"] == pytest.approx(-sum(share * log2(share) for share in together))
    assert found["coverage@3"] == len(together) / len(counts)
    assert found["popularity-lift@3"] == pytest.approx(np.mean(after) / np.mean(before) - 1)
