"""Users per second for exact top-N of factor vectors: recae, implicit's own recommend, and bare torch.topk.

    python scripts/bench/ranking.py                          # random data of the size of MovieLens 1M
    python scripts/bench/ranking.py train.parquet            # the users, items and histories of a file

All three multiply the same user and item vectors, leave out what a user has seen and keep the N best; bare torch.topk
leaves nothing out, settles no ties and holds the scores of a block only: it is the floor. Best of three runs, JSON out.
"""

from __future__ import annotations

import argparse
import json
import os
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from implicit.cpu.als import AlternatingLeastSquares
from scipy import sparse

from recae.data.ids import IdIndex
from recae.ranking.recommend import block_rows, recommend
from recae.ranking.rules import Rules


@dataclass
class Factors:
    """Scores by user position: the row's user id is its position."""

    items: IdIndex
    user_vectors: np.ndarray
    item_vectors: np.ndarray

    def score(self, histories: sparse.csr_array, users: IdIndex | None = None) -> np.ndarray:
        first = 0 if users is None else int(users.values[0].as_py())
        return self.user_vectors[first : first + histories.shape[0]] @ self.item_vectors.T


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("file", nargs="?", help="interactions in Parquet with user_id and item_id")
    parser.add_argument("--top", type=int, default=100)
    parser.add_argument("--factors", type=int, default=128)
    parser.add_argument("--levels", type=int, default=0, help="round vectors to this many levels, so that scores tie")
    options = parser.parse_args()

    histories = read(options.file) if options.file else made_up(6040, 3706, 1_000_000)
    model = factors_for(histories, options.factors, options.levels)
    users = IdIndex.range(histories.shape[0])
    runs: dict[str, Callable[[], object]] = {
        "recae": lambda: recommend(model, histories, options.top, users=users),
        "recae, seen items kept": lambda: recommend(
            model, histories, options.top, users=users, rules=Rules(exclude_seen=False)
        ),
        "implicit": implicit_run(model, histories, options.top),
        "torch.topk": lambda: bare_topk(model, histories.shape[0], options.top),
    }
    found = {name: round(histories.shape[0] / best_seconds(run)) for name, run in runs.items()}
    facts = {
        "users": histories.shape[0],
        "items": histories.shape[1],
        "interactions": histories.nnz,
        "factors": options.factors,
        "top": options.top,
        "threads": torch.get_num_threads(),
        "cpus": os.cpu_count(),
    }
    print(json.dumps(facts | {"users_per_second": found}, indent=2))


def read(path: str) -> sparse.csr_array:
    import pyarrow.parquet as pq

    table = pq.read_table(path, columns=["user_id", "item_id"])
    users, items = IdIndex(table["user_id"].unique()), IdIndex(table["item_id"].unique())
    entries = users.positions(table["user_id"]), items.positions(table["item_id"])
    return sparse.csr_array((np.ones(len(table), dtype=np.float32), entries), shape=(len(users), len(items)))


def made_up(n_users: int, n_items: int, n_interactions: int) -> sparse.csr_array:
    random = np.random.default_rng(0)
    item = np.minimum(random.exponential(n_items / 8, n_interactions).astype(int), n_items - 1)
    user = random.integers(0, n_users, n_interactions)
    matrix = sparse.csr_array((np.ones(n_interactions, dtype=np.float32), (user, item)), shape=(n_users, n_items))
    matrix.sum_duplicates()
    return matrix


def factors_for(histories: sparse.csr_array, factors: int, levels: int) -> Factors:
    random = np.random.default_rng(1)
    vectors = [random.standard_normal((size, factors), dtype=np.float32) for size in histories.shape]
    if levels:
        vectors = [np.round(v * levels / 3) for v in vectors]
    return Factors(IdIndex.range(histories.shape[1]), *vectors)


def implicit_run(model: Factors, histories: sparse.csr_array, top: int) -> Callable[[], object]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own advice about BLAS threads
        theirs = AlternatingLeastSquares(factors=model.item_vectors.shape[1])
    theirs.user_factors, theirs.item_factors = model.user_vectors, model.item_vectors
    seen, users = sparse.csr_matrix(histories), np.arange(histories.shape[0])

    def run() -> None:
        step = 1000  # as its own evaluation does
        for start in range(0, len(users), step):
            theirs.recommend(users[start : start + step], seen[start : start + step], N=top)

    return run


def bare_topk(model: Factors, n_users: int, top: int) -> None:
    user_vectors, item_vectors = torch.from_numpy(model.user_vectors), torch.from_numpy(model.item_vectors)
    step = block_rows(len(model.items))
    for start in range(0, n_users, step):
        torch.topk(user_vectors[start : start + step] @ item_vectors.T, top, dim=1)


def best_seconds(run: Callable[[], object]) -> float:
    times = []
    for _ in range(3):
        started = time.perf_counter()
        run()
        times.append(time.perf_counter() - started)
    return min(times)


if __name__ == "__main__":
    main()
