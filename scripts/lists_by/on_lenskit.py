"""LensKit: EASE in its standard pipeline, lists saved as it saves them, figures by `RunAnalysis`."""

from __future__ import annotations

from common import Job, answer
from lenskit import batch
from lenskit.data import ItemListCollection, from_interactions_df
from lenskit.knn import EASEScorer
from lenskit.metrics import NDCG, Hit, Precision, Recall, RecipRank, RunAnalysis
from lenskit.metrics.ranking import LogRankWeight
from lenskit.metrics.ranking._map import AveragePrecision
from lenskit.pipeline import topn_pipeline

job = Job()
pipe = topn_pipeline(EASEScorer(regularization=100), n=job.depth)
pipe.train(from_interactions_df(job.known))
wanted = ItemListCollection.from_df(job.test[["user_id", "item_id"]], ["user_id"])
lists = batch.recommend(pipe, sorted(set(job.test["user_id"])), n=job.depth, n_jobs=1)
file = job.out / "lenskit.parquet"
lists.save_parquet(file)

k = job.k
analysis = RunAnalysis()
for label, metric in {
    "NDCG(n=k)": NDCG(n=k),
    "NDCG(n=k, weight=LogRankWeight(offset=1))": NDCG(n=k, weight=LogRankWeight(offset=1)),
    "Recall(n=k)": Recall(n=k),
    "Precision(n=k)": Precision(n=k),
    "AveragePrecision(n=k)": AveragePrecision(n=k),
    "RecipRank(n=k)": RecipRank(n=k),
    "Hit(n=k)": Hit(n=k),
}.items():
    analysis.add_metric(metric, label)
found = analysis.measure(lists, wanted).list_metrics().mean()
answer(file, "`EASEScorer`, `ItemListCollection.save_parquet`, `RunAnalysis`", "lenskit", found.to_dict())
