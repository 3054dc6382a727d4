"""Users per second for exact top-N of factor vectors: recae, implicit's own recommend, and bare torch.topk; and the
seconds of a full evaluation by recae and of one metric by implicit.

    python scripts/bench/ranking.py                          # random data of the size of MovieLens 1M
    python scripts/bench/ranking.py train.parquet            # the users, items and histories of a file

All three multiply the same user and item vectors, leave out what a user has seen and keep the N best; bare torch.topk
leaves nothing out, settles no ties and holds the scores of a block only. recae is run by the products of the vectors
and, as for models without vectors, from blocks of scores. implicit is run with 1 and with 2 threads of its own, BLAS
held to one, and as it comes. The runs take turns; the median of three counts. JSON out.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from implicit.cpu.als import AlternatingLeastSquares
from implicit.evaluation import ndcg_at_k
from scipy import sparse
from threadpoolctl import threadpool_limits

from recae.data.ids import IdIndex
from recae.data.split import HeldOut
from recae.evaluation.evaluate import evaluate
from recae.ranking.lists import Product
from recae.ranking.recommend import block_rows, recommend
from recae.ranking.rules import Rules

METRICS = [f"{name}@{k}" for name in ("ndcg", "recall", "map", "mrr", "coverage") for k in (10, 20, 100)]


@dataclass
class Factors:
    """Scores by user position: the row's user id is its position."""

    items: IdIndex
    user_vectors: np.ndarray
    item_vectors: np.ndarray

    def score(self, histories: sparse.csr_array, users: IdIndex | None = None) -> np.ndarray:
        first = 0 if users is None else int(users.values[0].as_py())
        return self.user_vectors[first : first + histories.shape[0]] @ self.item_vectors.T

    def as_product(self) -> Product:
        def queries(histories: sparse.csr_array, users: IdIndex | None) -> np.ndarray:
            first = 0 if users is None else int(users.values[0].as_py())
            return self.user_vectors[first : first + histories.shape[0]]

        return Product(queries, self.item_vectors)


class Scores(Factors):
    """The same, without the way by vectors."""

    as_product = None  # type: ignore[assignment]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("file", nargs="?", help="interactions in Parquet with user_id and item_id")
    parser.add_argument("--top", type=int, default=100)
    parser.add_argument("--factors", type=int, default=128)
    parser.add_argument("--levels", type=int, default=0, help="round vectors to this many levels, so that scores tie")
    parser.add_argument("--vectors", action="store_true", help="train the vectors on the histories (iALS)")
    parser.add_argument("--only", default="", help="run what has one of these words in its name, between commas")
    options = parser.parse_args()

    histories = read(options.file) if options.file else made_up(6040, 3706, 1_000_000)
    model = factors_for(histories, options.factors, options.levels)
    if options.vectors:
        model = trained(histories, options.factors)
    scores = Scores(model.items, model.user_vectors, model.item_vectors)
    users = IdIndex.range(histories.shape[0])
    truth = held_out(histories)
    runs: dict[str, Callable[[], object]] = {
        "recae": lambda: recommend(model, histories, options.top, users=users),
        "recae, seen items kept": lambda: recommend(
            model, histories, options.top, users=users, rules=Rules(exclude_seen=False)
        ),
        "recae, blocks of scores": lambda: recommend(scores, histories, options.top, users=users),
        "implicit, 1 thread": implicit_run(model, histories, options.top, 1, 1),
        "implicit, 2 threads": implicit_run(model, histories, options.top, 2, 1),
        "implicit, as it comes": implicit_run(model, histories, options.top, 0, None),
        "torch.topk": lambda: bare_topk(model, histories.shape[0], options.top),
        "recae evaluates": lambda: evaluate(model, truth, METRICS),
        "recae ranks as much": lambda: recommend(model, truth.history, 100, users=truth.users),
        "implicit evaluates one metric": implicit_evaluation(model, truth, 100),
    }
    chosen = {name: run for name, run in runs.items() if any(part in name for part in options.only.split(","))}
    seconds = median_seconds(chosen)
    facts = {
        "users": histories.shape[0],
        "items": histories.shape[1],
        "interactions": histories.nnz,
        "factors": options.factors,
        "top": options.top,
        "threads": torch.get_num_threads(),
        "cpus": os.cpu_count(),
        "seconds": {name: round(took, 3) for name, took in seconds.items()},
        "users_per_second": {name: round(histories.shape[0] / took) for name, took in seconds.items()},
    }
    print(json.dumps(facts, indent=2))


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


def trained(histories: sparse.csr_array, factors: int) -> Factors:
    from recae.data.interactions import Interactions
    from recae.models.factorization.ials import Ials

    log = Interactions(histories, IdIndex.range(histories.shape[0]), IdIndex.range(histories.shape[1]))
    model = Ials(factors=factors, epochs=3).fit(log)
    return Factors(model.items, model.user_vectors(histories), model.item_vectors())


def held_out(histories: sparse.csr_array) -> HeldOut:
    """A fifth of everybody's items as targets."""
    chosen = np.random.default_rng(2).random(histories.nnz) < 0.2
    parts = []
    for entries in (~chosen, chosen):
        ends = np.concatenate(([0], np.cumsum(entries)))[histories.indptr].astype(np.int32)  # as implicit wants
        parts.append(
            sparse.csr_array(
                (histories.data[entries], histories.indices[entries].astype(np.int32), ends), histories.shape
            )
        )
    nothing = np.zeros(histories.shape[0], dtype=np.int64)
    return HeldOut(parts[0], parts[1], IdIndex.range(histories.shape[0]), nothing)


def of_implicit(model: Factors) -> AlternatingLeastSquares:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # its own advice about BLAS threads
        theirs = AlternatingLeastSquares(factors=model.item_vectors.shape[1])
    theirs.user_factors, theirs.item_factors = model.user_vectors, model.item_vectors
    return theirs


def implicit_run(
    model: Factors, histories: sparse.csr_array, top: int, threads: int, blas: int | None
) -> Callable[[], object]:
    theirs, seen, users = of_implicit(model), sparse.csr_matrix(histories), np.arange(histories.shape[0])
    theirs.num_threads = threads

    def run() -> None:
        step = 1000  # as its own evaluation does
        with threadpool_limits(blas, "blas"):
            for start in range(0, len(users), step):
                theirs.recommend(users[start : start + step], seen[start : start + step], N=top)

    return run


def implicit_evaluation(model: Factors, truth: HeldOut, top: int) -> Callable[[], object]:
    theirs, known, target = of_implicit(model), sparse.csr_matrix(truth.history), sparse.csr_matrix(truth.target)

    def run() -> None:
        with threadpool_limits(1, "blas"):
            ndcg_at_k(theirs, known, target, K=top, show_progress=False, num_threads=2)

    return run


def bare_topk(model: Factors, n_users: int, top: int) -> None:
    user_vectors, item_vectors = torch.from_numpy(model.user_vectors), torch.from_numpy(model.item_vectors)
    step = block_rows(len(model.items))
    for start in range(0, n_users, step):
        torch.topk(user_vectors[start : start + step] @ item_vectors.T, top, dim=1)


def median_seconds(runs: dict[str, Callable[[], object]]) -> dict[str, float]:
    times: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(3):
        for name, run in runs.items():
            started = time.perf_counter()
            run()
            times[name].append(time.perf_counter() - started)
    return {name: statistics.median(each) for name, each in times.items()}


if __name__ == "__main__":
    main()
