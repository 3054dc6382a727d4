"""The splits of a comparison: one, several with other seeds, or all folds; made one at a time."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from recae.data.describe import describe
from recae.data.fingerprint import targets_fingerprint
from recae.data.ids import UNKNOWN
from recae.data.interactions import Interactions
from recae.data.split import HeldOut, Split
from recae.data.splits import make_split, parse_spec
from recae.errors import ConfigError
from recae.jobs.contest import BY_USER_SPLIT, need_ratings, refuse_strangers
from recae.jobs.inputs import open_input
from recae.jobs.prepare import DEFAULT_SPLIT
from recae.jobs.reading import Reading, Source
from recae.models.registry import model_class
from recae.options import RunOptions

FOLDS = "kfold"
FIXED = {
    "leave-last-out": "takes the last interactions",
    "time": "cuts at one moment",
    "liang2018": "has its own seed",
}
"""Strategies that cut a log in one way whatever the seed, and why."""


@dataclass(frozen=True, eq=False)
class Splits:
    """How often and by which specification and seed the log is split."""

    first: Split
    log: Interactions | None
    """What is split; None where the data came split, or is split only once."""
    made: tuple[tuple[str, int], ...]
    """Specification and seed of each split; empty where the data came split."""
    by_id: tuple[str, ...]
    """Models that know only the users of the training data."""
    origin: str | None = None
    """The fingerprint of the log that is split; None where the data came split."""

    def __len__(self) -> int:
        return max(len(self.made), 1)

    def make(self, number: int) -> Split:
        """Split number `number`, from 0."""
        if number == 0 or self.log is None:
            return self.first
        spec, seed = self.made[number]
        return refuse_strangers(make_split(self.log, spec, seed=seed), self.by_id)

    def seed(self, number: int, first: int) -> int:
        """The seed of everything on that split; `first` on the first one."""
        return first if number == 0 else self.made[number][1]


def contest_splits(
    source: Source,
    spec: str | None,
    *,
    valid: Source | None,
    test: Source | None,
    models: Sequence[str],
    reading: Reading,
    options: RunOptions,
    repeats: int = 1,
) -> tuple[Splits, dict[str, Any]]:
    """The splits that `source` is or that `spec` makes of it; without `spec` one that suits all `models`.

    With them comes the summary of what was split, or of the training data where it came split.

    Raises:
        ConfigError: the split cannot judge one of the models, leaves nothing to judge on, or cannot be repeated.
        DataError: the data is malformed or too small, or has no ratings where a model needs them.
    """
    opened = open_input(source, valid=valid, test=test, reading=reading, progress=options.progress)
    need_ratings(models, opened.train)
    by_id = tuple(name for name in models if not model_class(name).info.inductive)
    if opened.test is not None or opened.valid is not None:
        if spec is not None:
            raise ConfigError(f"{source} is split already: leave out --split {spec}.")
        if repeats > 1:
            raise ConfigError(f"{source} is split already: leave out --repeats {repeats}, or give the log itself.")
        return Splits(refuse_strangers(opened, by_id), None, (), by_id), describe(opened.train)
    if spec is None:
        spec = BY_USER_SPLIT if by_id else DEFAULT_SPLIT
        why = f", because {', '.join(by_id)} can score only users of the training data" if by_id else ""
        options.progress.say(f"Splitting by {spec}{why}.")
    plan = split_plan(spec, repeats, options.seed)
    first = refuse_strangers(make_split(opened.train, plan[0][0], seed=plan[0][1]), by_id)
    origin = opened.train.fingerprint()
    return Splits(first, opened.train if len(plan) > 1 else None, plan, by_id, origin), describe(opened.train)


def split_plan(spec: str, repeats: int, seed: int) -> tuple[tuple[str, int], ...]:
    """Specification and seed of every split: all folds of a k-fold that names none, `repeats` times.

    >>> split_plan("kfold:3,valid=0.1", 1, 42)
    (('kfold:3,valid=0.1,fold=0', 42), ('kfold:3,valid=0.1,fold=1', 42), ('kfold:3,valid=0.1,fold=2', 42))

    Raises:
        ConfigError: `spec` cannot be understood, or would give the same split again and again.
    """
    name, settings = parse_spec(spec)
    if repeats > 1 and name in FIXED:
        raise ConfigError(
            f"--repeats {repeats} needs random splits, and {name} {FIXED[name]}, every time the same: take "
            "user-holdout, per-user or kfold, or leave out --repeats."
        )
    seeds = [seed, *(derived_seed(seed, number) for number in range(1, repeats))]
    if name != FOLDS or "fold" in settings or settings.get("k", 2) < 2:
        return tuple((spec, one) for one in seeds)
    joint = "," if ":" in spec and spec.partition(":")[2].strip() else ":"
    folds = [f"{spec.strip().rstrip(',:')}{joint}fold={fold}" for fold in range(settings.get("k", 5))]
    return tuple((fold, one) for one in seeds for fold in folds)


def derived_seed(seed: int, number: int) -> int:
    """The seed of repetition `number`, from 1; unlike that of any other repetition or nearby seed."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0])


def test_per_train(split: Split, test: HeldOut) -> float:
    """How much is tested for each that trains: users where they are held out whole, else interactions."""
    if (split.train.users.positions(test.users.values) == UNKNOWN).all():
        return test.n_users / split.train.n_users
    return int(test.relevant_counts().sum()) / split.train.nnz


def one_split_facts(split: Split, test: HeldOut) -> dict[str, Any]:
    """What a report and a later run need to know of one split."""
    return {
        "spec": split.spec,
        "seed": split.seed,
        "targets": targets_fingerprint(test, split.train.items),
        "test_users": test.n_users,
        "test_per_train": test_per_train(split, test),
    }


def joint_fingerprint(splits: Sequence[dict[str, Any]]) -> str:
    """That of the one split's targets, or a digest of those of several."""
    prints = [str(one["targets"]) for one in splits]
    return prints[0] if len(prints) == 1 else hashlib.blake2b(" ".join(prints).encode(), digest_size=8).hexdigest()
