"""Where a model works: its figures for groups of users, and the targets that it finds by groups of items."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import special

from recae.evaluation.intervals import t_interval
from recae.evaluation.rating_metrics import OF_RATINGS, RatingErrors
from recae.evaluation.slice_groups import Slicing, UserGroups

ALL = "all"
"""The label of the first group of every slice: everybody, or every target, to hold the others against."""
LEAST_USERS = 20
"""Fewer users than these make a figure that is shown, and called uncertain."""


@dataclass(frozen=True)
class Estimate:
    """A figure and the 95 % interval in which it lies; None where there is none."""

    value: float
    low: float | None = None
    high: float | None = None


@dataclass(frozen=True)
class SliceGroup:
    """One group of a slice."""

    label: str
    """Untrusted text where it is a value of a catalogue."""
    users: int
    """Users in the group; for groups of items, users who have a target there."""
    targets: int
    """Targets of these users; for groups of items, targets in the group."""
    values: dict[str, Estimate]
    """Metric -> its figure for the group."""

    @property
    def certain(self) -> bool:
        """Whether there are users enough for the figures to mean something."""
        return self.users >= LEAST_USERS


@dataclass(frozen=True)
class Slice:
    """One model's figures, group by group; the first group is everything."""

    name: str
    """E.g. "history", "popularity", or a column of the catalogue: then untrusted text."""
    of: Literal["users", "targets"]
    definition: str
    """What the groups are, exactly; untrusted text where it names a column."""
    groups: tuple[SliceGroup, ...]


def found_name(k: int) -> str:
    """What the share of targets found within the first `k` places is called: `found@10`."""
    return f"found@{k}"


def user_slices(
    slicing: Slicing,
    per_user: dict[str, np.ndarray],
    relevant: np.ndarray,
    errors: RatingErrors | None = None,
    rated: Sequence[str] = (),
) -> tuple[Slice, ...]:
    """The mean of every metric in every group of users, with Student's t interval over the users of the group.

    Args:
        slicing: groups of the users who were judged.
        per_user: metric -> (n_users,) values.
        relevant: (n_users,) how many targets each user has.
        errors: the sums behind the metrics `rated` ("rmse", "mae"), which are pooled over the ratings of the group and
            have no interval.
    """
    wanted = slicing.metrics
    per_user = {metric: values for metric, values in per_user.items() if wanted is None or metric in wanted}
    return tuple(
        Slice(groups.name, "users", groups.definition, tuple(_groups(groups, per_user, relevant, errors, rated)))
        for groups in slicing.users
    )


def _groups(
    groups: UserGroups,
    per_user: dict[str, np.ndarray],
    relevant: np.ndarray,
    errors: RatingErrors | None,
    rated: Sequence[str],
) -> Iterable[SliceGroup]:
    everybody = np.ones(len(groups.codes), dtype=bool)
    members = [(ALL, everybody), *((label, groups.codes == code) for code, label in enumerate(groups.labels))]
    for label, chosen in members:
        if chosen.any():
            values = {metric: mean_of(of_users[chosen]) for metric, of_users in per_user.items()}
            if errors is not None and errors.count[chosen].any():
                pooled = errors.pooled(chosen[None, :].astype(np.float64))
                values |= {name: Estimate(float(OF_RATINGS[name](pooled)[0])) for name in rated}
            yield SliceGroup(label, int(chosen.sum()), int(relevant[chosen].sum()), values)


def mean_of(values: np.ndarray) -> Estimate:
    """The mean of (n_users,) values with Student's t interval, which does not go below 0 where no value does."""
    if len(values) < 2:
        return Estimate(float(values.mean()))
    low, high = t_interval(values)
    return Estimate(float(values.mean()), max(low, 0.0) if values.min() >= 0 else low, high)


@dataclass(frozen=True)
class FoundSums:
    """Sums over users of h, their hits in a group of items, and t, their targets there: whole numbers, exact."""

    users: int
    """With a target in the group."""
    hits: int
    targets: int
    hits_squared: int
    hits_targets: int
    targets_squared: int

    def share(self, level: float = 0.95) -> Estimate:
        """Targets found of all targets in the group, sum h / sum t, with an interval over users.

        The targets of one user are found or missed together, so they are no independent draws. The variance of the
        ratio r is that of its linear part, n / (n - 1) sum (h - r t)^2 / (sum t)^2 with n users (Cochran, "Sampling
        techniques", 1977, section 6.3). It says for how many independent targets these stand, r (1 - r) / variance,
        and Wilson's score interval for so many (with Student's t for n - 1 degrees of freedom) stays within 0 and 1
        and does not shrink to nothing where nothing is found (Korn and Graubard, "Confidence intervals for
        proportions with small expected number of positive counts estimated from survey data", Survey Methodology
        24(2), 1998, give the idea). Where all or none is found each user counts as one target.
        """
        r = self.hits / self.targets
        if self.users < 2:
            return Estimate(r)
        squares = self.hits_squared - 2 * r * self.hits_targets + r**2 * self.targets_squared
        variance = self.users / (self.users - 1) * max(squares, 0.0) / self.targets**2
        spread = 0 < self.hits < self.targets and variance > 0
        draws = r * (1 - r) / variance if spread else float(self.users)
        z = float(special.stdtrit(self.users - 1, (1 + level) / 2))
        middle = (r + z**2 / (2 * draws)) / (1 + z**2 / draws)
        half = z / (1 + z**2 / draws) * np.sqrt(r * (1 - r) / draws + z**2 / (4 * draws**2))
        return Estimate(r, min(max(0.0, float(middle - half)), r), max(min(1.0, float(middle + half)), r))
