"""Compare the sample with MovieLens 100K and write the figures into data/README.md.

    python scripts/sample_figures.py PATH_TO_ML_100K_INTERACTIONS

The file may be in any form that recae reads; by default it is ml-100k/interactions.parquet in the folder RECAE_DATA.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from recae.data.describe import describe
from recae.data.interactions import Interactions
from recae.data.read import read
from recae.data.splits import make_split
from recae.evaluation.evaluate import evaluate
from recae.evaluation.result import Evaluation
from recae.jobs.selection import select
from recae.models.registry import MODELS, model_class
from recae.options import DEFAULTS

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "data" / "README.md"
BEGIN, END = "<!-- figures: begin (scripts/sample_figures.py) -->", "<!-- figures: end -->"
SPLIT = "user-holdout:valid=0.1,test=0.25,observed=0.8"
METRICS = ("ndcg@10", "recall@20")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0] if __doc__ else None)
    default = Path(os.environ.get("RECAE_DATA", ".")) / "ml-100k" / "interactions.parquet"
    parser.add_argument("ml100k", nargs="?", type=Path, default=default)
    logs = {"sample": read(ROOT / "data" / "interactions.csv"), "ML-100K": read(parser.parse_args().ml100k)}
    lines = [*_sizes(logs), "", *_ranking(logs)]
    text = README.read_text(encoding="utf-8")
    head, tail = text.split(BEGIN)[0], text.split(END)[1]
    README.write_text("\n".join([head + BEGIN, *lines, END]) + tail, encoding="utf-8")
    print("\n".join(lines))


def _sizes(logs: dict[str, Interactions]) -> Iterator[str]:
    facts = {name: describe(log) for name, log in logs.items()}
    rows = {
        "users x items": lambda f, _: f"{f['users']:,} x {f['items']:,}",
        "user-item pairs": lambda f, _: f"{f['interactions']:,}",
        "density": lambda f, _: f"{f['density']:.2%}",
        "Gini of item popularity": lambda f, _: f"{f['gini']:.3f}",
        "share of the most popular 1 % of items": lambda f, _: f"{f['top_1_percent']:.1%}",
        "items per user (quantiles 0, 25, 50, 75, 100 %)": lambda _, log: _quantiles(log.user_counts()),
        "users per item (quantiles 0, 25, 50, 75, 100 %)": lambda _, log: _quantiles(log.item_counts()),
        "ratings 1, 2, 3, 4, 5": lambda f, _: _shares(f["values"]["histogram"]),
    }
    yield f"| | {' | '.join(logs)} |"
    yield "|---|" + "--:|" * len(logs)
    for title, shown in rows.items():
        yield f"| {title} | {' | '.join(shown(facts[name], log) for name, log in logs.items())} |"


def _ranking(logs: dict[str, Interactions]) -> Iterator[str]:
    names = [name for name in MODELS if model_class(name).info.needs == "implicit" and model_class(name).info.inductive]
    results = {log_name: {name: _judged(name, log) for name in names} for log_name, log in logs.items()}
    first = next(iter(results.values()))
    users = " and ".join(f"{len(next(iter(judged.values())).users)}" for judged in results.values())
    yield f"Models on both: split by `{SPLIT}` with seed {DEFAULTS.seed},"
    yield f"settings chosen on the validation users, judged on the test users ({users});"
    yield "in brackets the multiple of popularity's figure."
    yield ""
    yield "| model | " + " | ".join(f"{metric}, {log}" for metric in METRICS for log in logs) + " |"
    yield "|---|" + "--:|" * (len(METRICS) * len(logs))
    for name in sorted(names, key=lambda name: -first[name].means()[METRICS[0]]):
        cells = [_cell(results[log], name, metric) for metric in METRICS for log in logs]
        yield f"| {name} | {' | '.join(cells)} |"


def _judged(name: str, log: Interactions) -> Evaluation:
    split = make_split(log, SPLIT, seed=DEFAULTS.seed)
    if split.test is None:
        raise SystemExit(f"{SPLIT} gives no test users")
    chosen = select(name, split, METRICS[0], DEFAULTS)
    return evaluate(chosen.model, split.test, METRICS)


def _cell(judged: dict[str, Evaluation], name: str, metric: str) -> str:
    value, popular = judged[name].means()[metric], judged["popularity"].means()[metric]
    return f"{value:.3f} ({value / popular:.2f})"


def _quantiles(counts: np.ndarray) -> str:
    return ", ".join(f"{value:.0f}" for value in np.quantile(counts, [0, 0.25, 0.5, 0.75, 1]))


def _shares(histogram: dict[str, int]) -> str:
    return ", ".join(f"{count / sum(histogram.values()):.0%}" for count in histogram.values())


if __name__ == "__main__":
    main()
