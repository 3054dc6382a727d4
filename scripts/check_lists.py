"""Check on real data, for every model, that lists hold no seen item, no duplicate and no filler.

    python scripts/check_lists.py                          every model on ML-1M, Gowalla and Book-Crossing
    python scripts/check_lists.py --data gowalla ease bpr  some of them

Models are fitted with few epochs: what is checked is the lists, not their quality. The check itself uses nothing of
recae: it reads the written file back and compares ids. Data is read from ../shared/data or RECAE_DATA.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import pyarrow.parquet as pq

import recae
from recae.data.interactions import Interactions
from recae.errors import DataError
from recae.models.registry import model_class, model_names
from recae.options import RunOptions
from recae.store.tables import write_table

FILES = {
    "ml-1m": "ml-1m/train.parquet",
    "gowalla": "gowalla/train.parquet",
    "book-crossing": "book-crossing/history.parquet",
    "book-crossing ratings": "book-crossing/ratings.parquet",
}
QUICK = {
    "ials": {"factors": 32, "epochs": 3},
    "bpr": {"factors": 32, "epochs": 5},
    "mult-dae": {"epochs": 2, "latent": 64, "patience": 0},
    "mult-vae": {"epochs": 2, "hidden": 128, "latent": 32, "patience": 0},
    "autorec-item": {"epochs": 2, "latent": 32, "patience": 0},
    "autorec-user": {"epochs": 2, "latent": 32, "patience": 0},
}
TOP = 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=model_names())
    parser.add_argument("--data", choices=FILES, action="append")
    chosen = parser.parse_args()
    folder = Path(os.environ.get("RECAE_DATA", Path(__file__).resolve().parents[2] / "shared" / "data"))
    print("| data | model | lists | shortest | seconds | seen | repeated | unknown | gaps in rank |")
    print("|---|---|--:|--:|--:|--:|--:|--:|--:|")
    failed = False
    for data in chosen.data or FILES:
        log = recae.read(folder / FILES[data])
        for name in chosen.models:
            if model_class(name).info.needs == "ratings" and not log.has_ratings:
                continue
            started = time.perf_counter()
            try:
                found = faults(log, name)
            except DataError as error:
                sys.exit(f"{data}, {name}: {error}")
            failed |= any(found[2:])
            seconds = time.perf_counter() - started
            print(
                f"| {data} | {name} | {found[0]} | {found[1]} | {seconds:.0f} | {' | '.join(map(str, found[2:]))} |",
                flush=True,
            )
    sys.exit("Some lists are not as they should be." if failed else 0)


def faults(log: Interactions, name: str) -> tuple[int, int, int, int, int, int]:
    """Lists, the shortest one, and how many rows are seen, repeated, no item of the data, or out of rank."""
    model = recae.create(name, **QUICK.get(name, {})).fit(log, options=RunOptions(seed=1))
    lists = recae.recommend(model, log.matrix, TOP, users=log.users)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "lists.parquet"
        write_table(lists.to_arrow(log.users, log.items, log.columns), path)
        written = pq.read_table(path).to_pydict()
    table = log.to_arrow().to_pydict()
    user, item = log.columns.user, log.columns.item
    pairs, known = set(zip(table[user], table[item], strict=True)), set(table[item])
    listed = list(zip(written[user], written[item], strict=True))
    ranks: dict[object, list[int]] = {}
    for who, rank in zip(written[user], written["rank"], strict=True):
        ranks.setdefault(who, []).append(rank)
    return (
        len(ranks),
        min(map(len, ranks.values())),
        sum(pair in pairs for pair in listed),
        len(listed) - len(set(listed)),
        sum(what not in known for what in written[item]),
        sum(found != list(range(1, len(found) + 1)) for found in ranks.values()),
    )


if __name__ == "__main__":
    main()
