"""Is one model really better? Paired tests over the same users, effect sizes, and Holm's correction over all pairs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from scipy import special

from recae.evaluation.intervals import bootstrap_interval, t_interval
from recae.evaluation.metrics import LOWER_IS_BETTER
from recae.evaluation.result import Evaluation

FLIPS = 9_999
"""Sign flips drawn: the smallest p-value is 1 / (FLIPS + 1)."""
BLOCK_SIGNS = 2_000_000
"""Signs drawn at a time: bounds the memory to some 20 MB."""
TELLING = 0.01
"""Where no drawn signs reached a difference, a corrected p-value above this tells of the drawing, not of the data."""
MOST_SIGNS, LEAST_FLIPS = 60_000_000, 999
"""Signs drawn for a pair of models (a tenth of a second) unless that were fewer flips than a p-value needs."""


@dataclass(frozen=True)
class PairedTest:
    """How one model stands against another by one metric, over the same users."""

    better: str
    """The model with the better mean."""
    worse: str
    metric: str
    n_users: int
    gain: float
    """Mean over users of the better model's value minus the other's, turned so that positive is better."""
    interval: tuple[float, float]
    """95 % percentile bootstrap interval of the gain."""
    t_interval: tuple[float, float]
    """95 % analytic interval of the gain."""
    p_randomisation: float
    """Two-sided p-value of `randomisation_test`; over several splits that of `corrected_t_test`."""
    p_t: float
    """Two-sided p-value of `paired_t_test`; over several splits that of `corrected_t_test`."""
    p_holm: float
    """`p_randomisation` after Holm's correction over the `n_pairs` pairs that were compared. Of so many pairs that
    drawn signs cannot tell a p-value small enough for any, those at the least of these have `p_t` corrected."""
    n_pairs: int
    cohen_d: float
    """Effect size: the mean difference in standard deviations of the differences (Cohen's d_z)."""
    wins: float
    """Share of users for whom the better model's value is the better one."""
    ties: float
    losses: float
    n_splits: int = 1
    """Splits that were judged; of several, `n_users` counts a user once in each split that has it."""
    share_of_splits: float = 0.0
    """Share of the variance of one split's gain that comes from the split and not from its users."""

    def clear(self, alpha: float = 0.05) -> bool:
        """Whether the difference stands after the correction: all such claims hold with a chance of 1 - alpha."""
        return self.p_holm <= alpha


def paired_tests(
    evaluations: Mapping[str, Evaluation], metric: str, *, flips: int = FLIPS, seed: int = 42
) -> tuple[PairedTest, ...]:
    """Every pair of models by `metric`, which has values per user, best model first, corrected over all pairs.

    Args:
        evaluations: model name -> its evaluation, all on the same users in the same order.
        metric: e.g. "ndcg@10".
        flips: random sign assignments of each test.
        seed: of the bootstrap and the sign flips.

    Raises:
        ValueError: fewer than two models, different users, or a metric without values per user.
    """
    if len(evaluations) < 2:
        raise ValueError("there are no two models to compare")
    first = next(iter(evaluations.values()))
    if any(one.users != first.users for one in evaluations.values()):
        raise ValueError("the models were judged on different users")
    if any(metric not in one.per_user for one in evaluations.values()):
        raise ValueError(f"{metric} has no value for every user, so that it cannot be tested over users")
    sign = -1.0 if metric.partition("@")[0] in LOWER_IS_BETTER else 1.0
    values = {name: sign * one.per_user[metric] for name, one in evaluations.items()}
    order = sorted(values, key=lambda name: (-values[name].mean(), name))
    found = [
        _tested(one, other, metric, values[one] - values[other], flips, seed) for one, other in combinations(order, 2)
    ]
    least = 1 / (1 + flips)
    coarse = least * len(found) > TELLING
    p_values = [t.p_t if coarse and t.p_randomisation == least > t.p_t else t.p_randomisation for t in found]
    return corrected(p_values, found)


def corrected(p_values: Sequence[float], found: Sequence[PairedTest]) -> tuple[PairedTest, ...]:
    """The tests with their `p_values` corrected by `holm` as `p_holm`."""
    stepped = holm(np.array(p_values))
    return tuple(replace(test, p_holm=float(p), n_pairs=len(found)) for test, p in zip(found, stepped, strict=True))


def affordable_flips(n_users: int) -> int:
    """How many sign flips are drawn for a test over so many users where time counts."""
    return min(FLIPS, max(LEAST_FLIPS, MOST_SIGNS // max(n_users, 1)))


def randomisation_test(differences: np.ndarray, *, flips: int = FLIPS, seed: int = 42) -> float:
    """Two-sided p-value of the paired randomisation test: how often chance alone gives as large a mean difference.

    If the two models were alike, each user's difference could as well have the other sign. p = (1 + number of random
    sign assignments whose |sum| is at least the observed |sum|) / (1 + flips); where there are no more than flips + 1
    assignments at all, each is counted once, and p is their exact share. Fisher, "The design of experiments", 1935;
    Smucker, Allan and Carterette, "A comparison of statistical significance tests for information retrieval
    evaluation", CIKM 2007. Phipson and Smyth 2010 for the 1 + in both parts.

    Args:
        differences: (n_users,) finite.
        flips: random assignments.
        seed: the same seed gives the same p-value.

    Raises:
        ValueError: there are no users, or a difference is not finite.
    """
    own = _checked(differences)
    own = own[own != 0]  # a sign makes no difference to them
    observed = abs(own.sum())
    least = observed - 1e-12 * np.abs(own).sum()
    if len(own) < 63 and 2 ** len(own) <= flips + 1:
        signs = (np.arange(2 ** len(own))[:, None] >> np.arange(len(own))) & 1
        return float(np.mean(np.abs(own.sum() - 2 * (signs @ own)) >= least))
    random = np.random.default_rng(seed)
    step, reached = max(1, BLOCK_SIGNS // len(own)), 0
    for start in range(0, flips, step):
        rows = min(step, flips - start)
        drawn = np.unpackbits(random.integers(0, 256, size=(rows, -(-len(own) // 8)), dtype=np.uint8), axis=1)
        flipped = drawn[:, : len(own)].astype(np.float64) @ own
        reached += int(np.count_nonzero(np.abs(own.sum() - 2 * flipped) >= least))
    return (1 + reached) / (1 + flips)


def paired_t_test(differences: np.ndarray) -> float:
    """Two-sided p-value of Student's t-test that the mean difference is 0.

    t = mean / (sd / sqrt(n)) with n - 1 degrees of freedom. Student, "The probable error of a mean", 1908. scipy:
    `ttest_rel`. Where all differences are equal it is 1 if they are 0, and 0 otherwise; one user alone gives 1.

    Raises:
        ValueError: there are no users, or a difference is not finite.
    """
    own = _checked(differences)
    spread = own.std(ddof=1) if len(own) > 1 else 0.0
    if spread <= 1e-15 * np.abs(own).max():
        return 0.0 if len(own) > 1 and own[0] != 0 else 1.0
    return float(2 * special.stdtr(len(own) - 1, -abs(own.mean()) / (spread / np.sqrt(len(own)))))


def holm(p_values: np.ndarray) -> np.ndarray:
    """p-values after Holm's step-down correction, in the order given.

    The i-th smallest of m becomes the largest of (m - j + 1) p_(j) over j <= i, and at most 1: calling those up to
    alpha clear is wrong anywhere with a chance of at most alpha. Holm, "A simple sequentially rejective multiple test
    procedure", Scandinavian Journal of Statistics 6, 1979. statsmodels: `multipletests(method="holm")`.
    """
    order = np.argsort(p_values, kind="stable")
    stepped = np.maximum.accumulate(p_values[order] * np.arange(len(p_values), 0, -1))
    corrected = np.empty(len(p_values))
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected


def cohen_d(differences: np.ndarray) -> float:
    """Cohen's d for paired values (d_z): the mean difference divided by the standard deviation of the differences.

    Cohen, "Statistical power analysis for the behavioral sciences", 1988, section 2.3.5. 0 where all are 0, and
    infinite where all are the same otherwise.

    Raises:
        ValueError: there are no users, or a difference is not finite.
    """
    own = _checked(differences)
    spread = own.std(ddof=1) if len(own) > 1 else 0.0
    if spread <= 1e-15 * np.abs(own).max():
        return float(np.sign(own[0]) * np.inf) if own[0] else 0.0
    return float(own.mean() / spread)


def _tested(better: str, worse: str, metric: str, differences: np.ndarray, flips: int, seed: int) -> PairedTest:
    p = randomisation_test(differences, flips=flips, seed=seed)
    return PairedTest(
        better=better,
        worse=worse,
        metric=metric,
        n_users=len(differences),
        gain=float(differences.mean()),
        interval=bootstrap_interval(differences, seed=seed),
        t_interval=t_interval(differences),
        p_randomisation=p,
        p_t=paired_t_test(differences),
        p_holm=p,
        n_pairs=1,
        cohen_d=cohen_d(differences),
        wins=float(np.mean(differences > 0)),
        ties=float(np.mean(differences == 0)),
        losses=float(np.mean(differences < 0)),
    )


def _checked(differences: np.ndarray) -> np.ndarray:
    own = np.asarray(differences, dtype=np.float64)
    if own.ndim != 1 or not len(own) or not np.isfinite(own).all():
        raise ValueError("a paired test needs one finite difference per user")
    return own
