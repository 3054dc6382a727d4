"""Figures on public data beside the published ones: written into docs/figures.md and, in short, into README.md.

    python scripts/figures.py                      all of them (about half an hour on two cores)
    python scripts/figures.py ml-1m ials mult-dae  some models of one data set, the others as they were

A bare model tries its grid and takes the setting with the best NDCG@10 on the validation part; `name:key=value,...`
fits just those settings. Models are fitted on the training part; the history at test time is train + valid; all
ratings count as 1. Data is read from ../shared/data or RECAE_DATA. Results are kept in docs/figures.json.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from recae.data.ready_made import read_ready_made
from recae.data.split import Split
from recae.evaluation.evaluate import evaluate
from recae.jobs.facts import machine_facts
from recae.jobs.selection import select
from recae.models.registry import create
from recae.options import RunOptions

ROOT = Path(__file__).resolve().parent.parent
STORED, PAGE, README = ROOT / "docs" / "figures.json", ROOT / "docs" / "figures.md", ROOT / "README.md"
BEGIN, END = "<!-- figures: begin (scripts/figures.py) -->", "<!-- figures: end -->"
SEED = 42
HEAD = """\
# Figures

Written by `python scripts/figures.py`; the full record is in `figures.json`. Settings that are not named are the
defaults. *Tried* is how many settings were tried on validation data; 0 means that the setting was given.
"""


@dataclass(frozen=True)
class DataSet:
    """A data set that comes split, what is measured on it, and what others published on the same split."""

    title: str
    parts: tuple[str, ...]
    metrics: tuple[str, ...]
    models: tuple[str, ...]
    published: dict[str, tuple[str, str]]
    """Model -> (figures in the order of the metrics, where from)."""


SACHDEVA = "Sachdeva et al. 2022 (NeurIPS)"
BARS = "BARS benchmark"
DATA_SETS = {
    "ml-1m": DataSet(
        "MovieLens 1M, the random 80/10/10 split per user of the infinite-AE paper",
        ("train", "valid", "test"),
        ("ndcg@10", "recall@20"),
        (
            "popularity",
            "item-knn",
            "pure-svd",
            "bpr",
            "ials",
            "ials:factors=256,l2=30,alpha=1",
            "ease:l2=500",
            "ease:l2=1000",
            "ease",
            "mult-dae",
            "mult-vae",
        ),
        {
            "popularity": ("0.1384", SACHDEVA),
            "ials": ("0.2565 (their MF)", SACHDEVA),
            "ease": ("0.2988", SACHDEVA),
            "mult-vae": ("0.2214", SACHDEVA),
        },
    ),
    "gowalla": DataSet(
        "Gowalla, the split of the LightGCN paper",
        ("train", "test"),
        ("recall@20", "ndcg@20"),
        ("popularity", "ease:l2=80"),
        {"ease": ("0.1765 / 0.1467", BARS + ", l2 = 80")},
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", nargs="?", choices=DATA_SETS, help="one data set (default: all)")
    parser.add_argument("models", nargs="*", help="some models (default: all)")
    chosen = parser.parse_args()
    stored: dict[str, Any] = json.loads(STORED.read_text()) if STORED.exists() else {}
    for name in [chosen.data] if chosen.data else DATA_SETS:
        known = stored.setdefault(name, {})
        for text in chosen.models or DATA_SETS[name].models:
            known[text] = measure(name, text)
            print(f"{name}, {text}: {known[text]['metrics']}", file=sys.stderr, flush=True)
            STORED.write_text(json.dumps(stored, indent=2) + "\n", encoding="utf-8")
    PAGE.write_text(page(stored), encoding="utf-8")
    before, _, rest = README.read_text(encoding="utf-8").partition(BEGIN)
    README.write_text(before + BEGIN + "\n" + summary(stored) + END + rest.partition(END)[2], encoding="utf-8")


def measure(data: str, text: str) -> dict[str, Any]:
    """Fit one model and judge it once on the test part."""
    split, metrics = read_split(data), DATA_SETS[data].metrics
    if split.test is None:
        raise SystemExit(f"{data} has no test part.")
    name, _, given = text.partition(":")
    options = RunOptions(seed=SEED)
    started = time.perf_counter()
    if given or split.valid is None:
        settings = dict(pair.split("=", 1) for pair in given.split(",") if pair)
        model = create(name, **settings).fit(split.train, split.valid, options)
        fit_seconds, tried = time.perf_counter() - started, 0
    else:
        found = select(name, split, "ndcg@10", options)
        model, fit_seconds, tried = found.model, found.fit_seconds, max(1, len(found.trials))
    defaults = type(model)().config.model_dump()
    judged = evaluate(model, split.test, metrics)
    return {
        "settings": {key: value for key, value in model.config.model_dump().items() if value != defaults[key]},
        "settings tried on validation data": tried,
        "metrics": judged.means(),
        "fit seconds": round(fit_seconds, 2),
        "users per second, scored, ranked and judged": round(len(judged.users) / judged.seconds),
        "date": datetime.now(UTC).date().isoformat(),
        "seed": SEED,
        **machine_facts(),
    }


def read_split(data: str) -> Split:
    """The data set's own parts; without a validation file there is no validation part."""
    folder = Path(os.environ.get("RECAE_DATA", ROOT.parent / "shared" / "data")) / data
    files = {part: folder / f"{part}.parquet" for part in DATA_SETS[data].parts}
    return read_ready_made(files["train"], files.get("valid"), files["test"])


def page(stored: dict[str, Any]) -> str:
    text = [HEAD]
    for data, rows in stored.items():
        about = DATA_SETS[data]
        names = " | ".join(name.upper().replace("RECALL", "Recall") for name in about.metrics)
        text.append(f"## {about.title}\n")
        text.append(f"| model | settings | tried | {names} | fit, s | users/s | published |")
        text.append("|---|---|--:|" + "--:|" * len(about.metrics) + "--:|--:|---|")
        for spec in sorted(rows, key=lambda spec: rows[spec]["metrics"][about.metrics[0]]):
            row, model = rows[spec], spec.partition(":")[0]
            settings = ", ".join(f"{key} = {value}" for key, value in row["settings"].items()) or "defaults"
            figures = " | ".join(f"{row['metrics'][name]:.4f}" for name in about.metrics)
            published = "{} ({})".format(*about.published[model]) if model in about.published else ""
            speed = row["users per second, scored, ranked and judged"]
            text.append(
                f"| {model} | {settings} | {row['settings tried on validation data']} | {figures} "
                f"| {row['fit seconds']:.1f} | {speed:,} | {published} |"
            )
        text.append("")
        last = rows[max(rows, key=lambda spec: rows[spec]["date"])]
        versions = ", ".join(f"{name} {version}" for name, version in last["versions"].items())
        text.append(f"Seed {SEED}, {last['date']}, {last['machine']}; {versions}.\n")
    return "\n".join(text)


def summary(stored: dict[str, Any]) -> str:
    """The best setting of each model on the first data set, in the order of the metric."""
    about, rows = DATA_SETS["ml-1m"], stored.get("ml-1m", {})
    best: dict[str, dict[str, Any]] = {}
    for spec, row in rows.items():
        model = spec.partition(":")[0]
        if row["settings tried on validation data"] or model not in best:
            best[model] = row
    machine = next(iter(rows.values()))["machine"] if rows else ""
    lines = [f"{about.title}; settings chosen on validation data, seed {SEED}, {machine}:\n"]
    lines += ["| model | NDCG@10 | published on this split | fit, s |", "|---|--:|--:|--:|"]
    for model, row in sorted(best.items(), key=lambda pair: -pair[1]["metrics"]["ndcg@10"]):
        published = about.published.get(model, ("", ""))[0]
        lines.append(f"| {model} | {row['metrics']['ndcg@10']:.4f} | {published} | {row['fit seconds']:.1f} |")
    lines.append(
        "\nAll settings, Gowalla, and where the published figures are from: [docs/figures.md](docs/figures.md).\n"
    )
    return "\n".join(lines)


if __name__ == "__main__":
    main()
