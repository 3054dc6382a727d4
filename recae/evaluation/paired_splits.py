"""Is one model really better, over several splits? Differences of paired users, their variance in users and splits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from recae.evaluation.metrics import LOWER_IS_BETTER
from recae.evaluation.paired import PairedTest, corrected
from recae.evaluation.repeats import SplitFigures, corrected_t_test
from recae.evaluation.result import Evaluation

_Pair = tuple[str, str]


class PairsOverSplits:
    """Takes one split after the other and keeps a few numbers of each: memory does not grow with the users.

    Args:
        names: the models, each of them judged on every split.
        metric: with values per user, e.g. "ndcg@10".
    """

    def __init__(self, names: Sequence[str], metric: str) -> None:
        self.metric = metric
        self._names = tuple(names)
        self._means: dict[str, list[float]] = {name: [] for name in names}
        self._gains: dict[_Pair, list[np.ndarray]] = {pair: [] for pair in combinations(names, 2)}

    def add(self, evaluations: Mapping[str, Evaluation]) -> None:
        """Take the next split: every model's evaluation on the same users.

        Raises:
            ValueError: different users, or no values per user.
        """
        users = evaluations[self._names[0]].users
        if any(evaluations[name].users != users for name in self._names):
            raise ValueError("the models were judged on different users")
        if any(self.metric not in evaluations[name].per_user for name in self._names):
            raise ValueError(f"{self.metric} has no value for every user, so that it cannot be tested over users")
        sign = -1.0 if self.metric.partition("@")[0] in LOWER_IS_BETTER else 1.0
        values = {name: sign * evaluations[name].per_user[self.metric] for name in self._names}
        for name, own in values.items():
            self._means[name].append(float(own.mean()))
        for one, other in self._gains:
            gains = values[one] - values[other]
            spread = float(((gains - gains.mean()) ** 2).sum())
            kept = (float(gains.mean()), spread, len(gains), int((gains > 0).sum()), int((gains < 0).sum()))
            self._gains[one, other].append(np.array(kept))

    def result(self, test_per_train: float = 0.0) -> tuple[PairedTest, ...]:
        """Every pair, best model first, corrected over all pairs; intervals and p-values are for other splits and
        other users alike. Empty for fewer than two models or two splits.

        `test_per_train` widens them for what the splits share: see `recae.evaluation.repeats.repeated`.
        """
        if len(self._names) < 2 or len(self._means[self._names[0]]) < 2:
            return ()
        order = sorted(self._names, key=lambda name: (-float(np.mean(self._means[name])), name))
        found = [self._tested(one, other, test_per_train) for one, other in combinations(order, 2)]
        return corrected([test.p_t for test in found], found)

    def _tested(self, better: str, worse: str, test_per_train: float) -> PairedTest:
        turned = (better, worse) not in self._gains
        means, spreads, users, wins, losses = np.array(self._gains[(worse, better) if turned else (better, worse)]).T
        if turned:
            means, wins, losses = -means, losses, wins
        counts = tuple(users.astype(int).tolist())
        figures = SplitFigures({self.metric: tuple(means)}, {self.metric: tuple(spreads)}, counts, test_per_train)
        over, total, p = figures.repeated(self.metric), float(users.sum()), corrected_t_test(means, test_per_train)
        spread = math.sqrt((spreads.sum() + users @ (means - users @ means / total) ** 2) / max(total - 1, 1))
        return PairedTest(
            better=better,
            worse=worse,
            metric=self.metric,
            n_users=int(total),
            gain=over.mean,
            interval=over.interval,
            t_interval=over.interval,
            p_randomisation=p,
            p_t=p,
            p_holm=p,
            n_pairs=1,
            cohen_d=float(over.mean / spread)
            if spread > 0
            else float(np.sign(over.mean) * np.inf)
            if over.mean
            else 0.0,
            wins=float(wins.sum() / total),
            ties=float((total - wins.sum() - losses.sum()) / total),
            losses=float(losses.sum() / total),
            n_splits=len(means),
            share_of_splits=over.share_of_splits,
        )
