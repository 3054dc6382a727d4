"""Write docs/autoencoder-or-pca.md, text and figures: `python scripts/autoencoder_or_pca.py`.

Measured on the sample in data/ and, where it is present, on MovieLens 1M in ../shared/data or RECAE_DATA.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from recae.data.read import read
from recae.data.ready_made import read_ready_made
from recae.data.split import HeldOut, Split
from recae.data.splits import make_split
from recae.evaluation.evaluate import evaluate
from recae.jobs.facts import machine_facts
from recae.jobs.selection import select
from recae.models.base import Recommender
from recae.models.registry import create
from recae.options import RunOptions
from recae.ranking.recommend import recommend

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "autoencoder-or-pca.md"
REAL_DATA = Path(os.environ.get("RECAE_DATA", ROOT.parent / "shared" / "data"))
SAMPLE_SPLIT = "user-holdout:valid=0.1,test=0.25,observed=0.8"
SEED = 42
OPTIONS = RunOptions(seed=SEED)
METRIC, COVERAGE, LENGTH = "ndcg@10", "coverage@10", 10
RANKS = (4, 8, 16, 32, 64, 128, 256, 512)
RARE = 0.2
MODELS: dict[str, dict[str, Any] | None] = {
    "popularity": None,
    "pure-svd": None,
    "svd-ae": None,
    "ease": None,
    "edlae": None,
    "cosine-dae": {},
}
"""None: the best of the model's grid on validation data; otherwise the settings."""

TEXT = f"""\
# Autoencoder or PCA?

*Written by `python scripts/autoencoder_or_pca.py`, text and figures.*

A linear autoencoder without anything else **is** PCA: among all matrices of rank k, the one that reproduces the
interactions X best (least squares) is V V<sup>T</sup>, with V the k leading singular directions of X. Training it by
gradient descent finds the same thing more slowly. `pure-svd` is that model (without subtracting the column means,
which would make a sparse matrix dense). So what is an autoencoder for? For what PCA does not do:

1. **It is kept from copying.** The easiest way to reproduce an interaction is to look at it. In V V<sup>T</sup> every
   item has a weight from itself, on the diagonal, and the higher the rank, the more of the fit is that: at full rank
   V V<sup>T</sup> is the identity, the error is 0, and no item says anything about another one. The rank is PCA's only
   brake, and it brakes by forgetting all weak directions. `ease` forbids the diagonal instead and keeps the full rank;
   `edlae` hides interactions at random while it learns, as a denoising autoencoder does, so that each has to be
   predicted from others.
2. **It may weigh users and items.** The strongest directions of X are those of the most active users and the most
   popular items. `svd-ae` and `gf-cf` divide by the square roots of both sums before they decompose, so that a
   direction counts for the share of an audience and not for its size; the powers of `ease` and `edlae` do so by
   degrees.
3. **It may have another loss.** Squared errors also punish a score of 1.3 for an item that is there, and a small
   score for each of thousands that are not. The multinomial likelihood of `mult-dae` and `mult-vae` only asks that the
   user's items get the probability, in competition with all others, which is nearer to a ranking; `elsa` and
   `cosine-dae` look at the angle between scores and history only, so that no user counts for more than another.
4. **It may bend.** Behind a non-linear layer the same item can mean different things in different company;
   V V<sup>T</sup> adds up the same row whatever stands beside it.

The first two need no training by gradients: they are what the closed forms below have. `cosine-dae` stands there for
the others. The sample is where PCA ought to do well, for its invented tastes have few dimensions; real ones have more.

*Coverage* is the share of the catalogue that is in anybody's list of {LENGTH}. *Rare* is the share of all places of
these lists that is taken by rare items: those that, least popular first, have {RARE:.0%} of the training
interactions. Their share among the hidden items is given for comparison.
"""
READING = """\
*Own weight* is the diagonal of V V<sup>T</sup>, averaged over the training interactions: how much of the 1 that is to
be reproduced comes from itself (the plain average over items is rank / items). *Diagonal* is the share of the squared
weights that stands there. The diagonal never scores an unseen item; only what is left beside it does.
"""


@dataclass(frozen=True)
class Data:
    """A split, what it is, and its rare items."""

    title: str
    about: str
    split: Split
    test: HeldOut
    rare: np.ndarray
    """(n_items,) bool."""

    @classmethod
    def of(cls, title: str, about: str, split: Split) -> Data:
        if split.test is None:
            raise SystemExit(f"{title} has no test part.")
        counts = split.train.item_counts()
        order = np.argsort(counts, kind="stable")
        rare = np.zeros(len(counts), dtype=bool)
        rare[order[np.cumsum(counts[order]) <= RARE * counts.sum()]] = True
        return cls(title, about, split, split.test, rare)


@dataclass(frozen=True)
class Row:
    """What one fitted model does on the test part."""

    name: str
    settings: str
    ndcg: float
    coverage: float
    rare: float


def main() -> None:
    parts = [TEXT]
    for data in data_sets():
        print(data.title, file=sys.stderr)
        parts += [*section(data, [measure(name, given, data) for name, given in MODELS.items()]), ""]
        parts += [*by_rank(data), ""]
    facts = machine_facts()
    versions = ", ".join(f"{name} {version}" for name, version in facts["versions"].items())
    parts.append(f"Seed {SEED}; {facts['machine']}; {versions}.")
    PAGE.write_text("\n".join(parts) + "\n", encoding="utf-8")


def data_sets() -> list[Data]:
    sample = make_split(read(ROOT / "data" / "interactions.csv"), SAMPLE_SPLIT, seed=SEED)
    found = [Data.of("Sample", f"The invented log in `data/`, split by `{SAMPLE_SPLIT}`.", sample)]
    folder = REAL_DATA / "ml-1m"
    if folder.exists():
        files = [folder / f"{part}.parquet" for part in ("train", "valid", "test")]
        about = "The random 80/10/10 split per user of the infinite-AE paper; fitted on train, history train + valid."
        found.append(Data.of("MovieLens 1M", about, read_ready_made(*files)))
    return found


def measure(name: str, given: dict[str, Any] | None, data: Data) -> Row:
    if given is None:
        model = select(name, data.split, METRIC, OPTIONS).model
    else:
        model = create(name, **given).fit(data.split.train, data.split.valid, OPTIONS)
    row = judged(model, data)
    print(row, file=sys.stderr, flush=True)
    return row


def judged(model: Recommender, data: Data) -> Row:
    defaults = type(model)().config.model_dump()
    changed = {key: value for key, value in model.config.model_dump().items() if value != defaults[key]}
    settings = ", ".join(f"{key} = {value}" for key, value in changed.items()) or "defaults"
    means = evaluate(model, data.test, [METRIC, COVERAGE]).means()
    places = recommend(model, data.test.history, LENGTH, users=data.test.users).items
    rare = float(data.rare[places[places >= 0]].mean())
    return Row(model.info.name, settings, means[METRIC], means[COVERAGE], rare)


def section(data: Data, rows: Sequence[Row]) -> list[str]:
    hidden = float(data.rare[data.test.target.indices].mean())
    n_users, n_items = data.test.history.shape
    pca = next(row for row in rows if row.name == "pure-svd")
    best = max((row for row in rows if row is not pca), key=lambda row: row.ndcg)
    return [
        f"## {data.title}\n",
        data.about,
        f"{n_users:,} test users and {n_items:,} items, {data.rare.sum():,} of them rare; {hidden:.1%} of the hidden",
        "items are rare. Settings were chosen on validation data from those that `recae compare` tries; cosine-dae was",
        f"given one. PCA reaches {pca.ndcg / best.ndcg:.1%} of the NDCG@10 of {best.name}.\n",
        "| model | settings | NDCG@10 | coverage | rare |",
        "|---|---|--:|--:|--:|",
        *(
            f"| {row.name} | {row.settings} | {row.ndcg:.4f} | {row.coverage:.1%} | {row.rare:.1%} |"
            for row in sorted(rows, key=lambda row: row.ndcg)
        ),
    ]


def by_rank(data: Data) -> list[str]:
    """PCA at every rank, down to where it only copies."""
    counts = data.split.train.item_counts()
    lines = [
        f"### PCA by rank: {data.title}\n",
        READING,
        "| rank | own weight | diagonal | NDCG@10 | coverage | rare |",
        "|--:|--:|--:|--:|--:|--:|",
    ]
    best, best_at = 0.0, 0
    for rank in [rank for rank in RANKS if rank < min(data.split.train.n_users, len(counts))]:
        model = create("pure-svd", factors=rank).fit(data.split.train, options=OPTIONS)
        own = np.square(model.weights()["item_vectors"].astype(np.float64)).sum(axis=1)
        row = judged(model, data)
        weight, diagonal = float(own @ counts / counts.sum()), float(own @ own / own.sum())
        lines.append(
            f"| {rank} | {weight:.2f} | {diagonal:.0%} | {row.ndcg:.4f} | {row.coverage:.1%} | {row.rare:.1%} |"
        )
        print(lines[-1], file=sys.stderr, flush=True)
        if row.ndcg > best:
            best, best_at = row.ndcg, rank
    return [*lines, f"\nThe best of these ranks is {best_at}. (Not a choice: it is read off the test part.)"]


if __name__ == "__main__":
    main()
