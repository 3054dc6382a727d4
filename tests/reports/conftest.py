"""Comparisons with a known outcome, small enough to be read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from recae.data.ids import IdIndex
from recae.evaluation.result import Evaluation
from recae.reports.comparison import Comparison, ExampleUser, ModelRun, Trial
from recae.training.curve import CurvePoint, LearningCurve

USERS = 200
TITLES = {
    "popularity": "Most popular items",
    "ials": "iALS, implicit alternating least squares",
    "ease": "EASE, the closed-form linear autoencoder",
    "mult-vae": "Mult-VAE",
}


def one_run(name: str, gain: float, **changes: Any) -> ModelRun:
    """A model whose every user is `gain` above a common base, give or take a little."""
    base = np.random.default_rng(0).uniform(0.1, 0.5, USERS)
    own = np.random.default_rng(sum(name.encode())).uniform(-0.05, 0.05, USERS)
    ndcg = base + gain + own - own.mean()
    per_user = {"ndcg@10": ndcg, "recall@5": ndcg / 3, "recall@20": ndcg / 2, "recall@50": ndcg / 1.5}
    overall = {"coverage@10": 0.1 + gain}
    curve = None
    if name.startswith("mult"):
        points = tuple(CurvePoint(e, {"loss": 5.0 / e}, 0.1 + 0.01 * min(e, 6), 0.5 * e) for e in range(1, 9))
        curve = LearningCurve("ndcg@10", points, best_epoch=6, stopped_early=True)
    trials = tuple(Trial({"l2": l2}, 0.2 + l2 / 10_000, 1.5) for l2 in (100.0, 500.0, 250.0)) if name == "ease" else ()
    given: dict[str, Any] = {
        "name": name,
        "title": TITLES.get(name, name),
        "config": {"l2": 500.0} if name == "ease" else {"factors": 64},
        "trials": trials,
        "evaluation": Evaluation(IdIndex.range(USERS), per_user, overall),
        "valid_value": 0.25 if trials else None,
        "fit_seconds": 0.5 + gain,
        "users_per_second": 12_345.6,
        "size_bytes": 4_000_000,
        "curve": curve,
    }
    return ModelRun(**(given | changes))


def one_comparison(runs: tuple[ModelRun, ...] | None = None, **changes: Any) -> Comparison:
    runs = runs if runs is not None else (
        one_run("popularity", 0.0),
        one_run("ease", 0.2),
        one_run("ials", 0.12),
        one_run("mult-vae", 0.1),
    )  # fmt: skip
    example = ExampleUser(
        "u7",
        ("The Quiet Letter", "Dusty Canyon"),
        ("Neon Alley",),
        {run.name: (("Neon Alley", True), ("Iron Sunday", False)) for run in runs},
    )
    given: dict[str, Any] = {
        "data": {
            "users": 1000,
            "items": 300,
            "interactions": 25_000,
            "density": 25_000 / 300_000,
            "items_per_user": {"min": 5, "median": 20.0, "mean": 25.0, "max": 90},
            "users_per_item": {"min": 1, "median": 40.0, "mean": 83.3, "max": 700},
            "gini": 0.55,
            "top_1_percent": 0.08,
            "values": {"kind": "rating", "mean": 3.5, "histogram": {"1": 10, "3": 20, "5": 30}},
            "times": {"first": "2021-01-01T00:00:00Z", "last": "2022-12-31T23:59:59Z", "distinct": 900},
            "left_out": {"duplicates": 12},
            "columns": {"user": "user_id", "item": "item_id", "value": "rating", "time": "timestamp"},
            "source": "data/interactions.csv",
        },
        "split": {
            "spec": "user-holdout:valid=0.1,test=0.2",
            "seed": 42,
            "parts": {
                "train": {"users": 700, "items": 300, "interactions": 18_000},
                "valid": {"users": 100, "history": 2_000, "targets": 500, "unknown_targets": 0},
                "test": {"users": USERS, "history": 4_000, "targets": 1_000, "unknown_targets": 3},
            },
            "notes": {"test users without targets": 4},
        },
        "metrics": ("ndcg@10", "recall@20", "coverage@10"),
        "selected_on": "ndcg@10 on 100 validation users",
        "runs": runs,
        "facts": {
            "seed": 42,
            "command": "recae compare data --models popularity,ease",
            "machine": "Linux x86_64, 2 processors",
            "versions": {"recae": "0.1.0", "numpy": "2.0.0"},
            "configuration": {"job": "compare", "trials": None},
        },
        "popularity_curve": tuple(range(300, 0, -1)),
        "examples": (example,),
    }
    return Comparison(**(given | changes))


@pytest.fixture(scope="session")
def run() -> Callable[..., ModelRun]:
    return one_run


@pytest.fixture(scope="session")
def compared() -> Callable[..., Comparison]:
    return one_comparison


@pytest.fixture(scope="session")
def comparison() -> Comparison:
    return one_comparison()
