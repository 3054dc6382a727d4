"""RecTools: EASE, lists by its rankers, and `calc_metrics`."""

from __future__ import annotations

import numpy as np
import pandas as pd
from common import DEPTH, Job, main, padded
from implicit.als import AlternatingLeastSquares
from rectools import Columns
from rectools.dataset import Dataset
from rectools.metrics import MAP, MRR, NDCG, CatalogCoverage, Recall, calc_metrics
from rectools.models import EASEModel, ImplicitALSWrapperModel
from rectools.models.rank import Distance, ImplicitRanker
from scipy import sparse


def table(matrix: sparse.csr_matrix) -> pd.DataFrame:
    entries = matrix.tocoo()
    return pd.DataFrame(
        {Columns.User: entries.row, Columns.Item: entries.col, Columns.Weight: 1.0, Columns.Datetime: "2026-01-01"}
    )


def ease_fit(job: Job) -> None:
    data = Dataset.construct(table(job.train))
    model = EASEModel(regularization=job.settings["l2"], recommend_n_threads=job.threads)
    with job.work():
        model.fit(data)
    items = data.item_id_map.convert_to_internal(np.arange(job.shape[1]))
    job.keep_best(lambda users: job.train[users] @ model.weight[np.ix_(items, items)])


def autoencoder_top(job: Job) -> None:
    data, users = Dataset.construct(table(job.train)), np.arange(job.shape[0])
    model = EASEModel(regularization=job.settings["l2"], recommend_n_threads=job.settings["num_threads"]).fit(data)
    with job.work(users=len(users)):
        lists = model.recommend(users, data, k=DEPTH, filter_viewed=True)
    job.keep_lists(padded(lists[Columns.User].to_numpy(), lists[Columns.Item].to_numpy(), len(users)), users)


def top(job: Job) -> None:
    factors, users = job.arrays("factors"), np.arange(job.shape[0])
    if "num_threads" in job.settings:
        ranker = ImplicitRanker(
            Distance.DOT, factors["users"], factors["items"], num_threads=job.settings["num_threads"]
        )
    else:
        from rectools.models.rank import TorchRanker

        ranker = TorchRanker(Distance.DOT, "cpu", factors["users"], factors["items"], job.settings["batch"])
    with job.work(users=len(users)):
        rows, items, _ = ranker.rank(users, k=DEPTH, filter_pairs_csr=job.train)
    job.keep_lists(padded(np.asarray(rows), np.asarray(items), len(users)), users)


def evaluation(job: Job) -> None:
    factors, data = job.arrays("factors"), Dataset.construct(table(job.train))
    solver = AlternatingLeastSquares(factors=factors["users"].shape[1])
    model = ImplicitALSWrapperModel(solver, recommend_n_threads=job.settings["num_threads"])
    model.model = solver
    model.model.user_factors = factors["users"][data.user_id_map.external_ids]
    model.model.item_factors = factors["items"][data.item_id_map.external_ids]
    model.is_fitted = True
    wanted, users = table(job.target), job.test_users()
    catalog = np.arange(job.shape[1])
    metrics = {
        f"{name}@{k}": metric(k=k)
        for k in (10, 20, 100)
        for name, metric in (
            ("ndcg", NDCG),
            ("recall", Recall),
            ("map", MAP),
            ("mrr", MRR),
            ("coverage", CatalogCoverage),
        )
    }
    with job.work(users=len(users)):
        lists = model.recommend(users, data, k=DEPTH, filter_viewed=True)
        values = calc_metrics(metrics, reco=lists, interactions=wanted, catalog=catalog)
    job.say(note="means only", values={name: float(value) for name, value in values.items()})


if __name__ == "__main__":
    main(
        {"ease-fit": ease_fit, "ease-top-100": autoencoder_top, "top-100": top, "evaluation": evaluation},
        ["rectools", "pm-implicit", "numpy", "scipy", "pandas"],
    )
