"""Figures on MovieLens 1M, the random per-user 80/10/10 split of the infinite-AE paper, beside the published ones.

    python scripts/figures_ml1m.py popularity item-knn pure-svd ials ease
    python scripts/figures_ml1m.py ease:l2=500 ease:l2=1000 ials:factors=256,l2=30 --out figures.json

A bare name tries the model's grid and takes the setting with the best NDCG@10 on the validation part; a name with
settings fits just those. Every model is fitted on the training part; the history at test time is train + valid.
All ratings count as 1. Markdown on stdout, or JSON into the file named by --out.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path
from typing import Any

from recae.data.ready_made import read_ready_made
from recae.data.split import Split
from recae.evaluation.evaluate import evaluate
from recae.jobs.selection import select
from recae.models.registry import create
from recae.options import RunOptions
from recae.store.manifest import library_versions

METRICS = ("ndcg@10", "recall@20")
PUBLISHED = {
    "popularity": 0.1384,
    "ials": 0.2565,
    "mult-vae": 0.2214,
    "ease": 0.2988,
}
"""NDCG@10 on this split: Sachdeva, Dhaliwal, Wu, McAuley (2022): Infinite recommendation networks. NeurIPS 2022."""


def parse_model(text: str) -> tuple[str, dict[str, str] | None]:
    name, _, settings = text.partition(":")
    return name, dict(pair.split("=", 1) for pair in settings.split(",")) if settings else None


def figures(name: str, settings: dict[str, str] | None, split: Split, options: RunOptions) -> dict[str, Any]:
    if split.test is None or split.valid is None:
        raise SystemExit("The folder needs train.parquet, valid.parquet and test.parquet.")
    if settings is None:
        chosen = select(name, split, "ndcg@10", options)
        model, seconds, valid = chosen.model, chosen.fit_seconds, chosen.valid_value
    else:
        started = time.perf_counter()
        model = create(name, **settings).fit(split.train, split.valid, options)
        seconds = time.perf_counter() - started
        valid = evaluate(model, split.valid, ["ndcg@10"]).means()["ndcg@10"]
    judged = evaluate(model, split.test, METRICS)
    return {
        "model": name,
        "settings": model.config.model_dump(mode="json"),
        "chosen": "on validation data" if settings is None else "by hand",
        "valid ndcg@10": valid,
        **judged.means(),
        "fit seconds": seconds,
        "evaluate seconds": judged.seconds,
        "published ndcg@10": PUBLISHED.get(name),
    }


def markdown(rows: list[dict[str, Any]]) -> str:
    lines = [
        "| model | settings | chosen | NDCG@10 valid | NDCG@10 | Recall@20 | fit, s | published NDCG@10 |",
        "|---|---|---|--:|--:|--:|--:|--:|",
    ]
    for row in rows:
        settings = ", ".join(f"{key} = {value}" for key, value in row["settings"].items()) or "none"
        published = "" if row["published ndcg@10"] is None else f"{row['published ndcg@10']:.4f}"
        lines.append(
            f"| {row['model']} | {settings} | {row['chosen']} | {row['valid ndcg@10']:.4f} | {row['ndcg@10']:.4f} "
            f"| {row['recall@20']:.4f} | {row['fit seconds']:.1f} | {published} |"
        )
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="+", help="names of models, each alone or as name:key=value,key=value")
    parser.add_argument("--data", type=Path, default=Path("../shared/data"), help="folder that holds ml-1m/")
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--out", type=Path, help="write JSON to this file")
    arguments = parser.parse_args()
    folder = arguments.data / "ml-1m"
    split = read_ready_made(folder / "train.parquet", folder / "valid.parquet", folder / "test.parquet")
    rows = []
    for text in arguments.models:
        rows.append(figures(*parse_model(text), split, RunOptions(seed=arguments.seed)))
        print(f"{text}: {rows[-1]['ndcg@10']:.4f}", file=sys.stderr, flush=True)
    print(markdown(rows))
    if arguments.out is not None:
        content = {"split": "ml-1m, inf-ae", "seed": arguments.seed, "libraries": library_versions(), "figures": rows}
        arguments.out.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
