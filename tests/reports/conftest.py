"""Comparisons with a known outcome, small enough to be read, one full of hostile text, and a browser."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from recae.data.ids import IdIndex
from recae.evaluation.result import Evaluation
from recae.evaluation.slices import Estimate, Slice, SliceGroup
from recae.insight.item_map import ItemMap
from recae.insight.neighbours import NamedItem
from recae.reports.comparison import Comparison, ErrorExample, ExampleUser, FailedModel, ModelRun, Trial
from recae.training.curve import CurvePoint, LearningCurve

USERS = 200
SCRIPT = "<script>document.title='owned'</script>"
HOSTILE = (
    SCRIPT,
    '"><img src=x onerror="document.title=\'owned\'">',
    "</style><h1>owned</h1>",
    "{{ 7 * 7 }} {% raw %} ${7*7} #{7*7}",
    "</svg></title>'\"&amp; ]]> -->",
    "\u202eאבג\u2066 right to left",
    "nul\x00 bell\x07 line\nbreak\r\u2028\u2029 \x1b[31mred\x1b]0;owned\x07",
    "](http://evil.example) ![x](http://evil.example/x.png) | `code` **b** _i_ ~~s~~ $x^2$",
    r"\input{/etc/passwd} \write18{rm} \end{tabular} % & _ # ^^M",
    "# heading\n- item\n\n```\n<b>",
    "Z" + "\u0301" * 200,
    "W" * 5_000,
    " ",
    "",
)
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


@pytest.fixture(scope="session")
def hostile_texts() -> tuple[str, ...]:
    return HOSTILE


@pytest.fixture(scope="session")
def hostile() -> Comparison:
    """Hostile text wherever a title, id, model, path, setting, metric or value of a catalogue may stand."""
    names = [*HOSTILE[:-2], "popularity"]
    lists = {name: tuple((title, i % 2 == 0) for i, title in enumerate(HOSTILE)) for name in names}
    users = tuple(ExampleUser(text, HOSTILE, HOSTILE, lists) for text in HOSTILE)
    groups = tuple(SliceGroup(text, 30, 60, {"ndcg@10": Estimate(0.3, 0.2, 0.4)}) for text in ("all", *HOSTILE))
    slices = (Slice(SCRIPT, "users", HOSTILE[1], groups), Slice("popularity", "targets", "items", groups))
    items = tuple(NamedItem(text, text, 5) for text in HOSTILE)

    def judged(place: int, name: str) -> ModelRun:
        settings = {text: text for text in HOSTILE}
        found = one_run("mult" + name if place == 0 else name, 0.2 - place / 100)
        values = found.evaluation.per_user | {HOSTILE[1]: found.evaluation.per_user["ndcg@10"]}
        return one_run(
            name, 0.0, title=HOSTILE[place % len(HOSTILE)], config=settings, curve=found.curve,
            trials=(Trial(settings, 0.2, 1.0), Trial(settings, float("nan"), 0.5, SCRIPT)),
            evaluation=Evaluation(found.evaluation.users, values, found.evaluation.overall, slices=slices),
            similar=tuple(items[:5] for _ in items),
        )  # fmt: skip

    spot: dict[str, Any] = {
        "kept": {"10 in 10": 0.5, "10 in 50": 0.8},
        "ids": HOSTILE,
        "titles": HOSTILE,
        "groups": HOSTILE,
    }
    count = len(HOSTILE)
    drawn = ItemMap(
        "vectors", SCRIPT, 100, x=tuple(i / count for i in range(count)), y=tuple(i / count for i in range(count)),
        users=tuple(range(count, 0, -1)), group=tuple(range(count)), colour=SCRIPT, ordered=False, **spot,
    )  # fmt: skip
    return one_comparison(
        tuple(judged(place, name) for place, name in enumerate(names)),
        metrics=("ndcg@10", HOSTILE[1], "recall@20", "coverage@10"),
        selected_on=SCRIPT,
        examples=users,
        errors=(ErrorExample("worst", users[0], dict.fromkeys(names, 0.1), 5, 3, 2.0, 9.0),),
        asked=items,
        item_map=drawn,
        failed=tuple(FailedModel(text, text, text) for text in HOSTILE),
        facts={text: text for text in HOSTILE} | {"command": SCRIPT, "configuration": {SCRIPT: list(HOSTILE)}},
        data={"users": 3, "source": HOSTILE[4], SCRIPT: SCRIPT, "left_out": dict.fromkeys(HOSTILE, 3)},
        split={
            "spec": SCRIPT,
            "notes": dict.fromkeys(HOSTILE, 1),
            "parts": {text: {"users": 3} for text in HOSTILE},
        },
        user_column=SCRIPT,
    )


@pytest.fixture(scope="session")
def browsers() -> ModuleType:
    """scripts/browser.py."""
    path = Path(__file__).parents[2] / "scripts" / "browser.py"
    specification = importlib.util.spec_from_file_location("browser", path)
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules["browser"] = module
    specification.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def browser(browsers: ModuleType) -> Iterator[Any]:
    if browsers.found() is None:
        pytest.skip("no Chromium on this machine to open the page with")
    with browsers.Browser() as opened:
        yield opened
