"""LensKit: EASE, batch recommendation by its pipelines, and `RunAnalysis`."""

from __future__ import annotations

import numpy as np
import pandas as pd
from common import DEPTH, Job, main, padded
from lenskit import batch
from lenskit.als import ImplicitMFScorer
from lenskit.data import Dataset, ItemListCollection, from_interactions_df
from lenskit.knn import EASEScorer
from lenskit.metrics import NDCG, Recall, RecipRank, RunAnalysis
from lenskit.metrics.ranking._map import AveragePrecision
from lenskit.pipeline import topn_pipeline
from scipy import sparse


def table(matrix: sparse.csr_matrix) -> pd.DataFrame:
    entries = matrix.tocoo()
    return pd.DataFrame({"user_id": entries.row, "item_id": entries.col})


def data_of(job: Job) -> Dataset:
    return from_interactions_df(table(job.train), users=np.arange(job.shape[0]), items=np.arange(job.shape[1]))


def ease_fit(job: Job) -> None:
    data, scorer = data_of(job), EASEScorer(regularization=job.settings["l2"])
    with job.work():
        scorer.train(data)
    job.keep_best(lambda users: job.train[users] @ scorer.weights)


def lists_of(collection: ItemListCollection, users: int) -> np.ndarray:
    found = collection.to_df()
    return padded(found["user_id"].to_numpy(), found["item_id"].to_numpy(), users)


def ease_top(job: Job) -> None:
    data, users = data_of(job), np.arange(job.shape[0])
    pipe = topn_pipeline(EASEScorer(regularization=job.settings["l2"]), n=DEPTH)
    pipe.train(data)
    with job.work(users=len(users)):
        lists = batch.recommend(pipe, users, n=DEPTH, n_jobs=job.settings["n_jobs"])
    job.keep_lists(lists_of(lists, len(users)), users)


def factor_pipeline(job: Job, data: Dataset) -> object:
    factors = job.arrays("factors")
    scorer = ImplicitMFScorer(embedding_size=factors["users"].shape[1], epochs=1, user_embeddings="prefer")
    pipe = topn_pipeline(scorer, n=DEPTH)
    pipe.train(data)
    fitted = pipe.node("scorer").component
    fitted.user_embeddings, fitted.item_embeddings = factors["users"], factors["items"]
    return pipe


def top(job: Job) -> None:
    data, users = data_of(job), np.arange(job.shape[0])
    pipe = factor_pipeline(job, data)
    with job.work(users=len(users)):
        lists = batch.recommend(pipe, users, n=DEPTH, n_jobs=job.settings["n_jobs"])
    job.keep_lists(lists_of(lists, len(users)), users)


def evaluation(job: Job) -> None:
    data, users = data_of(job), job.test_users()
    pipe = factor_pipeline(job, data)
    wanted = ItemListCollection.from_df(table(job.target), ["user_id"])
    analysis = RunAnalysis()
    for k in (10, 20, 100):
        for metric in (NDCG, Recall, RecipRank, AveragePrecision):
            analysis.add_metric(metric(n=k))
    with job.work(users=len(users)):
        lists = batch.recommend(pipe, users, n=DEPTH, n_jobs=job.settings["n_jobs"])
        found = analysis.measure(lists, wanted)
        per_user = found.list_metrics()
    job.say(note="without coverage, which it does not have", values=per_user.mean().to_dict())


if __name__ == "__main__":
    main(
        {"ease-fit": ease_fit, "ease-top-100": ease_top, "top-100": top, "evaluation": evaluation},
        ["lenskit", "torch", "numpy", "scipy"],
    )
